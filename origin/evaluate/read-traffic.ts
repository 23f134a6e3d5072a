// Reads the requests of many features in one statement, by the bucket in which they came in.
import { countAbove } from "../../shared/telemetry/latency-sketch.ts";
import type { TrafficBucket } from "../decide/accumulate-requests.ts";
import { addTallies, EMPTY_TALLIES, EMPTY_TALLY, type Tally } from "../decide/statistics/tally.ts";
import type { Rule } from "../../shared/features/rule.ts";
import { planOf, sketchesOf, type AggregatePart } from "./aggregates.ts";
import { rangeColumns, type BucketRange } from "./bucket-range.ts";

/** Some of the requests of one bucket and cohort: several processes may have counted their own. */
export type TrafficPart = {
  readonly bucketS: number;
  readonly cohort: "treatment" | "holdout";
  readonly kind: "document" | "fetch";
  /** All: finished, failed and unfinished ones. */
  readonly requests: number;
  readonly errors: number;
  readonly unfinished: number;
  /** How long finished requests took that did not fail. */
  readonly sketch: Uint8Array;
  /** How long unfinished requests were waited for; null: there are none. */
  readonly unfinishedSketch: Uint8Array | null;
};

type TrafficRow = Omit<TrafficPart, "bucketS" | "unfinishedSketch"> & {
  position: number;
  bucket_s: number;
  unfinished_sketch: Uint8Array | null;
};

/** For each range, in its order, the parts of its buckets, rising. */
export const readTraffic = async (
  part: AggregatePart,
  ranges: readonly BucketRange[],
): Promise<TrafficPart[][]> => {
  const found = ranges.map((): TrafficPart[] => []);
  if (ranges.length === 0) return found;
  const { rows } = await part.db.query<TrafficRow>({
    name: planOf("read-traffic", part),
    text: `
     select w.position::int, l.bucket_s, l.cohort, l.kind, l.requests, l.errors, l.unfinished,
       l.sketch, l.unfinished_sketch
     from unnest($1::text[], $2::int[], $3::bigint[], $4::bigint[])
       with ordinality as w (feature_id, epoch, from_s, up_to_s, position)
     cross join lateral (
       select * from ${sketchesOf(part)} s
       where feature_id = w.feature_id and epoch = w.epoch and bucket_s >= w.from_s and bucket_s < w.up_to_s
       order by bucket_s
     ) l
     order by w.position, l.bucket_s`,
    values: rangeColumns(ranges),
  });
  for (const { position, bucket_s: bucketS, unfinished_sketch: unfinishedSketch, ...counted } of rows)
    found[position - 1]?.push({ bucketS, unfinishedSketch, ...counted });
  return found;
};

/** Requests that take part in the judgement of latency. */
export const isJudgedForLatency = (
  { kind }: Pick<TrafficPart, "kind">,
  latencyOf: Rule["latency"]["of"],
): boolean => latencyOf === "all" || kind === "document";

/**
 * Latency's witnesses. A failed request is slow, whatever it took. An unfinished one is slow once it was waited for longer than the
 * threshold; before, nobody knows, and it is left out.
 */
const witnessesOf = (part: TrafficPart, thresholdMs: number): Tally => {
  const { requests, errors, unfinished, sketch, unfinishedSketch } = part;
  const hung = unfinishedSketch === null ? 0 : countAbove(unfinishedSketch, thresholdMs);
  const n = requests - unfinished + hung;
  // Sketches of an earlier version hold failed requests too.
  return { n, s: Math.min(n, countAbove(sketch, thresholdMs) + errors + hung) };
};

/** Buckets in rising order, with the requests that were slow, failed or unfinished. */
export const trafficBuckets = (
  parts: readonly TrafficPart[],
  { latencyThresholdMs, latencyOf }: { latencyThresholdMs: number; latencyOf: Rule["latency"]["of"] },
): TrafficBucket[] => {
  const buckets = new Map<number, Required<TrafficBucket>>();
  for (const part of parts) {
    const { bucketS, cohort, requests, errors, unfinished } = part;
    const before = buckets.get(bucketS) ?? {
      bucketS,
      latency: EMPTY_TALLIES,
      errors: EMPTY_TALLIES,
      unfinished: { treatment: 0, holdout: 0 },
    };
    const witnesses = isJudgedForLatency(part, latencyOf)
      ? witnessesOf(part, latencyThresholdMs)
      : EMPTY_TALLY;
    buckets.set(bucketS, {
      bucketS,
      latency: { ...before.latency, [cohort]: addTallies(before.latency[cohort], witnesses) },
      errors: { ...before.errors, [cohort]: addTallies(before.errors[cohort], { n: requests, s: errors }) },
      unfinished: { ...before.unfinished, [cohort]: before.unfinished[cohort] + unfinished },
    });
  }
  return [...buckets.values()];
};
