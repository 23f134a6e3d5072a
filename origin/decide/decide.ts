// KEEP, ROLLBACK or WAIT: a pure function of evidence, rule, history and now.
//
// Traffic that a KEEP needs: at least minCohortSize mature treatment units for every rate that the rule asks about, and a rate
// well above its threshold. At twice a threshold of 15 % about 60 mature units prove it, at 1.5 times 210, at 1.3 times 560, at
// 1.1 times 5,600; 2 % of slow requests where 5 % are allowed are proven by about 330 requests. Retention is the last to
// mature: exposure bucket + retentionWindowSeconds + allowed lateness after the exposure (see matureUpTo).
import type { Action, Decision, State } from "./decision.ts";
import { detailsOf, scoreOf } from "./details.ts";
import { sampleRatioTest } from "./guards.ts";
import { keepTests } from "./keep-tests.ts";
import { reasonOf } from "./reason.ts";
import { rollbackTests } from "./rollback-tests.ts";
import { verdictOn, type DecisionInput } from "./verdict.ts";

const actionOf = (state: State): Action => {
  switch (state) {
    case "ROLLBACK":
      return "ROLLBACK";
    case "KEEP":
    case "WATCH":
      return "KEEP";
    case "COLLECTING":
    case "TESTING":
    case "UNDECIDED":
    case "INVALID":
      return "WAIT";
  }
};

export const decide = (input: DecisionInput): Decision => {
  const { evidence, rule, history, telemetry, now } = input;
  const tests = rollbackTests(rule, evidence);
  const keep = keepTests(rule, evidence);
  const sampleRatio = sampleRatioTest(evidence);
  const ordinary = input.ordinary && {
    anomalies: input.ordinary.anomalies,
    tests: rollbackTests(rule, input.ordinary.evidence),
    keep: keepTests(rule, input.ordinary.evidence),
  };
  const { state, cause, obstacle, heldBack } = verdictOn(input, { tests, keep, sampleRatio, ordinary });
  const action = actionOf(state);
  const details = detailsOf(evidence, telemetry.activationIsMeasured);
  return {
    action,
    state,
    isValid: action === "KEEP",
    score: scoreOf(details, rule.latencyP95Threshold),
    details,
    evidence: { tests, keep, sampleRatio },
    cause: [...cause],
    ...(heldBack !== undefined && { heldBack }),
    reason: reasonOf({ state, tests, keep, cause, obstacle, evidence, rule, now }),
    epoch: history.epoch,
    ruleVersion: history.ruleVersion,
  };
};
