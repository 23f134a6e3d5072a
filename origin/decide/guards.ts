// The guards. While telemetry is behind, nothing is decided on it. While units are lost on one side, no rate is, and nothing is
// kept; slow and failing requests still roll a feature back.
import type { Decision } from "./decision.ts";
import type { Evidence } from "./evidence.ts";
import { formatOdds } from "./format.ts";
import { MISMATCH_LOG_BAR, periodLogEvidence } from "./statistics/sample-ratio.ts";

/** Telemetry further behind than this stops every decision. */
export const LAG_BOUND_S = 60;

/**
 * ln evidence that the cohorts' sizes are not what the rollout makes them, now or before it was changed (units that were lost
 * then are still missing); null without two cohorts to compare.
 */
export const sampleRatioTest = ({ sampleRatio }: Evidence): Decision["evidence"]["sampleRatio"] => {
  const known = [sampleRatio.earlierLogEvidence, periodLogEvidence(sampleRatio)].filter(
    (one) => one !== null,
  );
  return known.length === 0 ? null : { logEvidence: Math.max(...known), logBar: MISMATCH_LOG_BAR };
};

/** `lagSeconds`: null when it is unknown. */
export const lagObstacle = (lagSeconds: number | null): string | null => {
  if (lagSeconds === null) return "telemetry is an unknown time behind; nothing is decided on it";
  return lagSeconds > LAG_BOUND_S
    ? `telemetry is ${Math.round(lagSeconds)} s behind; nothing is decided on it`
    : null;
};

export const sampleRatioObstacle = (
  { sampleRatio }: Evidence,
  test: Decision["evidence"]["sampleRatio"],
): string | null => {
  if (test === null || test.logEvidence < test.logBar) return null;
  const { treatment, holdout, rolloutBps, holdoutBps, earlierLogEvidence } = sampleRatio;
  const sizes =
    test.logEvidence === earlierLogEvidence
      ? "the cohorts did not have the sizes of the rollout before it was changed"
      : `the cohorts have ${treatment} and ${holdout} units where the rollout makes them ${rolloutBps} : ${holdoutBps}`;
  return `${sizes} (evidence ${formatOdds(test.logEvidence)}); units are lost on one side, so no rate is judged and nothing is kept until a person begins a new trial`;
};
