// The sizes of the cohorts; the numbers are computed by mpmath at 40 digits.
import { describe, expect, test } from "vitest";
import {
  MISMATCH_LOG_BAR,
  mismatchLogEvidence,
  periodLogEvidence,
  updateRolloutPeriod,
  type RolloutPeriod,
} from "../../../origin/decide/statistics/sample-ratio.ts";

test.each([
  { counts: [500, 400], shares: [1, 1], logE: 3.8598528764071993 },
  { counts: [90, 10], shares: [9000, 1000], logE: -0.3507841294141484 },
  { counts: [900, 200], shares: [9000, 1000], logE: 29.891285117080365 },
  { counts: [5000, 4000], shares: [50, 50], logE: 52.80435004783773 },
])("$counts where $shares are the shares is evidence of $logE", ({ counts, shares, logE }) => {
  expect(mismatchLogEvidence(counts, shares)).toBeCloseTo(logE, 8);
});

test("the bar is 1,000 : 1", () => {
  expect(Math.exp(MISMATCH_LOG_BAR)).toBeCloseTo(1000, 9);
});

const period: RolloutPeriod = {
  rolloutBps: 2000,
  holdoutBps: 1000,
  since: 100,
  detects: "both",
  treatment: 0,
  holdout: 0,
  earlierLogEvidence: null,
};
const bucketAt = (bucketS: number, treatment: number, holdout: number) => ({
  bucketS,
  treatment: { n: treatment, s: 0 },
  holdout: { n: holdout, s: 0 },
});

describe("the evidence of a period", () => {
  test("is about both sides at first", () => {
    const [few, many] = [
      { ...period, treatment: 300, holdout: 300 },
      { ...period, treatment: 600, holdout: 100 },
    ];
    for (const lopsided of [few, many])
      expect(periodLogEvidence(lopsided)).toBeCloseTo(
        mismatchLogEvidence([lopsided.treatment, lopsided.holdout], [2, 1]),
        12,
      );
  });

  test("is about missing treatment units alone after a raised rollout", () => {
    const lack = { ...period, detects: "lack" } as const;
    expect(periodLogEvidence({ ...lack, treatment: 2000, holdout: 100 })).toBeLessThan(0);
    expect(periodLogEvidence({ ...lack, treatment: 300, holdout: 300 })).toBeGreaterThan(MISMATCH_LOG_BAR);
  });

  test.each([
    { name: "after a raised holdout", over: { detects: "nothing" } as const },
    { name: "without a rollout", over: { rolloutBps: 0 } },
    { name: "without a holdout", over: { holdoutBps: 0 } },
  ])("is unknown $name", ({ over }) => {
    expect(periodLogEvidence({ ...period, treatment: 900, holdout: 10, ...over })).toBeNull();
  });
});

describe("a period", () => {
  test("counts the buckets that begin in it, and none before", () => {
    const buckets = [bucketAt(99, 1000, 1000), bucketAt(100, 7, 3), bucketAt(160, 5, 2)];
    expect(updateRolloutPeriod(period, buckets, period, 200)).toEqual({
      ...period,
      treatment: 12,
      holdout: 5,
    });
  });

  test.each([
    { name: "a raised rollout", rolloutBps: 4000, holdoutBps: 1000, detects: "lack" },
    { name: "a lowered rollout", rolloutBps: 1000, holdoutBps: 1000, detects: "both" },
    { name: "a lowered holdout", rolloutBps: 2000, holdoutBps: 500, detects: "both" },
    { name: "a raised holdout", rolloutBps: 2000, holdoutBps: 2000, detects: "nothing" },
    { name: "both raised", rolloutBps: 4000, holdoutBps: 2000, detects: "nothing" },
  ])(
    "ends with $name, and the next one begins 10 s later and detects $detects",
    ({ detects, rolloutBps, holdoutBps }) => {
      const ended = { ...period, treatment: 300, holdout: 300 };
      const rollout = { rolloutBps, holdoutBps };
      expect(updateRolloutPeriod(ended, [bucketAt(160, 5, 2)], rollout, 200)).toEqual({
        ...rollout,
        since: 210,
        detects,
        treatment: 0,
        holdout: 0,
        earlierLogEvidence: periodLogEvidence(ended),
      });
    },
  );

  test("detects nothing for good once the holdout was raised", () => {
    const raised = { ...period, detects: "nothing" } as const;
    expect(updateRolloutPeriod(raised, [], { rolloutBps: 4000, holdoutBps: 1000 }, 200).detects).toBe(
      "nothing",
    );
  });

  test("a lack stays the only thing that is detected after a further lowering", () => {
    const lack = { ...period, detects: "lack" } as const;
    expect(updateRolloutPeriod(lack, [], { rolloutBps: 1000, holdoutBps: 1000 }, 200).detects).toBe("lack");
  });

  test("keeps the most evidence of all earlier ones", () => {
    const bad = { ...period, treatment: 300, holdout: 300 };
    const next = { rolloutBps: 4000, holdoutBps: 1000 };
    const badEvidence = periodLogEvidence(bad);
    const second = updateRolloutPeriod(bad, [], next, 200);
    const third = updateRolloutPeriod({ ...second, treatment: 400, holdout: 100 }, [], period, 300);
    expect(third.earlierLogEvidence).toBe(badEvidence);
    const blind = updateRolloutPeriod({ ...second, holdoutBps: 0 }, [], period, 300);
    expect(blind.earlierLogEvidence).toBe(badEvidence);
  });
});
