// What zombies burned in the days of a review: the requests that were counted, and the latencies of their trials.
import type { Queryable } from "../../db/pool.ts";
import { decodeSketch } from "../../../shared/telemetry/latency-sketch.ts";
import { sketchesOf, type AggregatePart } from "../aggregates.ts";
import { eachPart } from "../read-parts.ts";
import { burnOf, latencyDifference, type Burn, type Prices } from "./burn.ts";

type Place = { readonly featureId: string; readonly epoch: number };

type BurnRow = {
  featureId: string;
  treatment: Uint8Array | null;
  holdout: Uint8Array | null;
};

/** Requests of treatment in [since, until), by feature. */
const readRequests = async (
  part: AggregatePart,
  features: readonly Place[],
  { since, until }: { readonly since: number; readonly until: number },
): Promise<ReadonlyMap<string, number>> => {
  const { rows } = await part.db.query<{ featureId: string; requests: number }>(
    `select g.feature_id as "featureId",
       coalesce((
         select sum(l.requests) from ${sketchesOf(part)} l
         where l.feature_id = g.feature_id and l.epoch = g.epoch and l.bucket_s >= $3 and l.bucket_s < $4
           and l.cohort = 'treatment'
       ), 0)::float8 as requests
     from unnest($1::text[], $2::integer[]) as g (feature_id, epoch)`,
    [
      features.map(({ featureId }) => featureId),
      features.map(({ epoch }) => epoch),
      Math.floor(since),
      Math.floor(until),
    ],
  );
  return new Map(rows.map(({ featureId, requests }) => [featureId, requests]));
};

export const readBurns = async (
  db: Queryable,
  parts: readonly AggregatePart[],
  features: readonly Place[],
  { since, until, prices }: { readonly since: number; readonly until: number; readonly prices: Prices },
): Promise<ReadonlyMap<string, Burn>> => {
  const { rows } = await db.query<BurnRow>(
    `select g.feature_id as "featureId",
       t.treatment_sketch as treatment, t.holdout_sketch as holdout
     from unnest($1::text[], $2::integer[]) as g (feature_id, epoch)
     left join pmf_trials t on t.feature_id = g.feature_id and t.epoch = g.epoch`,
    [features.map(({ featureId }) => featureId), features.map(({ epoch }) => epoch)],
  );
  const counted = await eachPart(parts, (part) => readRequests(part, features, { since, until }));
  const requestsOf = (id: string): number => counted.reduce((sum, of) => sum + (of.get(id) ?? 0), 0);
  return new Map(
    rows.map(({ featureId, treatment, holdout }) => {
      const cohorts =
        treatment === null || holdout === null
          ? null
          : { treatment: decodeSketch(treatment), holdout: decodeSketch(holdout) };
      return [featureId, burnOf(requestsOf(featureId), latencyDifference(cohorts), prices)];
    }),
  );
};
