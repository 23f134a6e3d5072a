// What a rule cannot do at the traffic and beside the holdout that its feature has, in sentences with the figures, after those about
// its own fields.
import type { CohortShares } from "../statistics/sample-ratio.ts";
import { formatBps, formatCount, formatDuration, formatThreshold } from "../format.ts";
import { againstOf, type JudgedRule } from "../judged-rule.ts";
import { forecastRule, type SignalForecast, type Traffic } from "./forecast.ts";
import { ruleContradictions } from "./rule-contradictions.ts";

/** A holdout that is a smaller part of treatment makes the second bar dear. */
const SMALL_HOLDOUT = 1 / 4;

const DAY = 86_400;

const trafficWarning = (
  { evaluationWindowSeconds, minCohortSize }: JudgedRule,
  { signal, windowSeconds, threshold, rollback }: SignalForecast,
  { usersPerDay }: Traffic,
): string | null => {
  if (windowSeconds >= evaluationWindowSeconds) return null;
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

/** Under a rule about requests alone, exposed units are waited for. */
const exposedWarning = (
  { evaluationWindowSeconds, minCohortSize }: JudgedRule,
  { usersPerDay }: Traffic,
): string | null => {
  const exposed = Math.floor((usersPerDay * evaluationWindowSeconds) / DAY);
  return exposed < minCohortSize
    ? `at the last day's ${formatCount(usersPerDay)} new units in treatment ${formatCount(exposed)} are exposed at the deadline, and minCohortSize is ${formatCount(minCohortSize)}`
    : null;
};

/** In units, which no traffic changes. */
const holdoutWarning = (
  rule: JudgedRule,
  { rolloutBps, holdoutBps }: CohortShares,
  forecasts: readonly SignalForecast[],
): string | null => {
  if (rolloutBps === 0 || holdoutBps === 0 || holdoutBps >= SMALL_HOLDOUT * rolloutBps) return null;
  const beside = forecasts.filter(({ against }) => against !== "threshold");
  const [compared] = beside.filter(({ against }) => against === "both").concat(beside);
  const size = `the holdout of ${formatBps(holdoutBps)} is small beside a rollout of ${formatBps(rolloutBps)}`;
  if (compared === undefined)
    return againstOf(rule, "latency") === "threshold"
      ? null
      : `${size}: latency and errors beside it take several times as many requests as beside an equal holdout`;
  const unitsBeside = (holdoutUsersPerDay: number): string => {
    const forecast = forecastRule(rule, { usersPerDay: rolloutBps, holdoutUsersPerDay }).find(
      ({ signal }) => signal === compared.signal,
    );
    const users = forecast?.rollback[0]?.users ?? null;
    return users === null ? "never" : `after ${formatCount(users)} units`;
  };
  return `${size}: a feature at half its ${compared.signal} threshold is rolled back ${unitsBeside(holdoutBps)} in treatment, beside an equal holdout ${unitsBeside(rolloutBps)}`;
};

/** `traffic`: of the last day; null: not known. `rawKeepDays`: how long `otel_spans` keeps a span at least. */
export const ruleWarnings = (
  rule: JudgedRule,
  shares: CohortShares,
  { traffic, rawKeepDays }: { readonly traffic: Traffic | null; readonly rawKeepDays: number },
): string[] => {
  const forecasts = forecastRule(rule, traffic ?? { usersPerDay: 1, holdoutUsersPerDay: shares.holdoutBps });
  const ofTraffic =
    traffic === null
      ? []
      : forecasts.length === 0
        ? [exposedWarning(rule, traffic)]
        : forecasts.map((forecast) => trafficWarning(rule, forecast, traffic));
  return [
    ...ruleContradictions(rule, rawKeepDays),
    ...ofTraffic.flatMap((warning) => warning ?? []),
    ...[holdoutWarning(rule, shares, forecasts)].flatMap((warning) => warning ?? []),
    ...(forecasts.length === 0
      ? ["no outcome is asked for: the rule judges requests alone, and a feature that nobody uses is kept"]
      : []),
  ];
};
