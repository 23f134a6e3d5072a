// Whether the cohorts have the sizes that the rollout gives them. If not, units are lost on the way on one side (a
// crash, a cache, a filter), and every comparison and rate is about the wrong people.
import { logGamma } from "./log-gamma.ts";
import { gridLogKeepEvidence } from "./rate-evidence.ts";
import type { ByCohort, Tally } from "./tally.ts";

/** Weight of the expected ratio in the Dirichlet prior: how small a deviation is looked for. */
const CONCENTRATION = 100;

/** At this evidence nothing is decided any more. */
export const MISMATCH_LOG_BAR = Math.log(1000);

/** ln evidence that `counts` do not come in the ratio of `shares` (Dirichlet-multinomial e-process). */
export const mismatchLogEvidence = (counts: readonly number[], shares: readonly number[]): number => {
  const whole = shares.reduce((sum, share) => sum + share, 0);
  const total = counts.reduce((sum, count) => sum + count, 0);
  return counts.reduce(
    (sum, count, i) => {
      const share = (shares[i] ?? 0) / whole;
      const weight = CONCENTRATION * share;
      return sum + logGamma(weight + count) - logGamma(weight) - count * Math.log(share);
    },
    logGamma(CONCENTRATION) - logGamma(CONCENTRATION + total),
  );
};

export type CohortShares = { readonly rolloutBps: number; readonly holdoutBps: number };

/** Units exposed during one period in which the rollout stayed the same. */
export type RolloutPeriod = CohortShares &
  ByCohort<number> & {
    /** Unix seconds: units exposed from here on came under this rollout. */
    readonly since: number;
    /**
     * Which mismatch the ratio can show. A raised rollout brings in people who were there before and have no counterpart among
     * the holdout's newcomers: from then on only a lack of treatment units says something. A raised holdout does the same on
     * the other side, and from then on the ratio shows nothing.
     */
    readonly detects: "both" | "lack" | "nothing";
    /** The most ln evidence with which an earlier period ended; null: no earlier one could be compared. */
    readonly earlierLogEvidence: number | null;
  };

/** Edges take up a changed rollout within seconds; units exposed meanwhile belong to neither period. */
export const PROPAGATION_SECONDS = 10;

/** ln evidence that units are lost on one side in this period; null where nothing can be compared. */
export const periodLogEvidence = ({
  rolloutBps,
  holdoutBps,
  treatment,
  holdout,
  detects,
}: RolloutPeriod): number | null => {
  if (rolloutBps === 0 || holdoutBps === 0 || detects === "nothing") return null;
  return detects === "both"
    ? mismatchLogEvidence([treatment, holdout], [rolloutBps, holdoutBps])
    : gridLogKeepEvidence({ n: treatment + holdout, s: holdout }, holdoutBps / (rolloutBps + holdoutBps));
};

const detectsAfter = (
  period: RolloutPeriod,
  { rolloutBps, holdoutBps }: CohortShares,
): RolloutPeriod["detects"] => {
  if (period.detects === "nothing" || holdoutBps > period.holdoutBps) return "nothing";
  return rolloutBps > period.rolloutBps ? "lack" : period.detects;
};

const most = (one: number | null, other: number | null): number | null =>
  one === null || other === null ? (one ?? other) : Math.max(one, other);

/** Counts the exposures of a period, or begins the next one when the rollout has changed. `now` in unix seconds. */
export const updateRolloutPeriod = (
  period: RolloutPeriod,
  buckets: readonly ({ readonly bucketS: number } & ByCohort<Tally>)[],
  rollout: CohortShares,
  now: number,
): RolloutPeriod => {
  const { rolloutBps, holdoutBps } = rollout;
  if (rolloutBps !== period.rolloutBps || holdoutBps !== period.holdoutBps)
    return {
      rolloutBps,
      holdoutBps,
      since: now + PROPAGATION_SECONDS,
      detects: detectsAfter(period, rollout),
      treatment: 0,
      holdout: 0,
      earlierLogEvidence: most(period.earlierLogEvidence, periodLogEvidence(period)),
    };
  const counted = buckets.filter(({ bucketS }) => bucketS >= period.since);
  const sum = (cohort: "treatment" | "holdout") =>
    counted.reduce((total, bucket) => total + bucket[cohort].n, period[cohort]);
  return { ...period, treatment: sum("treatment"), holdout: sum("holdout") };
};
