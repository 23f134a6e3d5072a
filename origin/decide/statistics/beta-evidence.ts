// Evidence about a rate from a Beta prior of its history: "Bayesian smoothing" with the guarantee of an e-process. The
// prior, cut off at the threshold, is the mixture over alternatives; the evidence is its marginal likelihood over that of
// the threshold. Natural logarithms.
import { logLowerBetaOver } from "./incomplete-beta.ts";
import { logBetaOver } from "./log-gamma.ts";
import { complement, type Tally } from "./tally.ts";

/** As if `alpha` units had succeeded and `beta` failed before. */
export type BetaPrior = { readonly alpha: number; readonly beta: number };

/** ln evidence against "the rate is at least `p0`"; 0 < p0 < 1. */
export const betaLogEvidence = ({ n, s }: Tally, p0: number, { alpha, beta }: BetaPrior): number =>
  logLowerBetaOver(alpha + s, beta + (n - s), p0) - logLowerBetaOver(alpha, beta, p0);

/** ln evidence against "the rate is at most `p0`". */
export const betaLogKeepEvidence = (tally: Tally, p0: number, { alpha, beta }: BetaPrior): number =>
  betaLogEvidence(complement(tally), 1 - p0, { alpha: beta, beta: alpha });

/** ln evidence against "the rate is exactly `p0`", either way: the whole prior is the mixture. */
export const betaLogEvidenceBothWays = ({ n, s }: Tally, p0: number, { alpha, beta }: BetaPrior): number =>
  logBetaOver(alpha + s, beta + (n - s), p0) - logBetaOver(alpha, beta, p0);
