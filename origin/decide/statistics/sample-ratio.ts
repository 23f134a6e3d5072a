// Whether the cohorts have the sizes that the rollout gives them. If not, units are lost on the way on one side (a
// crash, a cache, a filter), and every comparison and rate is about the wrong people.
import type { Arms } from "../evidence.ts";
import { logGamma } from "./log-gamma.ts";
import { gridLogKeepEvidence, type Tally } from "./rate-evidence.ts";

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

export type Rollout = { readonly rolloutBps: number; readonly holdoutBps: number };

/** Units exposed during one stretch of time in which the rollout stayed the same. */
export type Stretch = Rollout &
  Arms<number> & {
    /** Unix seconds: whoever was exposed from here on came under this rollout. */
    readonly since: number;
    /**
     * What the ratio can tell. A raised rollout brings in people who were there before and have no counterpart among the
     * holdout's newcomers: from then on only a lack of treatment units says something. A raised holdout does the same on
     * the other side, and nothing can be told any more.
     */
    readonly tells: "both" | "lack" | "nothing";
    /** The most ln evidence that stretches before this one ended with; null: there was none to compare. */
    readonly before: number | null;
  };

/** Edges take up a changed rollout within seconds; whoever comes meanwhile belongs to neither stretch. */
const TAKE_UP_SECONDS = 10;

/** ln evidence that units are lost on one side in this stretch; null where nothing can be compared. */
export const stretchLogEvidence = ({
  rolloutBps,
  holdoutBps,
  treatment,
  holdout,
  tells,
}: Stretch): number | null => {
  if (rolloutBps === 0 || holdoutBps === 0 || tells === "nothing") return null;
  return tells === "both"
    ? mismatchLogEvidence([treatment, holdout], [rolloutBps, holdoutBps])
    : gridLogKeepEvidence({ n: treatment + holdout, s: holdout }, holdoutBps / (rolloutBps + holdoutBps));
};

const tellsAfter = (stretch: Stretch, { rolloutBps, holdoutBps }: Rollout): Stretch["tells"] => {
  if (stretch.tells === "nothing" || holdoutBps > stretch.holdoutBps) return "nothing";
  return rolloutBps > stretch.rolloutBps ? "lack" : stretch.tells;
};

const most = (one: number | null, other: number | null): number | null =>
  one === null || other === null ? (one ?? other) : Math.max(one, other);

/** Counts the exposures of a stretch, or begins the next one when the rollout has changed. `now` in unix seconds. */
export const foldStretch = (
  stretch: Stretch,
  buckets: readonly ({ readonly bucketS: number } & Arms<Tally>)[],
  rollout: Rollout,
  now: number,
): Stretch => {
  const { rolloutBps, holdoutBps } = rollout;
  if (rolloutBps !== stretch.rolloutBps || holdoutBps !== stretch.holdoutBps)
    return {
      rolloutBps,
      holdoutBps,
      since: now + TAKE_UP_SECONDS,
      tells: tellsAfter(stretch, rollout),
      treatment: 0,
      holdout: 0,
      before: most(stretch.before, stretchLogEvidence(stretch)),
    };
  const counted = buckets.filter(({ bucketS }) => bucketS >= stretch.since);
  const sum = (cohort: "treatment" | "holdout") =>
    counted.reduce((total, bucket) => total + bucket[cohort].n, stretch[cohort]);
  return { ...stretch, treatment: sum("treatment"), holdout: sum("holdout") };
};
