// The terms of a trial: the parts of a rule that its evidence is about. Changing any of them after looking at the data, also from
// shadow to enforce, would spend the same α twice: it starts a new trial from nothing instead.
import { agesOf } from "../../shared/features/outcome-ages.ts";
import { againstOf, errorTestsOf, type JudgedRule } from "../decide/judged-rule.ts";

/** Higher when the evidence itself has another shape or another meaning. */
const EVIDENCE_VERSION = 2;

/**
 * Compared as text with the stored trial's: a field that is added here restarts every trial. So does a holdout that a feature is
 * given or loses, where it changes what a signal is held against.
 */
export const termsOf = (rule: JudgedRule): string =>
  JSON.stringify([
    EVIDENCE_VERSION,
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
    againstOf(rule, "activation"),
    againstOf(rule, "retention"),
    againstOf(rule, "latency"),
    errorTestsOf(rule),
    rule.latency.of,
  ]);
