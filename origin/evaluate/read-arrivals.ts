// The hours of a trial in which units came in another way than usual, and its evidence without them.
import { findAnomalies, type Anomaly, type Hour } from "../decide/anomalies.ts";
import type { Evidence, OutcomeEvidence } from "../decide/evidence.ts";
import type { Ordinary } from "../decide/held-back.ts";
import { addTallies, EMPTY_TALLY, type Tally } from "../decide/statistics/tally.ts";
import type { Queryable } from "../db/pool.ts";
import { arrivalsOf, countsOf, planOf, type AggregatePart, type AggregateView } from "./aggregates.ts";
import { eachPart } from "./read-parts.ts";
import type { FeatureId } from "../../shared/ids.ts";

const HOUR = 3_600;

type FeatureEpoch = { readonly featureId: FeatureId; readonly epoch: number };

/** Rising; those that begin alike as one. */
const addHours = (hours: readonly Hour[]): Hour[] => {
  const byBegin = Map.groupBy(hours, ({ hourS }) => hourS);
  const sum = (some: readonly Hour[], of: (hour: Hour) => number): number =>
    some.reduce((total, hour) => total + of(hour), 0);
  return Array.from(byBegin, ([hourS, some]) => ({
    hourS,
    units: sum(some, ({ units }) => units),
    seenAgain: sum(some, ({ seenAgain }) => seenAgain),
    largestNetwork: sum(some, ({ largestNetwork }) => largestNetwork),
  })).toSorted((a, b) => a.hourS - b.hourS);
};

/** `now`: unix seconds. */
const readAnomalies = async (
  { parts }: AggregateView,
  { featureId, epoch }: FeatureEpoch,
  { since, sampleRatio }: { since: number; sampleRatio: Pick<Evidence["sampleRatio"], "since"> },
  now: number,
): Promise<Anomaly[]> => {
  const found = await eachPart(parts, async (part) => {
    const { rows } = await part.db.query<Hour>({
      name: planOf("read-arrivals", part),
      text: `
        select hour_s as "hourS", sum(units)::float8 as units, sum(seen_again)::float8 as "seenAgain",
          sum(largest_network)::float8 as "largestNetwork"
        from ${arrivalsOf(part)} a where feature_id = $1 and epoch = $2 and hour_s > $3 and units > 0
        group by hour_s order by hour_s`,
      values: [featureId, epoch, since - HOUR],
    });
    return rows;
  });
  return findAnomalies(addHours(found.flat()), { since, sameSharesSince: sampleRatio.since, upTo: now });
};

/** Of the feature's present trial; none before it has begun. */
export const readTrialAnomalies = async (
  db: Queryable,
  view: AggregateView,
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
  return readAnomalies(
    view,
    feature,
    { since: trial.since, sampleRatio: { since: trial.shares_since } },
    now,
  );
};

type AgeRow = { signal: "activation" | "retention"; age_s: number; n: number; s: number };

/** Treatment's mature units at each age, without those of `hours`. */
const readWithout = async (
  part: AggregatePart,
  { featureId, epoch }: FeatureEpoch,
  { since, activation, retention }: Evidence,
  hours: readonly number[],
): Promise<AgeRow[]> => {
  const ages = [
    ...activation.map((one) => ({ ...one, signal: "activation" as const })),
    ...retention.map((one) => ({ ...one, signal: "retention" as const })),
  ];
  const { rows } = await part.db.query<AgeRow>({
    name: planOf("read-without-hours", part),
    text: `
      select w.signal, w.age_s,
        coalesce(sum(o.units) filter (where o.signal = 'exposure'), 0)::float8 as n,
        coalesce(sum(o.units) filter (where o.signal <> 'exposure'), 0)::float8 as s
      from unnest($3::text[], $4::integer[], $5::bigint[]) as w (signal, age_s, up_to_s)
      left join ${countsOf(part)} o on o.feature_id = $1 and o.epoch = $2 and o.cohort = 'treatment'
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
  view: AggregateView,
  feature: FeatureEpoch,
  evidence: Evidence,
  now: number,
): Promise<Ordinary | null> => {
  const anomalies = await readAnomalies(view, feature, evidence, now);
  if (anomalies.length === 0) return null;
  const hours = anomalies.map(({ hourS }) => hourS);
  const rows = (await eachPart(view.parts, (part) => readWithout(part, feature, evidence, hours))).flat();
  const without =
    (signal: AgeRow["signal"]) =>
    (part: OutcomeEvidence): OutcomeEvidence => {
      const found = rows
        .filter(({ signal: of, age_s: ageS }) => of === signal && ageS === part.ageSeconds)
        .reduce<Tally>((sum, row) => addTallies(sum, row), EMPTY_TALLY);
      const { treatment, holdout } = part.mature;
      return { ...part, mature: { treatment: atMost(found, treatment), holdout } };
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
