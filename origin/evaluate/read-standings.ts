// How many features stand, each in short: what a row of a list says. Two statements read all of them, and as much for each however
// old its epoch is.
import { z } from "zod";
import type { Queryable } from "../db/pool.ts";
import { arrivalsOf, countsOf, planOf, sketchesOf, type AggregatePart } from "./aggregates.ts";
import { eachPart } from "./read-parts.ts";
import type { FeatureId } from "../../shared/ids.ts";
import { standingOf } from "./standing.ts";
import { StoredDecision } from "./stored-decision.ts";

const DAY = 86_400;

const Row = z.object({
  feature_id: z.string(),
  scores: z.array(z.number()),
  nearness: z.number().nullable(),
  looked_at: z.date().nullable(),
  ramp_since: z.date().nullable(),
  ramp_paused: z.boolean().nullable(),
  treatment: z.number().nullable(),
  holdout: z.number().nullable(),
  first_s: z.number().nullable(),
  telemetry_s: z.number().nullable(),
  of_day: z.number(),
  at: z.date().nullable(),
  state: z.string().nullable(),
  action: z.string().nullable(),
  mode: z.string().nullable(),
  sentence: z.string().nullable(),
  // One that cannot be read has a verdict and no signals, and hides no other feature of the list.
  decision: StoredDecision.nullable().catch(null),
});

export type ListedForStanding = {
  readonly featureId: FeatureId;
  readonly epoch: number;
  readonly rolloutBps: number;
  readonly holdoutBps?: number | undefined;
  /** null: it has no rule. */
  readonly minCohortSize: number | null;
};

type Counted = { readonly feature_id: string; readonly telemetry_s: number | null; readonly of_day: number };

/** The newest bucket of each that holds anything, and its units of the last day. */
const readCounted = async (
  part: AggregatePart,
  features: readonly ListedForStanding[],
  now: number,
): Promise<ReadonlyMap<string, Counted>> => {
  const { rows } = await part.db.query<Counted>({
    name: planOf("read-standings-counted", part),
    text: `
      select g.feature_id,
        greatest(
          (select o.bucket_s from ${countsOf(part)} o
           where o.feature_id = g.feature_id and o.epoch = g.epoch order by o.bucket_s desc limit 1),
          (select k.bucket_s from ${sketchesOf(part)} k
           where k.feature_id = g.feature_id and k.epoch = g.epoch order by k.bucket_s desc limit 1)
        )::float8 as telemetry_s,
        (select coalesce(sum(a.units), 0)::float8 from ${arrivalsOf(part)} a
         where a.feature_id = g.feature_id and a.epoch = g.epoch and a.hour_s > $3::bigint) as of_day
      from unnest($1::text[], $2::integer[]) as g (feature_id, epoch)`,
    values: [
      features.map(({ featureId }) => featureId),
      features.map(({ epoch }) => epoch),
      Math.floor(now) - DAY,
    ],
  });
  return new Map(rows.map((row) => [row.feature_id, row]));
};

const addCounted = (ofParts: readonly (Counted | undefined)[]): Omit<Counted, "feature_id"> => {
  const newest = ofParts.flatMap((one) => one?.telemetry_s ?? []);
  return {
    telemetry_s: newest.length === 0 ? null : Math.max(...newest),
    of_day: ofParts.reduce((sum, one) => sum + (one?.of_day ?? 0), 0),
  };
};

/** `now`: unix seconds. */
export const readStandings = async (
  db: Queryable,
  parts: readonly AggregatePart[],
  features: readonly ListedForStanding[],
  now: number,
): Promise<ReadonlyMap<string, ReturnType<typeof standingOf>>> => {
  const { rows } = await db.query<{ feature_id: string }>({
    name: "read-standings",
    text: `
      select g.feature_id, coalesce(s.scores, '{}') as scores, s.nearness, l.looked_at,
        p.since as ramp_since, p.paused as ramp_paused,
        (t.evidence #>> '{exposed,treatment}')::float8 as treatment, (t.evidence #>> '{exposed,holdout}')::float8 as holdout,
        (t.evidence #>> '{exposed,firstBucketS}')::float8 as first_s,
        e.at, e.state, e.action, e.mode, e.decision ->> 'reason' as sentence, e.decision
      from unnest($1::text[], $2::integer[]) as g (feature_id, epoch)
      left join pmf_standings s on s.feature_id = g.feature_id and s.epoch = g.epoch
      left join pmf_evaluations e on e.id = s.evaluation_id
      left join pmf_trials t on t.feature_id = g.feature_id and t.epoch = g.epoch
      left join pmf_looks l on l.feature_id = g.feature_id
      left join pmf_ramps p on p.feature_id = g.feature_id`,
    values: [features.map(({ featureId }) => featureId), features.map(({ epoch }) => epoch)],
  });
  const counted = await eachPart(parts, (part) => readCounted(part, features, now));
  const byId = new Map(features.map((feature) => [String(feature.featureId), feature]));
  return new Map(
    rows.flatMap((row) => {
      const read = Row.parse({ ...row, ...addCounted(counted.map((of) => of.get(row.feature_id))) });
      const feature = byId.get(read.feature_id);
      return feature === undefined ? [] : [[read.feature_id, standingOf(feature, read, now)] as const];
    }),
  );
};
