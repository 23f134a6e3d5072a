// The windows by which a feature's outcomes are counted. They come from its rule. Pure.
import { agesOf } from "../../shared/features/outcome-ages.ts";
import { Rule } from "../../shared/features/rule.ts";

/** A feature's windows in the form the fold counts by. */
export type OutcomeWindows = {
  /** ages at which activated units are counted, in seconds since the exposure */
  readonly activationAgesS: readonly number[];
  readonly retentionAgesS: readonly number[];
  readonly returnAfterS: number;
  /** length of an exposure bucket */
  readonly bucketS: number;
};

const ruleWindows = Rule.pick({
  activationWindowSeconds: true,
  retentionWindowSeconds: true,
  returnAfterSeconds: true,
});

/** A feature without a rule, or whose rule cannot be read, is counted by the rule's defaults. */
export const windowsOf = (rule: unknown): OutcomeWindows => {
  const stored = typeof rule === "object" && rule !== null ? rule : {};
  const known = Object.fromEntries(Object.entries(stored).filter(([name]) => name in ruleWindows.shape));
  const parsed = ruleWindows.safeParse(known);
  const windows = parsed.success ? parsed.data : ruleWindows.parse({});
  const ages = agesOf(windows);
  return {
    activationAgesS: ages.activation,
    retentionAgesS: ages.retention,
    returnAfterS: windows.returnAfterSeconds,
    bucketS: ages.bucketSeconds,
  };
};

export const sameWindows = (a: OutcomeWindows, b: OutcomeWindows): boolean =>
  a.returnAfterS === b.returnAfterS &&
  a.bucketS === b.bucketS &&
  a.activationAgesS.join() === b.activationAgesS.join() &&
  a.retentionAgesS.join() === b.retentionAgesS.join();

export const windowsKey = (featureId: string, epoch: number): string => `${epoch}:${featureId}`;

/** Windows of (feature, epoch) pairs, by `windowsKey`. */
export type WindowsByKey = ReadonlyMap<string, OutcomeWindows>;
