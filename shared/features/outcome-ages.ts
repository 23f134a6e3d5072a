// Outcomes that take time are counted in buckets of exposure time, at a few ages after the exposure. The fold writes them
// and the evaluation reads them by the same ages.
import type { Rule } from "./rule.ts";

const MINUTE = 60;
const HOUR = 3_600;
const DAY = 86_400;

type Windows = Pick<Rule, "activationWindowSeconds" | "retentionWindowSeconds" | "returnAfterSeconds">;

export type Ages = {
  /** Ages in seconds, rising; the last is the whole window. */
  readonly activation: readonly number[];
  readonly retention: readonly number[];
  /** Width of an exposure bucket in seconds. */
  readonly bucketSeconds: number;
};

const upTo = (ages: readonly number[], windowSeconds: number, fromSeconds = 0): number[] => [
  ...ages.filter((age) => age > fromSeconds && age < windowSeconds),
  windowSeconds,
];

/**
 * Ages at which treatment and holdout are compared (15 min, 30 min, 1 h, 6 h, 24 h; 1 d, 3 d, 7 d, as far as they lie
 * inside the rule's windows) and the width of an exposure bucket: a fifth of the youngest age, between a second and an hour.
 */
export const agesOf = (rule: Windows): Ages => {
  const activation = upTo([15 * MINUTE, 30 * MINUTE, HOUR, 6 * HOUR, DAY], rule.activationWindowSeconds);
  const retention = upTo([DAY, 3 * DAY, 7 * DAY], rule.retentionWindowSeconds, rule.returnAfterSeconds);
  const youngest = Math.min(activation[0] ?? HOUR, retention[0] ?? HOUR);
  return {
    activation,
    retention,
    bucketSeconds: Math.min(HOUR, Math.max(1, Math.floor(youngest / 5))),
  };
};
