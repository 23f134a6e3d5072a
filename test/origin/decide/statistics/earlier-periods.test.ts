import { expect, test } from "vitest";
import {
  periodLogEvidence,
  updateRolloutPeriod,
  type RolloutPeriod,
} from "../../../../origin/decide/statistics/sample-ratio.ts";

const period: RolloutPeriod = {
  rolloutBps: 2_000,
  holdoutBps: 1_000,
  since: 100,
  detects: "both",
  treatment: 150,
  holdout: 90,
  earlierLogEvidence: null,
};

/** What is kept of `ended` and the periods before it when the rollout is lowered. */
const keptOf = (ended: Partial<RolloutPeriod>): number | null =>
  updateRolloutPeriod({ ...period, ...ended }, [], { rolloutBps: 500, holdoutBps: 1_000 }, 200)
    .earlierLogEvidence;

test("of all earlier periods the strongest evidence is kept, and none of those that could not be compared", () => {
  const own = periodLogEvidence(period);
  if (own === null) throw new Error("two cohorts were expected");
  expect(keptOf({})).toBe(own);
  expect(keptOf({ earlierLogEvidence: own + 1 })).toBe(own + 1);
  expect(keptOf({ earlierLogEvidence: own - 1 })).toBe(own);
  // With no holdout the period itself says nothing.
  expect(keptOf({ earlierLogEvidence: -1.5, holdoutBps: 0 })).toBe(-1.5);
  expect(keptOf({ earlierLogEvidence: null, holdoutBps: 0 })).toBe(null);
});

test("evidence that nothing is lost is kept as what it is, not as 0", () => {
  const balanced = { treatment: 200, holdout: 100 };
  expect(keptOf(balanced)).toBe(periodLogEvidence({ ...period, ...balanced }));
  expect(keptOf(balanced)).toBeLessThan(0);
});
