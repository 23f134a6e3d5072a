// Progressive delivery: which rollout a feature should have now, by its rule's ramp. Pure. Raising the rollout never moves
// anyone out (shared/features/assign.ts), so a stage keeps everybody who was in the one before.
import type { Rule } from "../../shared/features/rule.ts";
import type { Decision } from "./decision.ts";
import { formatBps, formatOdds, SIGNAL_TITLE } from "./format.ts";

/** Evidence against a signal that holds the ramp: long before it is enough for a rollback. */
const HOLD_LOG_EVIDENCE = Math.log(10);

export type RampStep =
  | { readonly kind: "hold"; readonly reason: string }
  | { readonly kind: "advance" | "throttle"; readonly rolloutBps: number; readonly reason: string }
  /** A failure at the first stage, or under a rule that does not throttle: there is no stage to go back to. */
  | { readonly kind: "close" };

/** The part of a decision that a step depends on. */
export type RampDecision = Pick<Decision, "action" | "state" | "reason"> & {
  readonly evidence: {
    readonly tests: readonly Pick<
      Decision["evidence"]["tests"][number],
      "signal" | "counts" | "logEvidence"
    >[];
  };
};

export type RampPosition = {
  readonly rolloutBps: number;
  /** Unix seconds at which the rollout became what it is. */
  readonly since: number;
  readonly paused: boolean;
};

/** Index of the stage that the rollout has reached; −1 before the first. */
const stageOf = (stagesBps: readonly number[], rolloutBps: number): number =>
  stagesBps.findLastIndex((bps) => bps <= rolloutBps);

/** The rollout to which a proven failure throttles the feature: the previous stage's; null when it has to be closed. */
export const throttledTo = (rule: Pick<Rule, "ramp" | "onFailure">, rolloutBps: number): number | null => {
  if (rule.ramp === undefined || rule.onFailure !== "throttle") return null;
  return rule.ramp.stagesBps[stageOf(rule.ramp.stagesBps, rolloutBps) - 1] ?? null;
};

/** The next step of the ramp. `now` in unix seconds. */
export const nextRampStep = (
  rule: Pick<Rule, "ramp" | "onFailure">,
  position: RampPosition,
  decision: RampDecision,
  now: number,
): RampStep => {
  const { ramp } = rule;
  if (ramp === undefined) return { kind: "hold", reason: "the rule has no ramp" };
  if (decision.action === "ROLLBACK") {
    const back = throttledTo(rule, position.rolloutBps);
    return back === null
      ? { kind: "close" }
      : { kind: "throttle", rolloutBps: back, reason: `back to ${formatBps(back)}: ${decision.reason}` };
  }
  const stage = stageOf(ramp.stagesBps, position.rolloutBps);
  const next = ramp.stagesBps[stage + 1];
  if (next === undefined) return { kind: "hold", reason: "at the last stage" };
  if (position.paused) return { kind: "hold", reason: "paused by a person" };
  if (decision.state === "INVALID") return { kind: "hold", reason: decision.reason };
  const waited = now - position.since;
  if (stage >= 0 && waited < ramp.minStageSeconds)
    return { kind: "hold", reason: `${Math.ceil(ramp.minStageSeconds - waited)} s of this stage are left` };
  const against = decision.evidence.tests.find(
    ({ counts, logEvidence }) => counts && logEvidence >= HOLD_LOG_EVIDENCE,
  );
  if (against !== undefined)
    return {
      kind: "hold",
      reason: `${SIGNAL_TITLE[against.signal]} looks bad (evidence ${formatOdds(against.logEvidence)})`,
    };
  const isLast = stage + 1 === ramp.stagesBps.length - 1;
  if (isLast && decision.action !== "KEEP")
    return { kind: "hold", reason: "the last stage waits for the proof that the feature is good" };
  return {
    kind: "advance",
    rolloutBps: next,
    reason: `ramp: from ${formatBps(position.rolloutBps)} to ${formatBps(next)} after ${Math.round(waited)} s with nothing against it`,
  };
};
