// A lowered rollout takes the feature from units that treatment counts; a smaller holdout gives it to units that the holdout counts.
// From then on what such a unit does says nothing of its cohort. The counts do not tell which units they are. So everybody whose
// window is open is left out, in both cohorts, by the time of the first exposure alone (docs/decisions/lowered-rollouts.md).
import { againstOf, type JudgedRule } from "./judged-rule.ts";
import type { Evidence, OutcomeEvidence } from "./evidence.ts";
import { PROPAGATION_SECONDS, updateRolloutPeriod, type CohortShares } from "./statistics/sample-ratio.ts";

type Change = {
  readonly rule: JudgedRule;
  /** As it is now. */
  readonly rollout: CohortShares;
  readonly bucketSeconds: number;
  /** Unix seconds */
  readonly now: number;
};

/** Units of buckets that begin before `from` and are not in yet never will be. */
const leaveOut =
  ({ exposed }: Pick<Evidence, "exposed">, from: number) =>
  (part: OutcomeEvidence): OutcomeEvidence => ({
    ...part,
    accumulatedTo: Math.max(part.accumulatedTo, from),
    leftOut: Math.max(part.leftOut, exposed.treatment - part.mature.treatment.n),
  });

/** The evidence under the rollout as it is now; null: the rollout is what it was. */
export const takeInRollout = (
  evidence: Evidence,
  { rule, rollout, bucketSeconds, now }: Change,
): Evidence | null => {
  const { sampleRatio } = evidence;
  const isLowered = rollout.rolloutBps < sampleRatio.rolloutBps;
  const isHoldoutLowered = rollout.holdoutBps < sampleRatio.holdoutBps;
  if (rollout.rolloutBps === sampleRatio.rolloutBps && rollout.holdoutBps === sampleRatio.holdoutBps)
    return null;
  const from = Math.ceil((now + PROPAGATION_SECONDS) / bucketSeconds) * bucketSeconds;
  const outcomesOf = (signal: "activation" | "retention"): readonly OutcomeEvidence[] =>
    isLowered || (isHoldoutLowered && againstOf(rule, signal) !== "threshold")
      ? evidence[signal].map(leaveOut(evidence, from))
      : evidence[signal];
  return {
    ...evidence,
    sampleRatio: updateRolloutPeriod(sampleRatio, [], rollout, now),
    activation: outcomesOf("activation"),
    retention: outcomesOf("retention"),
  };
};
