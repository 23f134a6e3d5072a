// One evaluation: a look at one feature's evidence, and whether it is worth a row of the history. Pure.
import { decide } from "../decide/decide.ts";
import type { Decision } from "../decide/decision.ts";
import type { Ordinary } from "../decide/held-back.ts";
import type { EvaluationTarget } from "./targets.ts";
import type { Trial } from "./trials.ts";

export type Evaluation = {
  readonly target: EvaluationTarget;
  /** With the new decision. */
  readonly trial: Trial;
  readonly decision: Decision;
  /** Whether it is the first to decide so. */
  readonly isNew: boolean;
  readonly isWorthStoring: boolean;
};

/** Units and requests that the decision counts. */
export const matureCount = ({ evidence }: Decision): number =>
  evidence.tests.reduce((sum, { treatment }) => sum + treatment.n, 0);

/**
 * Another state, another rule, a decision held back or let go, or a tenth more data; while nothing has matured, twice as many exposed units: enough for a
 * history without a row a second.
 */
const isWorthStoring = ({ last }: EvaluationTarget, decision: Decision): boolean => {
  const exposed = decision.details.exposed.treatment;
  return (
    last === null ||
    last.state !== decision.state ||
    last.ruleVersion !== decision.ruleVersion ||
    last.heldBack !== (decision.heldBack ?? null) ||
    matureCount(decision) > last.mature * 1.1 ||
    (decision.state === "COLLECTING" && exposed > 0 && exposed >= last.exposed * 2)
  );
};

/** `now`: unix seconds; `lagSeconds`: null when it is unknown; `ordinary`: given where some hours were not as usual. */
export const evaluateTrial = (
  target: EvaluationTarget,
  trial: Trial,
  { now, lagSeconds, ordinary }: { now: number; lagSeconds: number | null; ordinary?: Ordinary },
): Evaluation => {
  const { evidence } = trial;
  const decision = decide({
    evidence,
    rule: target.rule,
    history: {
      epoch: target.epoch,
      ruleVersion: target.ruleVersion,
      decided: trial.decided,
      cause: trial.cause,
    },
    telemetry: {
      lagSeconds,
      activationIsMeasured:
        target.activationConfigured ||
        evidence.activation.some(({ mature }) => mature.treatment.s + mature.holdout.s > 0),
    },
    ordinary,
    now,
  });
  const decided = decision.action === "WAIT" ? trial.decided : decision.action;
  const isNew = decided !== trial.decided;
  return {
    target,
    trial: { ...trial, decided, cause: decision.cause },
    decision,
    isNew,
    isWorthStoring: trial.restarted || isNew || isWorthStoring(target, decision),
  };
};
