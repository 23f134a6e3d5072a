// What a rule cannot do at the traffic that its feature has, in sentences with the figures. A rule that no feature could ever meet is
// refused instead (features/check-feature.ts).
import { formatBps, formatCount, formatDuration, formatThreshold } from "../format.ts";
import { againstOf, type JudgedRule } from "../judged-rule.ts";
import { forecastRule, type SignalForecast, type Traffic } from "./forecast.ts";

/** A holdout that is a smaller part of treatment makes the second bar dear. */
const SMALL_HOLDOUT = 1 / 4;

const DAY = 86_400;

const FIELD = { activation: "activationWindowSeconds", retention: "retentionWindowSeconds" } as const;

/** Nobody is mature at the deadline, whatever the traffic. */
const windowWarning = ({ evaluationWindowSeconds }: JudgedRule, forecast: SignalForecast): string | null =>
  forecast.windowSeconds >= evaluationWindowSeconds
    ? `${FIELD[forecast.signal]} is ${forecast.windowSeconds} (${formatDuration(forecast.windowSeconds)}) and the deadline, evaluationWindowSeconds, is ${evaluationWindowSeconds} (${formatDuration(evaluationWindowSeconds)}): nobody has had the whole window before it`
    : null;

const trafficWarning = (
  { evaluationWindowSeconds, minCohortSize }: JudgedRule,
  { signal, windowSeconds, threshold, rollback }: SignalForecast,
  { usersPerDay }: Traffic,
): string | null => {
  const mature = Math.floor((usersPerDay * (evaluationWindowSeconds - windowSeconds)) / DAY);
  const rate = `at the last day's ${formatCount(usersPerDay)} new units in treatment`;
  if (mature < minCohortSize)
    return `${rate} ${formatCount(mature)} are mature for ${signal} at the deadline, and minCohortSize is ${formatCount(minCohortSize)}`;
  const [half] = rollback;
  if (half === undefined || half.withinDeadline) return null;
  const when =
    half.users === null
      ? "never"
      : `after ${formatCount(half.users)} units, ${formatDuration(half.seconds ?? Infinity)} from launch and after the deadline`;
  return `${rate} a feature at half its ${signal} threshold of ${formatThreshold(threshold)} is rolled back ${when}`;
};

/** `traffic`: of the last day; null: not known. */
export const ruleWarnings = (
  rule: JudgedRule,
  { rolloutBps, holdoutBps }: { readonly rolloutBps: number; readonly holdoutBps: number },
  traffic: Traffic | null,
): string[] => {
  const forecasts = forecastRule(rule, traffic ?? { usersPerDay: 1, holdoutUsersPerDay: holdoutBps });
  const warnings = forecasts.flatMap(
    (forecast) =>
      windowWarning(rule, forecast) ??
      (traffic === null ? [] : (trafficWarning(rule, forecast, traffic) ?? [])),
  );
  const isHeldBeside = forecasts.some(({ signal }) => againstOf(rule, signal) === "both");
  if (isHeldBeside && holdoutBps < SMALL_HOLDOUT * rolloutBps)
    warnings.push(
      `the holdout of ${formatBps(holdoutBps)} is small beside a rollout of ${formatBps(rolloutBps)}: a rollback by both takes several times as many units as beside an equal holdout (plan-test has the figures)`,
    );
  if (forecasts.length === 0)
    warnings.push(
      "no outcome is asked for: the rule judges requests alone, and a feature that nobody uses is kept",
    );
  return warnings;
};
