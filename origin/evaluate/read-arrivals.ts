// The hours of a trial in which units came in another way than usual, and its evidence without them.
import { findAnomalies, type Anomaly, type Hour } from "../decide/anomalies.ts";
import type { Evidence, OutcomeEvidence } from "../decide/evidence.ts";
import type { Ordinary } from "../decide/held-back.ts";
import type { Tally } from "../decide/statistics/tally.ts";
import type { Queryable } from "../db/pool.ts";
import type { FeatureId } from "../../shared/ids.ts";

const HOUR = 3_600;

type FeatureEpoch = { readonly featureId: FeatureId; readonly epoch: number };

/** `now`: unix seconds. */
const readAnomalies = async (
  db: Queryable,
  { featureId, epoch }: FeatureEpoch,
  { since, sampleRatio }: { since: number; sampleRatio: Pick<Evidence["sampleRatio"], "since"> },
  now: number,
): Promise<Anomaly[]> => {
  const { rows: hours } = await db.query<Hour>({
    name: "read-arrivals",
    text: `
      select hour_s as "hourS", units, seen_again as "seenAgain", largest_network as "largestNetwork"
      from arrivals where feature_id = $1 and epoch = $2 and hour_s > $3 and units > 0 order by hour_s`,
    values: [featureId, epoch, since - HOUR],
  });
  return findAnomalies(hours, { since, sameSharesSince: sampleRatio.since, upTo: now });
};

/** Of the feature's present trial; none before it has begun. */
export const readTrialAnomalies = async (
  db: Queryable,
  feature: FeatureEpoch,
  now: number,
): Promise<Anomaly[]> => {
  const { rows } = await db.query<{ since: number; shares_since: number }>(
    `select (evidence ->> 'since')::float8 as since, (evidence #>> '{sampleRatio,since}')::float8 as shares_since
     from pmf_trials where feature_id = $1 and epoch = $2`,
    [feature.featureId, feature.epoch],
  );
  const [trial] = rows;
  if (trial === undefined) return [];
  return readAnomalies(db, feature, { since: trial.since, sampleRatio: { since: trial.shares_since } }, now);
};

type AgeRow = { signal: "activation" | "retention"; age_s: number; n: number; s: number };

/** Treatment's mature units at each age, without those of `hours`. */
const readWithout = async (
  db: Queryable,
  { featureId, epoch }: FeatureEpoch,
  { since, activation, retention }: Evidence,
  hours: readonly number[],
): Promise<AgeRow[]> => {
  const ages = [
    ...activation.map((part) => ({ ...part, signal: "activation" as const })),
    ...retention.map((part) => ({ ...part, signal: "retention" as const })),
  ];
  const { rows } = await db.query<AgeRow>({
    name: "read-without-hours",
    text: `
      select w.signal, w.age_s,
        coalesce(sum(o.units) filter (where o.signal = 'exposure'), 0)::float8 as n,
        coalesce(sum(o.units) filter (where o.signal <> 'exposure'), 0)::float8 as s
      from unnest($3::text[], $4::integer[], $5::bigint[]) as w (signal, age_s, up_to_s)
      left join outcome_counts o on o.feature_id = $1 and o.epoch = $2 and o.cohort = 'treatment'
        and o.bucket_s >= $6 and o.bucket_s < w.up_to_s and o.bucket_s - o.bucket_s % 3600 <> all($7::bigint[])
        and (o.signal = 'exposure' or (o.signal = w.signal and o.age_s = w.age_s))
      group by w.signal, w.age_s`,
    values: [
      featureId,
      epoch,
      ages.map(({ signal }) => signal),
      ages.map(({ ageSeconds }) => ageSeconds),
      ages.map(({ accumulatedTo }) => accumulatedTo),
      since,
      hours,
    ],
  });
  return rows;
};

/** Late data is in the table and not in the evidence: no more than the evidence has. */
const atMost = ({ n, s }: Tally, most: Tally): Tally => ({
  n: Math.min(n, most.n),
  s: Math.min(s, most.s, n),
});

/** The evidence without the units of unusual hours; null: every hour was as usual, or nobody can tell. */
export const readOrdinary = async (
  db: Queryable,
  feature: FeatureEpoch,
  evidence: Evidence,
  now: number,
): Promise<Ordinary | null> => {
  const anomalies = await readAnomalies(db, feature, evidence, now);
  if (anomalies.length === 0) return null;
  const rows = await readWithout(
    db,
    feature,
    evidence,
    anomalies.map(({ hourS }) => hourS),
  );
  const without =
    (signal: AgeRow["signal"]) =>
    (part: OutcomeEvidence): OutcomeEvidence => {
      const row = rows.find(({ signal: of, age_s: ageS }) => of === signal && ageS === part.ageSeconds);
      const { treatment, holdout } = part.mature;
      return { ...part, mature: { treatment: atMost(row ?? { n: 0, s: 0 }, treatment), holdout } };
    };
  return {
    anomalies,
    evidence: {
      ...evidence,
      activation: evidence.activation.map(without("activation")),
      retention: evidence.retention.map(without("retention")),
    },
  };
};
