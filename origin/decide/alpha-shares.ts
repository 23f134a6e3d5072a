// How a rule's α is spent. Weighted Bonferroni: the shares add up to at most 1, so the chance that any signal rolls a good
// feature back is at most α.
import type { SignalName } from "./decision.ts";
import { errorTestsOf, type JudgedRule } from "./judged-rule.ts";

/** Chance of keeping a feature that misses one of its thresholds. */
export const KEEP_ALPHA = 0.05;

/** ln evidence that each required signal needs for KEEP. */
export const KEEP_LOG_BAR = -Math.log(KEEP_ALPHA);

type AlphaShares = Readonly<Record<SignalName, number>>;

/** Shares of α; 0: not tested. A signal that nothing is asked of (a rate's threshold of 0) leaves its share to the others. */
export const alphaShares = (rule: JudgedRule): AlphaShares => {
  const guarded = errorTestsOf(rule).length > 0;
  const activation = rule.activationThreshold > 0 ? 0.4 : 0;
  const retention = rule.retentionThreshold > 0 ? 0.5 : 0;
  const sum = activation + retention + 0.1;
  return {
    activation: activation / sum,
    retention: retention / sum,
    latency: (guarded ? 0.05 : 0.1) / sum,
    errorRate: (guarded ? 0.05 : 0) / sum,
  };
};

/**
 * ln evidence that a signal needs for a rollback; infinite where it is not tested. Two tests of the error rate halve its share. A
 * signal that is held against both needs as much beside the holdout: so a feature that is no worse than its holdout is blamed for
 * a misfortune of everybody no more often than one that meets its thresholds is blamed for chance.
 */
export const rollbackLogBar = (rule: JudgedRule, signal: SignalName): number => {
  const tests = signal === "errorRate" ? Math.max(1, errorTestsOf(rule).length) : 1;
  return -Math.log((rule.falseRollbackRate * alphaShares(rule)[signal]) / tests);
};
