// What zombies burned in the days of a review: the requests that were counted, and the latencies of their trials.
import type { Queryable } from "../../db/pool.ts";
import { decodeSketch } from "../../../shared/telemetry/latency-sketch.ts";
import { burnOf, latencyDifference, type Burn, type Prices } from "./burn.ts";

type Place = { readonly featureId: string; readonly epoch: number };

type BurnRow = {
  featureId: string;
  requests: number;
  treatment: Uint8Array | null;
  holdout: Uint8Array | null;
};

export const readBurns = async (
  db: Queryable,
  features: readonly Place[],
  { since, until, prices }: { readonly since: number; readonly until: number; readonly prices: Prices },
): Promise<ReadonlyMap<string, Burn>> => {
  const { rows } = await db.query<BurnRow>(
    `select g.feature_id as "featureId",
       coalesce((
         select sum(l.requests) from latency_sketches l
         where l.feature_id = g.feature_id and l.epoch = g.epoch and l.bucket_s >= $3 and l.bucket_s < $4
           and l.cohort = 'treatment'
       ), 0)::float8 as requests,
       t.treatment_sketch as treatment, t.holdout_sketch as holdout
     from unnest($1::text[], $2::integer[]) as g (feature_id, epoch)
     left join pmf_trials t on t.feature_id = g.feature_id and t.epoch = g.epoch`,
    [
      features.map(({ featureId }) => featureId),
      features.map(({ epoch }) => epoch),
      Math.floor(since),
      Math.floor(until),
    ],
  );
  return new Map(
    rows.map(({ featureId, requests, treatment, holdout }) => {
      const cohorts =
        treatment === null || holdout === null
          ? null
          : { treatment: decodeSketch(treatment), holdout: decodeSketch(holdout) };
      return [featureId, burnOf(requests, latencyDifference(cohorts), prices)];
    }),
  );
};
