// The evidence of a trial as earlier versions stored it: data folders keep it over an update.
import { expect, test } from "vitest";
import { emptyEvidence, EMPTY_TRAFFIC } from "../../../origin/decide/evidence.ts";
import { fromStoredEvidence, toStoredEvidence } from "../../../origin/evaluate/stored-trial.ts";
import { agesOf } from "../../../shared/features/outcome-ages.ts";
import stored from "../../spec/stored-evidence.json" with { type: "json" };

const NONE = { treatment: { n: 0, s: 0 }, holdout: { n: 0, s: 0 } };

/** As the column gives it back: parsed JSON. */
const asStored = (evidence: unknown): Parameters<typeof fromStoredEvidence>[0] =>
  JSON.parse(JSON.stringify(evidence));

test("the stored document of a version before is read with each of its numbers", () => {
  const evidence = fromStoredEvidence(asStored(stored));
  expect(evidence.since).toBe(1_800_000_000);
  expect(evidence.exposed).toEqual({
    accumulatedTo: 1_800_000_540,
    firstBucketS: null,
    treatment: 120,
    holdout: 118,
  });
  expect(evidence.sampleRatio).toEqual({
    rolloutBps: 2000,
    holdoutBps: 1000,
    since: 1_800_000_010,
    detects: "lack",
    treatment: 40,
    holdout: 20,
    earlierLogEvidence: -1.5,
  });
  expect(evidence.activation).toEqual([
    {
      ageSeconds: 900,
      accumulatedTo: 1_800_000_180,
      leftOut: 0,
      mature: { treatment: { n: 60, s: 9 }, holdout: { n: 58, s: 8 } },
      worseThanHoldout: [-3, -2.5, -2, -1.5, -1.2, -1, -0.7, -0.4, -0.1],
      stepHoldout: { n: 58, s: 8 },
      onlyTreatment: 0,
      sinceKept: {
        detector: [1, 2],
        besideHoldout: [],
        run: NONE,
        batch: { treatment: { n: 10, s: 2 }, holdout: { n: 9, s: 1 } },
        recent: { n: 0, s: 0 },
      },
      volume: { knownTo: 1_800_000_180, from: 1_800_000_180, units: 0, seconds: 0, cells: [] },
    },
  ]);
  expect(evidence.retention).toEqual([]);
  expect(evidence.traffic).toEqual({
    firstRequestS: null,
    accumulatedTo: 1_800_000_360,
    latency: {
      requests: { treatment: { n: 500, s: 20 }, holdout: { n: 490, s: 18 } },
      aboveBound: [0.1, 0.2, 0.3],
      worseThanHoldout: [0, 0, 0, 0, 0, 0, 0, 0, 0],
      sizes: [],
      sinceKept: { detector: [], besideHoldout: [], run: NONE },
    },
    errors: {
      requests: { treatment: { n: 500, s: 1 }, holdout: { n: 490, s: 0 } },
      aboveBound: [-0.1, -0.2, -0.3],
      worseThanHoldout: [0, 0, 0, 0, 0, 0, 0, 0, 0],
      sizes: [],
      sinceKept: { detector: [3], besideHoldout: [], run: NONE },
    },
    lost: EMPTY_TRAFFIC,
    p95Ms: { treatment: 180.5, holdout: null },
  });
});

test("what is stored again has the names of before, so that a version before can go on with it", () => {
  expect(asStored(toStoredEvidence(fromStoredEvidence(asStored(stored))))).toMatchObject({
    ...stored,
    exposed: { ...stored.exposed, firstBucketS: null },
  });
});

test("new evidence comes back from its stored form as it was", () => {
  const ages = agesOf({
    activationWindowSeconds: 86_400,
    retentionWindowSeconds: 604_800,
    returnAfterSeconds: 86_400,
  });
  const evidence = emptyEvidence(ages, 1_800_000_000, { rolloutBps: 5000, holdoutBps: 5000 });
  expect(fromStoredEvidence(asStored(toStoredEvidence(evidence)))).toEqual(evidence);
});
