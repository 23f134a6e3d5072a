// Stored buckets played again; the evidence is computed by mpmath at 40 digits.
import { describe, expect, test } from "vitest";
import { accumulateOutcomes } from "../../../origin/decide/accumulate-outcomes.ts";
import { accumulateRequests } from "../../../origin/decide/accumulate-requests.ts";
import { emptyEvidence, EMPTY_TRAFFIC } from "../../../origin/decide/evidence.ts";
import { concludeCalibration } from "../../../origin/decide/planning/calibration.ts";
import {
  replayOutcome,
  replayTraffic,
  walkOutcomes,
  type Replay,
} from "../../../origin/decide/planning/replay.ts";
import { logEvidenceWorseThanHoldout } from "../../../origin/decide/rollback-tests.ts";
import { logMeanExp } from "../../../origin/decide/statistics/log-sum-exp.ts";
import { betaLogEvidence, betaLogKeepEvidence } from "../../../origin/decide/statistics/beta-evidence.ts";
import { gridLogEvidence, gridLogKeepEvidence } from "../../../origin/decide/statistics/rate-evidence.ts";
import { agesOf } from "../../../shared/features/outcome-ages.ts";

const NOBODY = { n: 0, s: 0 };
const LOG_20 = Math.log(20);

type Ages = Parameters<typeof walkOutcomes>[0];
type OutcomeReplay = Parameters<typeof walkOutcomes>[1] & Parameters<typeof replayOutcome>[1];
const replayAges = (ages: Ages, replay: OutcomeReplay): Replay =>
  replayOutcome(walkOutcomes(ages, replay), replay);
const replayComparison = (ages: Ages, replay: Omit<OutcomeReplay, "signal" | "against" | "prior">) =>
  replayAges(ages, { ...replay, signal: "activation", against: "holdout", prior: undefined });

describe("an outcome against its threshold", () => {
  const ages = agesOf({
    activationWindowSeconds: 600,
    retentionWindowSeconds: 3600,
    returnAfterSeconds: 900,
  });
  const [empty] = emptyEvidence(ages, 0, { rolloutBps: 5000, holdoutBps: 0 }).activation;
  if (empty === undefined) throw new Error("an age was expected");
  const replayThreshold = (
    { buckets: played }: { buckets: Ages[0]["buckets"] },
    settings: Omit<OutcomeReplay, "signal" | "against" | "prior"> & { prior?: OutcomeReplay["prior"] },
  ) =>
    replayAges([{ empty, buckets: played }], {
      prior: undefined,
      ...settings,
      signal: "activation",
      against: "threshold",
    });
  const replay = {
    threshold: 0.15,
    logBar: Math.log(2500),
    keepLogBar: LOG_20,
    minCohortSize: 100,
    bucketSeconds: 60,
  };
  const buckets = (s: number) =>
    [0, 60, 120].map((bucketS) => ({ bucketS, treatment: { n: 50, s }, holdout: NOBODY }));

  test("is rolled back by the first bucket that lifts the evidence over the bar, once the cohort is large enough", () => {
    expect(replayThreshold({ buckets: buckets(0) }, replay)).toEqual({
      threshold: 0.15,
      // The second bucket is closed at 120 s, and its units are 600 s old then.
      rolledBack: { at: 720, n: 100, s: 0 },
      kept: null,
      mostLogEvidence: expect.closeTo(15.265946762134545, 9),
    });
  });

  test("is rolled back and kept from exactly its bars on", () => {
    const [rollback, keep] = [
      gridLogEvidence({ n: 100, s: 0 }, 0.15),
      gridLogKeepEvidence({ n: 100, s: 50 }, 0.15),
    ];
    const bad = replayThreshold({ buckets: buckets(0) }, { ...replay, logBar: rollback });
    expect(bad.rolledBack?.n).toBe(100);
    const good = replayThreshold({ buckets: buckets(25) }, { ...replay, keepLogBar: keep });
    expect(good.kept?.n).toBe(100);
  });

  test("remembers the most evidence, also where it was below 1 : 1 all the time", () => {
    const { mostLogEvidence } = replayThreshold({ buckets: buckets(25) }, replay);
    expect(mostLogEvidence).toBeCloseTo(gridLogEvidence({ n: 100, s: 50 }, 0.15), 12);
    expect(mostLogEvidence).toBeLessThan(0);
    const fading = [
      { bucketS: 0, treatment: { n: 100, s: 0 }, holdout: NOBODY },
      { bucketS: 60, treatment: { n: 100, s: 90 }, holdout: NOBODY },
    ];
    expect(replayThreshold({ buckets: fading }, replay).mostLogEvidence).toBeCloseTo(9.573711468045685, 9);
  });

  test("is not looked at below minCohortSize", () => {
    expect(replayThreshold({ buckets: buckets(0) }, { ...replay, minCohortSize: 151 })).toEqual({
      threshold: 0.15,
      rolledBack: null,
      kept: null,
      mostLogEvidence: null,
    });
  });

  test("is kept by the bucket that proves it good", () => {
    const { rolledBack, kept } = replayThreshold({ buckets: buckets(25) }, replay);
    expect({ rolledBack, kept }).toEqual({ rolledBack: null, kept: { at: 720, n: 100, s: 50 } });
  });
});

test("beside the holdout buckets come in the order of time, whatever their age", () => {
  const ages = agesOf({
    activationWindowSeconds: 1800,
    retentionWindowSeconds: 3600,
    returnAfterSeconds: 900,
  });
  expect(ages.activation).toEqual([900, 1800]);
  const [young, old] = emptyEvidence(ages, 0, { rolloutBps: 5000, holdoutBps: 5000 }).activation;
  if (young === undefined || old === undefined) throw new Error("two ages were expected");
  const bad = (bucketS: number) => ({
    bucketS,
    treatment: { n: 100, s: 5 },
    holdout: { n: 100, s: 20 },
  });
  const { rolledBack, mostLogEvidence } = replayComparison(
    [
      { empty: young, buckets: [bad(0), bad(180), bad(360), bad(540), bad(720)] },
      { empty: old, buckets: [] },
    ],
    { threshold: 0.15, logBar: 12, keepLogBar: LOG_20, minCohortSize: 100, bucketSeconds: 180 },
  );
  expect(rolledBack).toEqual({ at: 360 + 180 + 900, n: 300, s: 15 });
  expect(mostLogEvidence).toBeCloseTo(22.012434912433683, 9);
});

describe("at several ages", () => {
  const ages = agesOf({
    activationWindowSeconds: 1800,
    retentionWindowSeconds: 3600,
    returnAfterSeconds: 900,
  });
  const [young, old] = emptyEvidence(ages, 0, { rolloutBps: 5000, holdoutBps: 5000 }).activation;
  if (young === undefined || old === undefined) throw new Error("two ages were expected");
  const bad = { bucketS: 0, treatment: { n: 200, s: 2 }, holdout: { n: 200, s: 60 } };
  const replay = {
    signal: "activation",
    prior: undefined,
    threshold: 0.15,
    logBar: Math.log(2500),
    keepLogBar: LOG_20,
    minCohortSize: 100,
    bucketSeconds: 180,
  } as const;

  test.each([
    { against: "threshold", at: 1980 },
    { against: "both", at: 1980 },
    { against: "holdout", at: 1080 },
  ] as const)("a test against $against looks first at $at s", ({ against, at }) => {
    const { rolledBack } = replayAges(
      [
        { empty: young, buckets: [bad] },
        { empty: old, buckets: [bad] },
      ],
      { ...replay, against },
    );
    expect(rolledBack?.at).toBe(at);
  });

  test("a comparison counts the units of the oldest age that has enough", () => {
    const later = { ...bad, treatment: { n: 120, s: 60 }, holdout: { n: 120, s: 60 } };
    const { kept } = replayAges(
      [
        { empty: young, buckets: [bad] },
        { empty: old, buckets: [later] },
      ],
      { ...replay, against: "holdout", logBar: 1000 },
    );
    expect(kept).toEqual({ at: 1980, n: 120, s: 60 });
  });

  test("against both is rolled back from exactly the bar beside the holdout on", () => {
    const mature = accumulateOutcomes(old, [bad], 180, {
      threshold: 0.15,
      against: "both",
      isKept: false,
    });
    const logBar = logEvidenceWorseThanHoldout([mature]);
    expect(logBar).toBeLessThan(gridLogEvidence(bad.treatment, 0.15));
    const rolledBackAt = (bar: number) =>
      replayAges([{ empty: old, buckets: [bad] }], { ...replay, against: "both", logBar: bar }).rolledBack
        ?.at;
    expect(rolledBackAt(logBar)).toBe(1980);
    expect(rolledBackAt(logBar + 1e-9)).toBe(undefined);
  });
});

test("requests against both are rolled back from exactly the bar beside the holdout on", () => {
  const buckets = Array.from({ length: 40 }, (_, i) => ({
    bucketS: 60 * i,
    treatment: { n: 1000, s: 400 },
    holdout: { n: 1000, s: 300 },
  }));
  const bound = 0.01;
  const terms = { threshold: bound, against: "both", isKept: false } as const;
  const { aboveBound, worseThanHoldout } = buckets.reduce(
    (evidence, bucket) => accumulateRequests(evidence, bucket, terms),
    EMPTY_TRAFFIC,
  );
  const logBar = logMeanExp(worseThanHoldout);
  expect(logBar).toBeLessThan(logMeanExp(aboveBound));
  const rolledBackAt = (bar: number) =>
    replayTraffic(buckets, {
      threshold: bound,
      bound,
      against: "both",
      logBar: bar,
      keepLogBar: LOG_20,
      bucketSeconds: 60,
      countsFrom: 0,
    }).rolledBack?.at;
  expect(rolledBackAt(logBar)).toBe(2400);
  expect(rolledBackAt(logBar + 1e-9)).toBe(undefined);
});

describe("beside the holdout", () => {
  const ages = agesOf({
    activationWindowSeconds: 1800,
    retentionWindowSeconds: 3600,
    returnAfterSeconds: 900,
  });
  const [young, old] = emptyEvidence(ages, 0, { rolloutBps: 5000, holdoutBps: 5000 }).activation;
  if (young === undefined || old === undefined) throw new Error("two ages were expected");
  const replay = { threshold: 0.15, logBar: 100, keepLogBar: LOG_20, minCohortSize: 100, bucketSeconds: 180 };
  const bucketAt = (bucketS: number, treatment: number, holdout: number) => ({
    bucketS,
    treatment: { n: treatment, s: treatment / 2 },
    holdout: { n: holdout, s: holdout / 2 },
  });

  test("an older bucket at a young age comes before a younger one at an old age", () => {
    const { kept } = replayComparison(
      [
        { empty: young, buckets: [bucketAt(1800, 100, 100)] },
        { empty: old, buckets: [bucketAt(0, 100, 100)] },
      ],
      replay,
    );
    // The old age of the first bucket is reached at 180 + 1800, the young age of the other one at 1980 + 900.
    expect(kept).toEqual({ at: 1980, n: 100, s: 50 });
  });

  test("proof is counted at the oldest age with enough units", () => {
    const { kept } = replayComparison(
      [
        { empty: young, buckets: [bucketAt(0, 10, 10), bucketAt(180, 200, 200)] },
        { empty: old, buckets: [bucketAt(0, 100, 100)] },
      ],
      { ...replay, keepLogBar: gridLogKeepEvidence({ n: 100, s: 50 }, 0.15) },
    );
    expect(kept).toEqual({ at: 180 + 180 + 900, n: 210, s: 105 });
    const { kept: late } = replayComparison(
      [
        { empty: young, buckets: [bucketAt(0, 90, 200)] },
        { empty: old, buckets: [bucketAt(0, 100, 100)] },
      ],
      replay,
    );
    expect(late).toEqual({ at: 1980, n: 100, s: 50 });
  });
});

describe("against both", () => {
  const ages = agesOf({
    activationWindowSeconds: 600,
    retentionWindowSeconds: 3600,
    returnAfterSeconds: 900,
  });
  const [empty] = emptyEvidence(ages, 0, { rolloutBps: 5000, holdoutBps: 5000 }).activation;
  if (empty === undefined) throw new Error("an age was expected");
  const settings: OutcomeReplay = {
    signal: "activation",
    against: "both",
    prior: undefined,
    threshold: 0.15,
    logBar: Math.log(2500),
    keepLogBar: LOG_20,
    minCohortSize: 100,
    bucketSeconds: 120,
  };
  const replayBeside = (holdout: number, over: Partial<OutcomeReplay> = {}) =>
    replayAges(
      [
        {
          empty,
          buckets: Array.from({ length: 30 }, (_, i) => ({
            bucketS: 120 * i,
            treatment: { n: 50, s: 3 },
            holdout: { n: 50, s: holdout },
          })),
        },
      ],
      { ...settings, ...over },
    );

  test("a rate that is as low in the holdout would not have been rolled back, whatever the evidence of the floor", () => {
    const { rolledBack, mostLogEvidence } = replayBeside(3);
    expect(rolledBack).toBeNull();
    expect(mostLogEvidence).toBeGreaterThan(20);
  });

  test("a rate that is worse in both ways would have been, later than by the floor alone", () => {
    const floor = replayBeside(9, { against: "threshold" }).rolledBack?.at ?? 0;
    const both = replayBeside(9).rolledBack?.at ?? 0;
    expect(floor).toBeGreaterThan(0);
    expect(both).toBeGreaterThan(floor);
  });

  test("beside a holdout that cannot act the floor decides alone", () => {
    expect(replayBeside(0).rolledBack).toEqual(replayBeside(0, { against: "threshold" }).rolledBack);
  });

  test("a rule's prior counts for activation, for a rollback and for keeping", () => {
    const prior = { alpha: 2, beta: 8 };
    const plain = replayBeside(0, { against: "threshold" });
    const informed = replayBeside(0, { against: "threshold", prior });
    const n = 1_500;
    expect(informed.mostLogEvidence).toBeCloseTo(betaLogEvidence({ n, s: 90 }, 0.15, prior), 9);
    expect(informed.mostLogEvidence).not.toBeCloseTo(plain.mostLogEvidence ?? 0, 3);
    const retention = replayBeside(0, { against: "threshold", prior, signal: "retention" });
    expect(retention.mostLogEvidence).toBe(plain.mostLogEvidence);
    const kept = replayBeside(0, {
      threshold: 0.03,
      prior,
      keepLogBar: betaLogKeepEvidence({ n: 200, s: 12 }, 0.03, prior),
    });
    expect(kept.kept?.n).toBe(200);
  });

  test("requests that are as slow in the holdout would not have been rolled back", () => {
    const replay = {
      threshold: 200,
      bound: 0.05,
      against: "both",
      logBar: Math.log(25_000),
      keepLogBar: LOG_20,
      bucketSeconds: 60,
      countsFrom: 0,
    } as const;
    const beside = (s: number) =>
      Array.from({ length: 200 }, (_, i) => ({
        bucketS: 60 * i,
        treatment: { n: 200, s: 60 },
        holdout: { n: 200, s },
      }));
    expect(replayTraffic(beside(60), replay).rolledBack).toBeNull();
    const alone = replayTraffic(beside(2), { ...replay, against: "threshold" });
    expect(replayTraffic(beside(2), replay)).toEqual(alone);
    expect(alone.rolledBack).not.toBeNull();
  });
});

describe("requests", () => {
  const replay = {
    threshold: 200,
    bound: 0.05,
    against: "threshold",
    logBar: Math.log(25_000),
    keepLogBar: LOG_20,
    bucketSeconds: 60,
    countsFrom: 0,
  } as const;
  const buckets = Array.from({ length: 30 }, (_, i) => ({
    bucketS: 60 * i,
    treatment: { n: 200, s: 200 },
    holdout: NOBODY,
  }));

  test("that are all slow are rolled back by the 18th bucket", () => {
    const { rolledBack, threshold } = replayTraffic(buckets, replay);
    expect({ rolledBack, threshold }).toEqual({
      rolledBack: { at: 18 * 60, n: 3_600, s: 3_600 },
      threshold: 200,
    });
  });

  test("of a lonely first day decide only by their number, and from the second day on by their share", () => {
    const lonely = (count: number) =>
      replayTraffic(
        Array.from({ length: count }, (_, i) => ({
          bucketS: 60 * i,
          treatment: { n: 1, s: 1 },
          holdout: NOBODY,
        })),
        replay,
      ).rolledBack;
    expect(lonely(500)).toBeNull();
    const slowed = Array.from({ length: 300 }, (_, i) => ({
      bucketS: 60 * 5 * i,
      treatment: { n: 1, s: 1 },
      holdout: NOBODY,
    }));
    const { rolledBack } = replayTraffic(slowed, { ...replay, bucketSeconds: 300 });
    expect(rolledBack?.at).toBeGreaterThan(86_400);
    expect(rolledBack?.at).toBeLessThan(86_400 + 12 * 300);
  });

  test("are kept when few enough are bad", () => {
    const good = buckets.map(({ bucketS }) => ({ bucketS, treatment: { n: 100, s: 1 }, holdout: NOBODY }));
    const { kept } = replayTraffic(good, replay);
    expect(kept).toEqual({ at: 60 * 2, n: 200, s: 2 });
  });

  test("beside the holdout are rolled back by the difference alone", () => {
    const compared = { ...replay, against: "holdout" } as const;
    const beside = (s: number) =>
      Array.from({ length: 200 }, (_, i) => ({
        bucketS: 60 * i,
        treatment: { n: 200, s: 40 },
        holdout: { n: 200, s },
      }));
    expect(replayTraffic(beside(40), compared).rolledBack).toBeNull();
    expect(replayTraffic(beside(4), compared).rolledBack).not.toBeNull();
  });

  test("decide nothing before there are enough exposed units, and their evidence is not lost", () => {
    const { rolledBack } = replayTraffic(buckets, { ...replay, countsFrom: 60 * 20 });
    expect(rolledBack).toEqual({ at: 21 * 60, n: 4_200, s: 4_200 });
    expect(replayTraffic(buckets, { ...replay, countsFrom: Infinity }).mostLogEvidence).toBeNull();
  });
});

describe("the conclusion of a calibration", () => {
  const replayAt = (threshold: number, over: Partial<Replay> = {}): Replay => ({
    threshold,
    rolledBack: null,
    kept: null,
    mostLogEvidence: 0,
    ...over,
  });
  const fired = { rolledBack: { at: 1, n: 500, s: 1 } };
  const found = {
    signal: "activation",
    against: "threshold",
    seen: { n: 500, s: 60 },
    sufficiency: { unit: "users", have: 500, needed: 400 },
    current: replayAt(0.15),
    replays: [replayAt(0.1), replayAt(0.15), replayAt(0.2, fired)],
  } as const;

  test("names the highest floor that would not have fired", () => {
    expect(concludeCalibration(found)).toMatchObject({ isConclusive: true, strictestQuiet: 0.15 });
  });

  test("names the highest floor of retention too, among several quiet ones", () => {
    const replays = [0.1, 0.2, 0.3, 0.4].map((threshold) => replayAt(threshold));
    expect(concludeCalibration({ ...found, signal: "retention", replays }).strictestQuiet).toBe(0.4);
  });

  test("keeps all that it is drawn from", () => {
    expect(concludeCalibration(found)).toMatchObject(found);
  });

  test("names the lowest latency that would not have fired", () => {
    const replays = [replayAt(100, fired), replayAt(200), replayAt(400)];
    expect(concludeCalibration({ ...found, signal: "latency", replays })).toMatchObject({
      strictestQuiet: 200,
    });
  });

  test("names none when all would have fired", () => {
    expect(concludeCalibration({ ...found, replays: [replayAt(0.1, fired)] }).strictestQuiet).toBeNull();
  });

  test("is not drawn from too few data", () => {
    const few = { ...found, sufficiency: { unit: "users", have: 399, needed: 400 } } as const;
    expect(concludeCalibration(few)).toMatchObject({ isConclusive: false, strictestQuiet: null });
  });

  test("is not drawn when nothing was looked at", () => {
    const unseen = replayAt(0.15, { mostLogEvidence: null });
    expect(concludeCalibration({ ...found, current: unseen }).isConclusive).toBe(false);
  });

  test.each(["rolledBack", "kept"] as const)(
    "is drawn from few data that decided already (%s)",
    (decided) => {
      const few = { unit: "users", have: 60, needed: 400 } as const;
      const current = replayAt(0.15, { [decided]: { at: 1, n: 60, s: 30 } });
      expect(concludeCalibration({ ...found, sufficiency: few, current }).isConclusive).toBe(true);
    },
  );
});
