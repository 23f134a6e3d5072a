import { describe, expect, test } from "vitest";
import {
  MISMATCH_LOG_BAR,
  mismatchLogEvidence,
  periodLogEvidence,
  updateRolloutPeriod,
  type RolloutPeriod,
} from "../../../../origin/decide/statistics/sample-ratio.ts";
import { gridLogKeepEvidence } from "../../../../origin/decide/statistics/rate-evidence.ts";
import values from "../../../spec/statistics.json" with { type: "json" };
import { expectNear } from "../../../support/near.ts";

test.each(values.sampleRatio.cases)("counts of $n where $shares are the shares", ({ n, shares, logE }) => {
  expectNear(mismatchLogEvidence(n, shares), logE, 1e-10);
});

test("nothing is decided on evidence of a thousand to one that units are lost", () => {
  expectNear(MISMATCH_LOG_BAR, Math.log(1_000), 1e-15);
});

const period: RolloutPeriod = {
  rolloutBps: 2_000,
  holdoutBps: 1_000,
  since: 100,
  detects: "both",
  treatment: 0,
  holdout: 0,
  earlierLogEvidence: null,
};
const counted = { ...period, treatment: 150, holdout: 90 };

describe("the evidence of a period", () => {
  test("needs two cohorts to compare", () => {
    expect(periodLogEvidence({ ...counted, rolloutBps: 0 })).toBe(null);
    expect(periodLogEvidence({ ...counted, holdoutBps: 0 })).toBe(null);
    expect(periodLogEvidence({ ...counted, rolloutBps: 1 })).not.toBe(null);
    expect(periodLogEvidence({ ...counted, holdoutBps: 1 })).not.toBe(null);
    expect(periodLogEvidence({ ...counted, detects: "nothing" })).toBe(null);
  });

  test("is about the ratio of the shares, in either direction", () => {
    expect(periodLogEvidence(counted)).toBe(mismatchLogEvidence([150, 90], [2_000, 1_000]));
  });

  test("is about a lack of treatment units alone after the rollout was raised", () => {
    const lacking = periodLogEvidence({ ...counted, detects: "lack" });
    expect(lacking).toBe(gridLogKeepEvidence({ n: 240, s: 90 }, 1 / 3));
    const surplus = { ...counted, treatment: 900, detects: "lack" } as const;
    expect(periodLogEvidence(surplus)).toBeLessThan(0);
  });
});

const bucketOf = (bucketS: number, treatment: number, holdout: number) => ({
  bucketS,
  treatment: { n: treatment, s: treatment },
  holdout: { n: holdout, s: 0 },
});
const sameRollout = { rolloutBps: 2_000, holdoutBps: 1_000 };

test("a period counts the units of the buckets since it began", () => {
  const buckets = [bucketOf(99, 1_000, 1_000), bucketOf(100, 20, 10), bucketOf(160, 5, 4)];
  expect(updateRolloutPeriod({ ...period, treatment: 7, holdout: 3 }, buckets, sameRollout, 200)).toEqual({
    ...period,
    treatment: 32,
    holdout: 17,
  });
});

test("units are counted by exposures, not by their outcome", () => {
  const { treatment, holdout } = updateRolloutPeriod(
    period,
    [{ bucketS: 100, treatment: { n: 20, s: 3 }, holdout: { n: 10, s: 2 } }],
    sameRollout,
    200,
  );
  expect([treatment, holdout]).toEqual([20, 10]);
});

describe("a changed rollout", () => {
  const change = (rolloutBps: number, holdoutBps: number, before: Partial<RolloutPeriod> = {}) =>
    updateRolloutPeriod({ ...counted, ...before }, [bucketOf(150, 50, 50)], { rolloutBps, holdoutBps }, 200);

  test("begins an empty period ten seconds later", () => {
    expect(change(500, 1_000)).toEqual({
      rolloutBps: 500,
      holdoutBps: 1_000,
      since: 210,
      detects: "both",
      treatment: 0,
      holdout: 0,
      earlierLogEvidence: periodLogEvidence(counted),
    });
    expect(change(2_000, 900).since).toBe(210);
  });

  test.each([
    {
      title: "a lowered rollout leaves either mismatch detectable",
      from: [2_000, 1_000, "both"],
      to: [1_999, 1_000, "both"],
    },
    {
      title: "a raised rollout leaves only a lack of treatment units detectable",
      from: [2_000, 1_000, "both"],
      to: [2_001, 1_000, "lack"],
    },
    {
      title: "a raised rollout that stays below the holdout leaves only a lack of treatment units detectable",
      from: [500, 1_000, "both"],
      to: [600, 1_000, "lack"],
    },
    {
      title: "a lowered holdout leaves either mismatch detectable",
      from: [2_000, 1_000, "both"],
      to: [2_000, 999, "both"],
    },
    {
      title: "a raised holdout that stays below the rollout leaves nothing detectable",
      from: [2_000, 1_000, "both"],
      to: [2_000, 1_001, "nothing"],
    },
    {
      title: "raising both leaves nothing detectable",
      from: [2_000, 1_000, "both"],
      to: [2_001, 1_001, "nothing"],
    },
    {
      title: "a rollout that is lowered after it was raised leaves only a lack of treatment units detectable",
      from: [2_000, 1_000, "lack"],
      to: [1_000, 1_000, "lack"],
    },
    {
      title: "a holdout that is lowered after it was raised leaves nothing detectable",
      from: [2_000, 1_000, "nothing"],
      to: [2_000, 500, "nothing"],
    },
    {
      title: "a rollout that is raised after the holdout was leaves nothing detectable",
      from: [2_000, 1_000, "nothing"],
      to: [2_500, 1_000, "nothing"],
    },
  ] as const)("$title", ({ from, to }) => {
    const before = { rolloutBps: from[0], holdoutBps: from[1], detects: from[2] };
    expect(change(to[0], to[1], before).detects).toBe(to[2]);
  });

  test("keeps the strongest evidence of all periods before it", () => {
    const ended = periodLogEvidence(counted)!;
    expect(change(500, 1_000, { earlierLogEvidence: ended + 1 }).earlierLogEvidence).toBe(ended + 1);
    expect(change(500, 1_000, { earlierLogEvidence: ended - 1 }).earlierLogEvidence).toBe(ended);
    expect(change(500, 1_000, { earlierLogEvidence: null }).earlierLogEvidence).toBe(ended);
    expect(change(500, 1_000, { earlierLogEvidence: -1.5, holdoutBps: 0 }).earlierLogEvidence).toBe(-1.5);
    expect(change(500, 1_000, { earlierLogEvidence: null, holdoutBps: 0 }).earlierLogEvidence).toBe(null);
    const balanced = change(500, 1_000, { treatment: 200, holdout: 100 }).earlierLogEvidence;
    expect(balanced).toBe(periodLogEvidence({ ...period, treatment: 200, holdout: 100 }));
    expect(balanced).toBeLessThan(0);
  });
});
