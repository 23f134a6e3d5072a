// Plays stored buckets again under another threshold: when would the rule have rolled back, and how near did it come? For
// choosing thresholds in shadow mode. A threshold chosen on data says nothing about the same data any more, which is why
// enforcing it starts from nothing.
import type { OutcomeBucket } from "./fold.ts";
import { gridLogEvidence, gridLogKeepEvidence, type Tally } from "./rate-evidence.ts";

export type ReplayTerms = {
  readonly threshold: number;
  readonly logBar: number;
  readonly keepLogBar: number;
  readonly minCohortSize: number;
  /** Seconds from a bucket's begin until it is mature. */
  readonly matureAfter: number;
};

/** `at`: unix seconds; the tally is what was mature then. */
export type ReplayEvent = { readonly at: number } & Tally;

export type Replay = {
  readonly threshold: number;
  readonly rolledBack: ReplayEvent | null;
  readonly kept: ReplayEvent | null;
  /** The most ln evidence for a rollback over the whole time. */
  readonly mostLogEvidence: number;
};

/** Treatment's buckets in rising order. */
export const replay = (buckets: readonly OutcomeBucket[], terms: ReplayTerms): Replay => {
  const { threshold, logBar, keepLogBar, minCohortSize, matureAfter } = terms;
  let seen: Tally = { n: 0, s: 0 };
  let mostLogEvidence = -Infinity;
  let rolledBack: ReplayEvent | null = null;
  let kept: ReplayEvent | null = null;
  for (const { bucketS, treatment } of buckets) {
    seen = { n: seen.n + treatment.n, s: seen.s + treatment.s };
    if (seen.n < minCohortSize) continue;
    const event = { at: bucketS + matureAfter, n: seen.n, s: seen.s };
    const logEvidence = gridLogEvidence(seen, threshold);
    mostLogEvidence = Math.max(mostLogEvidence, logEvidence);
    if (logEvidence >= logBar) rolledBack ??= event;
    if (gridLogKeepEvidence(seen, threshold) >= keepLogBar) kept ??= event;
  }
  return { threshold, rolledBack, kept, mostLogEvidence };
};
