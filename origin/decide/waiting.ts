// What a feature waits for while it collects units.
import { agesOf } from "../../shared/features/outcome-ages.ts";
import type { Rule } from "../../shared/features/rule.ts";
import type { TestReport } from "./decision.ts";
import type { Evidence, OutcomeEvidence } from "./evidence.ts";
import { matureAt } from "./maturity.ts";

export type Waiting = {
  /** Mature treatment units; under a rule that asks about requests alone, exposed ones. */
  readonly counted: number;
  readonly of: "mature" | "exposed";
  /** Exposed treatment units that are not mature yet. */
  readonly immature: number;
  /** Unix seconds at which the first unit of all is mature; null when one is already, or none was exposed. */
  readonly firstMatureAt: number | null;
};

/** Begin of the first bucket that was not left out (unix seconds). */
const countedFrom = (parts: readonly OutcomeEvidence[], ageSeconds: number): number =>
  parts.find((part) => part.ageSeconds === ageSeconds)?.accumulatedTo ?? 0;

/** By the test that counts the most units: under a comparison, that of the youngest age. */
export const waitingFor = (
  tests: readonly TestReport[],
  { exposed, activation, retention }: Evidence,
  rule: Pick<Rule, "activationWindowSeconds" | "retentionWindowSeconds" | "returnAfterSeconds">,
): Waiting => {
  const [nearest] = tests
    .flatMap(({ ageSeconds, treatment, leftOut }) =>
      ageSeconds === null ? [] : { ageSeconds, counted: treatment.n, leftOut: leftOut ?? 0 },
    )
    .toSorted((one, other) => other.counted - one.counted || one.ageSeconds - other.ageSeconds);
  if (nearest === undefined)
    return { counted: exposed.treatment, of: "exposed", immature: 0, firstMatureAt: null };
  const { counted, ageSeconds, leftOut } = nearest;
  const countsFrom = leftOut === 0 ? 0 : countedFrom([...activation, ...retention], ageSeconds);
  return {
    counted,
    of: "mature",
    immature: Math.max(0, exposed.treatment - counted - leftOut),
    firstMatureAt:
      counted > 0 || exposed.firstBucketS === null
        ? null
        : matureAt(agesOf(rule), ageSeconds, Math.max(exposed.firstBucketS, countsFrom)),
  };
};
