// The terms of a trial: the parts of a rule that its evidence is about. Changing any of them after looking at the data, also from
// shadow to enforce, would spend the same α twice: it starts a new trial from nothing instead.
import { agesOf } from "../../shared/features/outcome-ages.ts";
import type { Rule } from "../../shared/features/rule.ts";

/** Compared as text with the stored trial's: a field that is added here restarts every trial. */
export const termsOf = (rule: Rule): string =>
  JSON.stringify([
    rule.mode,
    rule.activationThreshold,
    rule.retentionThreshold,
    rule.latencyP95Threshold,
    rule.errorRateThreshold ?? null,
    rule.minCohortSize,
    agesOf(rule),
    rule.returnAfterSeconds,
    rule.falseRollbackRate,
    rule.prior ?? null,
    rule.compare.activation ?? "threshold",
    rule.compare.retention ?? "threshold",
    rule.compare.latency ?? "threshold",
    rule.compare.errorRate ?? "threshold",
  ]);
