// Planning a rule before launch: at a given traffic, how long until a feature this bad is rolled back or this good is kept, and
// which failures are too small to be seen before the deadline. Pure; the CLI and the API both answer from it.
import type { Rule } from "../../../shared/features/rule.ts";
import { smallestDetectable, unitsToKeep, unitsToRollback, type PlannedTest } from "./power.ts";
import { KEEP_ALPHA, alphaShares } from "../alpha-shares.ts";

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
  readonly against: "threshold" | "holdout";
  readonly threshold: number;
  readonly windowSeconds: number;
  /** Evidence to 1 that a rollback needs. */
  readonly bar: number;
  readonly rollback: readonly DecisionForecast[];
  readonly keep: readonly DecisionForecast[];
  /** Best rate that is still rolled back before the deadline; null when nothing matures by then. */
  readonly smallestDetectable: number | null;
};

const forecastAt = (
  rule: Rule,
  { usersPerDay }: Pick<Traffic, "usersPerDay">,
  windowSeconds: number,
  found: { ratio: number; rate: number; users: number | null },
): DecisionForecast => {
  const users = found.users === null ? null : Math.max(found.users, rule.minCohortSize);
  const seconds = users === null ? null : Math.ceil((users / usersPerDay) * DAY + windowSeconds);
  return {
    ratio: found.ratio,
    rate: found.rate,
    users,
    seconds,
    withinDeadline: seconds !== null && seconds <= rule.evaluationWindowSeconds,
  };
};

export const forecastRule = (rule: Rule, traffic: Traffic): SignalForecast[] => {
  const shares = alphaShares(rule);
  const signals = [
    {
      signal: "activation",
      threshold: rule.activationThreshold,
      windowSeconds: rule.activationWindowSeconds,
    },
    { signal: "retention", threshold: rule.retentionThreshold, windowSeconds: rule.retentionWindowSeconds },
  ] as const;
  return signals
    .filter(({ signal, threshold }) => shares[signal] > 0 && threshold < 1)
    .map(({ signal, threshold, windowSeconds }) => {
      const prior = signal === "activation" ? rule.prior : undefined;
      const bar = 1 / (shares[signal] * rule.falseRollbackRate);
      const against = rule.compare[signal] ?? "threshold";
      const holdoutPerUnit =
        against === "holdout" ? traffic.holdoutUsersPerDay / traffic.usersPerDay : undefined;
      const rollback: PlannedTest = { threshold, logBar: Math.log(bar), prior, holdoutPerUnit };
      const keep: PlannedTest = { threshold, logBar: -Math.log(KEEP_ALPHA), prior };
      const maturing = rule.evaluationWindowSeconds - windowSeconds;
      const users = Math.floor((traffic.usersPerDay * maturing) / DAY);
      return {
        signal,
        against,
        threshold,
        windowSeconds,
        bar,
        rollback: FAILING.map((ratio) => {
          const rate = ratio * threshold;
          return forecastAt(rule, traffic, windowSeconds, {
            ratio,
            rate,
            users: unitsToRollback(rollback, rate),
          });
        }),
        keep: GOOD.map((ratio) => {
          const rate = Math.min(1, ratio * threshold);
          return forecastAt(rule, traffic, windowSeconds, { ratio, rate, users: unitsToKeep(keep, rate) });
        }),
        smallestDetectable: users < rule.minCohortSize ? null : smallestDetectable(rollback, users),
      };
    });
};
