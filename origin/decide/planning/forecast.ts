// Planning a rule before launch: at a given traffic, how long until a feature this bad is rolled back or this good is kept, and
// which failures are too small to be seen before the deadline. Pure; the CLI and the API both answer from it.
import type { Against, Rule } from "../../../shared/features/rule.ts";
import { alphaShares, KEEP_LOG_BAR } from "../alpha-shares.ts";
import { againstOf, judgedRule, type JudgedRule } from "../judged-rule.ts";
import { smallestDetectable, unitsToKeep, unitsToRollback, type PlannedTest } from "./power.ts";

/** New users of treatment and of the holdout a day. */
export type Traffic = { readonly usersPerDay: number; readonly holdoutUsersPerDay: number };

const DAY = 86_400;
const FAILING = [0.5, 0.7, 0.8, 0.9] as const;
const GOOD = [1.1, 1.2, 1.5, 2] as const;

export type DecisionForecast = {
  /** The true rate as a part of the threshold, and the rate itself. */
  readonly ratio: number;
  readonly rate: number;
  /** Mature users that the decision takes; null: it does not come. */
  readonly users: number | null;
  /** From launch to the decision: those users' arrival, and the last one's window. */
  readonly seconds: number | null;
  readonly withinDeadline: boolean;
};

export type SignalForecast = {
  readonly signal: "activation" | "retention";
  /**
   * Beside a holdout the forecast of a rollback is about a holdout that succeeds at exactly `threshold`, and about units that
   * have had their whole window: where many succeed early, it comes sooner.
   */
  readonly against: Against;
  readonly threshold: number;
  readonly windowSeconds: number;
  /** Evidence to 1 that a rollback needs. */
  readonly bar: number;
  readonly rollback: readonly DecisionForecast[];
  readonly keep: readonly DecisionForecast[];
  /** Best rate that is still rolled back before the deadline; null when nothing matures by then. */
  readonly smallestDetectable: number | null;
};

type PlannedSignal = Pick<SignalForecast, "signal" | "threshold" | "windowSeconds">;

const forecastDecision = (
  rule: Rule,
  { usersPerDay }: Traffic,
  windowSeconds: number,
  { ratio, rate, units }: { ratio: number; rate: number; units: number | null },
): DecisionForecast => {
  const users = units === null ? null : Math.max(units, rule.minCohortSize);
  const seconds = users === null ? null : Math.ceil((users / usersPerDay) * DAY + windowSeconds);
  const withinDeadline = seconds !== null && seconds <= rule.evaluationWindowSeconds;
  return { ratio, rate, users, seconds, withinDeadline };
};

const forecastSignal = (
  rule: JudgedRule,
  traffic: Traffic,
  { signal, threshold, windowSeconds }: PlannedSignal,
): SignalForecast => {
  const prior = signal === "activation" ? rule.prior : undefined;
  const bar = 1 / (alphaShares(rule)[signal] * rule.falseRollbackRate);
  const against = againstOf(rule, signal);
  const holdoutPerUnit =
    against === "threshold" ? undefined : traffic.holdoutUsersPerDay / traffic.usersPerDay;
  const logBar = Math.log(bar);
  const secondLogBar = against === "both" ? logBar : undefined;
  const rollback: PlannedTest = { threshold, logBar, prior, holdoutPerUnit, secondLogBar };
  const keep: PlannedTest = { threshold, logBar: KEEP_LOG_BAR, prior };
  const matureByDeadline = Math.floor(
    (traffic.usersPerDay * (rule.evaluationWindowSeconds - windowSeconds)) / DAY,
  );
  return {
    signal,
    against,
    threshold,
    windowSeconds,
    bar,
    rollback: FAILING.map((ratio) => {
      const rate = ratio * threshold;
      const units = unitsToRollback(rollback, rate);
      return forecastDecision(rule, traffic, windowSeconds, { ratio, rate, units });
    }),
    keep: GOOD.map((ratio) => {
      const rate = Math.min(1, ratio * threshold);
      const units = unitsToKeep(keep, rate);
      return forecastDecision(rule, traffic, windowSeconds, { ratio, rate, units });
    }),
    smallestDetectable:
      matureByDeadline < rule.minCohortSize ? null : smallestDetectable(rollback, matureByDeadline),
  };
};

/** Of the outcomes that the rule tests. */
export const forecastRule = (asked: Rule, traffic: Traffic): SignalForecast[] => {
  const rule = judgedRule(asked, { holdoutBps: traffic.holdoutUsersPerDay });
  const shares = alphaShares(rule);
  const signals: PlannedSignal[] = [
    {
      signal: "activation",
      threshold: rule.activationThreshold,
      windowSeconds: rule.activationWindowSeconds,
    },
    { signal: "retention", threshold: rule.retentionThreshold, windowSeconds: rule.retentionWindowSeconds },
  ];
  return signals
    .filter(({ signal, threshold }) => shares[signal] > 0 && threshold < 1)
    .map((planned) => forecastSignal(rule, traffic, planned));
};
