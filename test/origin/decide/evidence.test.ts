// What a trial begins with, and what a person reads of its rates.
import { describe, expect, test } from "vitest";
import { detailsOf } from "../../../origin/decide/details.ts";
import { emptyEvidence } from "../../../origin/decide/evidence.ts";
import { agesOf } from "../../../shared/features/outcome-ages.ts";

const ages = agesOf({ activationWindowSeconds: 900, retentionWindowSeconds: 1800, returnAfterSeconds: 900 });
const NOBODY = { treatment: { n: 0, s: 0 }, holdout: { n: 0, s: 0 } };

describe("a trial", () => {
  const begun = emptyEvidence(ages, 1000, { rolloutBps: 3000, holdoutBps: 1000 });

  test("begins with the bucket in which it begins, and knows nobody", () => {
    expect(ages.bucketSeconds).toBe(180);
    expect(begun.since).toBe(900);
    expect(begun.exposed).toStrictEqual({
      accumulatedTo: 900,
      firstBucketS: null,
      treatment: 0,
      holdout: 0,
    });
    expect(begun.sampleRatio).toStrictEqual({
      rolloutBps: 3000,
      holdoutBps: 1000,
      since: 900,
      detects: "both",
      treatment: 0,
      holdout: 0,
      earlierLogEvidence: null,
    });
  });

  test("begins its outcomes and their volume there too", () => {
    expect(begun.retention).toStrictEqual([
      {
        ageSeconds: 1800,
        accumulatedTo: 900,
        leftOut: 0,
        mature: NOBODY,
        worseThanHoldout: Array.from({ length: 9 }, () => 0),
        stepHoldout: { n: 0, s: 0 },
        onlyTreatment: 0,
        sinceKept: {
          detector: [],
          besideHoldout: [],
          run: NOBODY,
          batch: NOBODY,
          recent: { n: 0, s: 0 },
        },
        volume: { knownTo: 900, from: 900, units: 0, seconds: 0, cells: [] },
      },
    ]);
  });

  test("knows no latency before the first request", () => {
    expect(begun.traffic.accumulatedTo).toBe(900);
    expect(begun.traffic.p95Ms).toStrictEqual({ treatment: null, holdout: null });
  });
});

test("an outcome of which no age is known has no rate", () => {
  const empty = emptyEvidence(ages, 0, { rolloutBps: 5000, holdoutBps: 5000 });
  expect(detailsOf({ ...empty, activation: [], retention: [] }, true)).toStrictEqual({
    activation: null,
    retention: null,
    p95_latency: null,
    error_rate: null,
    exposed: { treatment: 0, holdout: 0 },
  });
});
