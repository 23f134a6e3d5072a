// What the fold would have counted of a feature's visitors, hour by hour, written as the fold writes it.
import type { Pool } from "../../origin/db/pool.ts";
import { agesOf } from "../../shared/features/outcome-ages.ts";
import { emptySketch, encodeSketch, recordLatency } from "../../shared/telemetry/latency-sketch.ts";
import type { Rule } from "../../shared/features/rule.ts";
import { chanceOf, normal, someOf } from "./chance.ts";

/** What the people of one cohort do. */
export type Behaviour = {
  /** Shares of those who met the feature. */
  readonly activation: number;
  readonly retention: number;
  /** Median of the requests, in ms. */
  readonly latencyMs: number;
  readonly errorRate: number;
};

export type Cohorts = { readonly treatment: Behaviour; readonly holdout: Behaviour };

/** A feature in one hour. */
export type FeatureHour = {
  readonly featureId: string;
  readonly epoch: number;
  /** Number of the hour since the installation began: its chance goes by it. */
  readonly hour: number;
  /** Unix seconds at which the hour's bucket begins. */
  readonly bucketS: number;
  readonly units: Readonly<Record<keyof Cohorts, number>>;
  readonly cohorts: Cohorts;
  readonly windows: Pick<Rule, "activationWindowSeconds" | "retentionWindowSeconds" | "returnAfterSeconds">;
};

const COHORTS = ["treatment", "holdout"] as const;
const REQUESTS_PER_UNIT = 2;
/** Of the logarithm of latency: a few requests take four times as long as most. */
const LATENCY_SPREAD = 0.45;

/** Share of the people who act in the end that has acted at this age: most of them do so soon. */
const actedBy = (ageS: number, windowS: number): number => (ageS / windowS) ** 0.16;
const returnedBy = (ageS: number, windowS: number): number => (ageS / windowS) ** 0.6;

type Count = {
  readonly at: FeatureHour;
  readonly cohort: string;
  readonly signal: string;
  readonly ageS: number;
  readonly units: number;
};

/** Nobody has an age that lies after `untilS`. */
const countsOf = (at: FeatureHour, cohort: keyof Cohorts, untilS: number): Count[] => {
  const units = at.units[cohort];
  const { activation, retention } = at.cohorts[cohort];
  const { activationWindowSeconds: actS, retentionWindowSeconds: returnS } = at.windows;
  const chance = chanceOf(`${at.featureId} ${at.hour} ${cohort}`);
  const acted = someOf(units, activation, chance);
  const returned = someOf(units, retention, chance);
  const ages = agesOf(at.windows);
  return [
    { at, cohort, signal: "exposure", ageS: 0, units },
    ...ages.activation.map((ageS) => ({
      at,
      cohort,
      signal: "activation",
      ageS,
      units: Math.round(acted * actedBy(ageS, actS)),
    })),
    ...ages.retention.map((ageS) => ({
      at,
      cohort,
      signal: "retention",
      ageS,
      units: Math.round(returned * returnedBy(ageS, returnS)),
    })),
  ].filter(({ ageS, units: counted }) => counted > 0 && at.bucketS + ageS <= untilS);
};

const requestsOf = (at: FeatureHour, cohort: keyof Cohorts) => {
  const { latencyMs, errorRate } = at.cohorts[cohort];
  const chance = chanceOf(`latency ${at.featureId} ${at.hour} ${cohort}`);
  const requests = at.units[cohort] * REQUESTS_PER_UNIT;
  const errors = someOf(requests, errorRate, chance);
  const sketch = emptySketch();
  for (let request = errors; request < requests; request++)
    recordLatency(sketch, latencyMs * Math.exp(LATENCY_SPREAD * normal(chance)));
  return { at, cohort, requests, errors, sketch: Buffer.from(encodeSketch(sketch)) };
};

/** `owner`: connected as the owner of the tables. */
export const insertTelemetry = async (
  owner: Pool,
  hours: readonly FeatureHour[],
  untilS: number,
): Promise<void> => {
  const counts = hours.flatMap((at) => COHORTS.flatMap((cohort) => countsOf(at, cohort, untilS)));
  await owner.query(
    `insert into outcome_counts (feature_id, epoch, bucket_s, cohort, signal, age_s, units)
     select * from unnest($1::text[], $2::int[], $3::bigint[], $4::text[], $5::text[], $6::int[], $7::int[])`,
    [
      counts.map(({ at }) => at.featureId),
      counts.map(({ at }) => at.epoch),
      counts.map(({ at }) => at.bucketS),
      counts.map(({ cohort }) => cohort),
      counts.map(({ signal }) => signal),
      counts.map(({ ageS }) => ageS),
      counts.map(({ units }) => units),
    ],
  );
  const requests = hours
    .flatMap((at) => COHORTS.map((cohort) => requestsOf(at, cohort)))
    .filter((row) => row.requests > 0);
  await owner.query(
    `insert into latency_sketches
       (feature_id, epoch, bucket_s, cohort, partition, kind, requests, errors, sketch)
     select feature_id, epoch, bucket_s, cohort, 0, 'fetch', requests, errors, sketch
     from unnest($1::text[], $2::int[], $3::bigint[], $4::text[], $5::int[], $6::int[], $7::bytea[])
       as given (feature_id, epoch, bucket_s, cohort, requests, errors, sketch)`,
    [
      requests.map(({ at }) => at.featureId),
      requests.map(({ at }) => at.epoch),
      requests.map(({ at }) => at.bucketS),
      requests.map(({ cohort }) => cohort),
      requests.map((row) => row.requests),
      requests.map((row) => row.errors),
      requests.map((row) => row.sketch),
    ],
  );
};
