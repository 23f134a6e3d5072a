// The rules that the bench compares, each as a question about (users, successes): Sluice's through its own `decide`, the
// pattern's as it was published.
import { agesOf } from "../../shared/features/outcome-ages.ts";
import { Rule } from "../../shared/features/rule.ts";
import { decide } from "../../origin/decide/decide.ts";
import { emptyEvidence, type Evidence } from "../../origin/decide/evidence.ts";
import { betaCdf } from "../../origin/decide/statistics/incomplete-beta.ts";
import type { RollsBack } from "./exact.ts";

export const ruleFor = (over: Partial<Rule> & Pick<Rule, "activationThreshold">): Rule =>
  Rule.parse({
    featureId: "feat_bench",
    retentionThreshold: 0,
    latencyP95Threshold: 200,
    minCohortSize: 1,
    evaluationWindowSeconds: 10_000_000,
    mode: "enforce",
    ...over,
  });

/** Share of α that activation gets when it is the only outcome asked about; latency has the rest. */
export const ACTIVATION_ALONE = 0.8;

/** Evidence in which `n` units have matured for `signal`, `s` of them well, and nothing else is known. */
const evidenceWith = (rule: Rule, signal: "activation" | "retention", n: number, s: number): Evidence => {
  const empty = emptyEvidence(agesOf(rule), 0, { rolloutBps: 10_000, holdoutBps: 0 });
  const mature = { treatment: { n, s }, holdout: { n: 0, s: 0 } };
  const last = empty[signal].at(-1);
  return last === undefined ? empty : { ...empty, [signal]: [{ ...last, mature }] };
};

export const sluiceRule =
  (rule: Rule, signal: "activation" | "retention" = "activation"): RollsBack =>
  (n, s) =>
    decide({
      evidence: evidenceWith(rule, signal, n, s),
      rule,
      history: { epoch: 1, ruleVersion: 1, decided: null, cause: [] },
      telemetry: { lagSeconds: 0, activationIsMeasured: true },
      now: 0,
    }).action === "ROLLBACK";

/** One signal that may spend the whole of `alpha`. */
export const oneSignal = (activationThreshold: number, alpha: number, prior?: Rule["prior"]): RollsBack =>
  sluiceRule(ruleFor({ activationThreshold, falseRollbackRate: alpha / ACTIVATION_ALONE, prior }));

/** The pattern's: P(rate < threshold) > 0.95 under a Beta(2, 8) prior, from the minimum cohort on. */
export const patternRule =
  (threshold: number, minCohortSize: number): RollsBack =>
  (n, s) =>
    n >= minCohortSize && betaCdf(2 + s, 8 + n - s, threshold) > 0.95;
