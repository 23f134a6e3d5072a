// The signals that a rule compares by name with a holdout that its feature does not have. No change leaves a feature so any more
// (features/check-feature.ts); one that was left so before says it.
import { alphaShares } from "./alpha-shares.ts";
import type { SignalName } from "./decision.ts";
import { formatList, SIGNAL_TITLE } from "./format.ts";
import { againstOf, errorTestsOf, type JudgedRule } from "./judged-rule.ts";

const SIGNALS: readonly SignalName[] = ["activation", "retention", "latency", "errorRate"];

const isCompared = (rule: JudgedRule, signal: SignalName): boolean =>
  signal === "errorRate"
    ? errorTestsOf(rule).some((against) => against !== "threshold")
    : alphaShares(rule)[signal] > 0 && againstOf(rule, signal) !== "threshold";

/** Why such signals decide nothing, and the way out; null: there are none. */
export const blindnessOf = (rule: JudgedRule): string | null => {
  if (rule.hasHoldout === true) return null;
  const blind = SIGNALS.filter((signal) => isCompared(rule, signal));
  if (blind.length === 0) return null;
  const fields = formatList(blind.map((signal) => `compare.${signal}`));
  const titles = formatList(blind.map((signal) => SIGNAL_TITLE[signal]));
  return `${fields} ${blind.length === 1 ? "asks" : "ask"} for the holdout, and the feature has none: ${titles} can roll nothing back. Give the feature a holdout, or set the rule without it`;
};
