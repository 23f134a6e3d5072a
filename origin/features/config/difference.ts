// Where a feature differs from what a file says of it, field by field.
import { Rule } from "../../../shared/features/rule.ts";
import type { FeatureState } from "../../../shared/features/feature.ts";
import type { FeatureId } from "../../../shared/ids.ts";
import { behaviourOf, type AppliedFields } from "./applied-fields.ts";
import { isSame } from "./same-value.ts";

export type Difference = {
  /** `rolloutBps`, or `rule.minCohortSize` for a field of the rule. */
  readonly field: string;
  readonly from: unknown;
  readonly to: unknown;
};

/** A field that was changed by other means than the file, since the file was applied last. */
export type Drift = { readonly field: string; readonly file: unknown; readonly now: unknown };

export type Fields = Readonly<Record<string, unknown>>;

/** The fields of `to` that are otherwise in `from`. A field that is absent counts as null. */
export const differences = (from: Fields, to: Fields): Difference[] =>
  Object.entries(to)
    .filter(([name, value]) => !isSame(name, from[name] ?? null, value ?? null))
    .map(([name, value]) => ({ field: name, from: from[name] ?? null, to: value ?? null }));

const withoutId = (rule: Fields): Fields => {
  const { featureId: _id, ...rest } = rule;
  return rest;
};

/** Of two rules; a field that one of them lacks differs too. null: there is no rule. */
export const ruleDifferences = (from: Rule | null, to: Rule): Difference[] => {
  if (from === null) return [{ field: "rule", from: null, to: withoutId(to) }];
  const names = Object.keys({ ...from, ...to }).filter((name) => name !== "featureId");
  const rule: Fields = to;
  return differences(from, Object.fromEntries(names.map((name) => [name, rule[name]]))).map(
    ({ field, ...values }) => ({
      field: `rule.${field}`,
      from: values.from,
      to: values.to,
    }),
  );
};

/** A rule as it is stored, or as a file has it, with its defaults. null: it has none that can be read. */
export const fullRule = (featureId: FeatureId, rule: unknown): Rule | null =>
  typeof rule === "object" && rule !== null ? (Rule.safeParse({ ...rule, featureId }).data ?? null) : null;

/** Whether its rule's ramp moves the rollout of an open feature: then the file's rollout is only where it begins. */
export const isRamped = (rule: unknown): boolean =>
  typeof rule === "object" &&
  rule !== null &&
  "mode" in rule &&
  rule.mode === "enforce" &&
  "ramp" in rule &&
  rule.ramp !== undefined;

/** What drift is read from. */
type Now = {
  readonly state: FeatureState;
  readonly rolledBackAt: Date | null;
} & Fields;

const driftOfRule = (featureId: FeatureId, ofFile: unknown, now: unknown): Drift[] => {
  const file = fullRule(featureId, ofFile);
  const rule = fullRule(featureId, now);
  if (file === null) return [];
  if (rule === null) return [{ field: "rule", file: withoutId(file), now: null }];
  return ruleDifferences(rule, file).map(({ field, from, to }) => ({ field, file: to, now: from }));
};

/**
 * What differs from the file as it was applied last. A rollback is no drift, nor is a step of the ramp. `rule`: as it is stored;
 * rules that are equal as they are need no schema, so that a page of a thousand features is quick.
 */
export const driftOf = ({ state, ...record }: Now, applied: AppliedFields, rule: unknown): Drift[] => {
  const { featureId } = state;
  const { enabled, rolloutBps, holdoutBps } = applied;
  const isLatched = record.rolledBackAt !== null;
  const isMoved = isLatched || (state.enabled && isRamped(rule));
  const file: Fields = {
    ...behaviourOf(featureId, applied),
    ...(enabled === undefined || isLatched ? {} : { enabled }),
    ...(rolloutBps === undefined || isMoved ? {} : { rolloutBps }),
    ...(holdoutBps === undefined ? {} : { holdoutBps }),
  };
  const ofState = differences({ ...state, ...record }, file).map(({ field, from, to }) => ({
    field,
    file: to,
    now: from,
  }));
  const isSameRule =
    applied.rule === undefined ||
    (typeof rule === "object" && rule !== null && isSame("rule", withoutId({ ...rule }), applied.rule));
  return isSameRule ? ofState : [...ofState, ...driftOfRule(featureId, applied.rule, rule)];
};
