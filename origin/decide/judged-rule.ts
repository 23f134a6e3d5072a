// What each signal of a rule is held against, now that it is known whether the feature has a holdout.
import type { Against, Rule } from "../../shared/features/rule.ts";
import type { SignalName } from "./decision.ts";

/** A feature's rule. `hasHoldout`: some units are kept without the feature, to compare with (not given: none are). */
export type JudgedRule = Rule & { readonly hasHoldout?: boolean };

export const judgedRule = (rule: Rule, { holdoutBps }: { readonly holdoutBps: number }): JudgedRule => ({
  ...rule,
  hasHoldout: holdoutBps > 0,
});

type Compared = Pick<JudgedRule, "compare" | "hasHoldout">;

/** As the rule names it; else, beside a holdout, what no misfortune of everybody can set off. */
export const againstOf = ({ compare, hasHoldout = false }: Compared, signal: SignalName): Against =>
  compare[signal] ?? (hasHoldout ? (signal === "errorRate" ? "holdout" : "both") : "threshold");

/**
 * What the error rate is held against, one test each. A holdout is compared with in any case: a broken feature is rolled back
 * though nobody asked. A bound is tested beside it where the rule asks for that by name.
 */
export const errorTestsOf = (rule: Compared & Pick<Rule, "errorRateThreshold">): readonly Against[] => {
  const named = againstOf(rule, "errorRate");
  const isBounded = rule.errorRateThreshold !== undefined && named !== "holdout";
  const isCompared =
    rule.hasHoldout === true || (named !== "threshold" && rule.errorRateThreshold !== undefined);
  return [...(isBounded ? [named] : []), ...(isCompared ? (["holdout"] as const) : [])];
};
