// How observations change a unit, and by which counts it is then held.
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  applyObservation,
  eachCount,
  exposureBucketOf,
  mergeUnit,
  requestBucketOf,
  unknownUnit,
  type Observation,
  type Unit,
} from "../../../origin/aggregate/units/unit.ts";
import { BOT, HOLDOUT, TREATMENT, UNNAMED } from "../../../origin/span-log/cohort-code.ts";

const observation = fc.record<Observation>({
  cohort: fc.constantFrom(0, 1),
  atMs: fc.integer({ min: 1, max: 100_000 }),
  exposed: fc.constant(true),
  activated: fc.boolean(),
  returned: fc.constant(false),
});

const unitAfter = (all: readonly Observation[]): Unit => {
  const unit = unknownUnit();
  for (const one of all) applyObservation(unit, one, 10_000);
  return unit;
};

describe("observations of a unit", () => {
  test("give the same first exposure and activation in any order, and when they come twice", () => {
    fc.assert(
      fc.property(
        fc.array(observation, { minLength: 1, maxLength: 12 }),
        fc.infiniteStream(fc.nat()),
        (all, random) => {
          const shuffled = [...all, ...all]
            .map((one) => ({ one, order: random.next().value }))
            .toSorted((a, b) => a.order - b.order)
            .map(({ one }) => one);
          const [straight, mixed] = [unitAfter(all), unitAfter(shuffled)];
          expect([mixed.exposedMs, mixed.activatedMs]).toEqual([straight.exposedMs, straight.activatedMs]);
          expect(straight.exposedMs).toBe(Math.min(...all.map(({ atMs }) => atMs)));
        },
      ),
    );
  });

  test("give, in the order of time, the first visit late enough after the exposure as the return", () => {
    fc.assert(
      fc.property(fc.array(observation, { minLength: 1, maxLength: 12 }), (all) => {
        const ordered = all.toSorted((a, b) => a.atMs - b.atMs);
        const exposedMs = ordered[0]?.atMs ?? 0;
        const late = ordered.find(({ atMs }) => atMs - exposedMs >= 10_000);
        expect(unitAfter(ordered).returnedMs).toBe(late?.atMs ?? Infinity);
      }),
    );
  });
});

const observed = (fields: Partial<Observation>): Observation => ({
  cohort: TREATMENT,
  exposed: true,
  atMs: 1_000,
  activated: false,
  returned: false,
  ...fields,
});

describe("a unit's cohort", () => {
  test("is the first one that a span names; spans that name none leave it", () => {
    const cohorts = (...codes: number[]) => unitAfter(codes.map((cohort) => observed({ cohort }))).cohort;
    expect(cohorts(UNNAMED)).toBe(UNNAMED);
    expect(cohorts(UNNAMED, HOLDOUT, TREATMENT)).toBe(HOLDOUT);
    expect(cohorts(TREATMENT, UNNAMED, HOLDOUT)).toBe(TREATMENT);
  });

  test("is a bot's for good once one span says so, and no later span changes anything", () => {
    const unit = unitAfter([
      observed({ cohort: HOLDOUT, atMs: 5_000 }),
      observed({ cohort: BOT, atMs: 3_000 }),
    ]);
    expect(unit).toEqual({ ...unknownUnit(), cohort: BOT, exposedMs: 3_000 });
    expect(applyObservation(unit, observed({ atMs: 1, activated: true, returned: true }), 10_000)).toBe(
      false,
    );
    expect(unit).toEqual({ ...unknownUnit(), cohort: BOT, exposedMs: 3_000 });
  });
});

describe("an observation says that it changed the unit", () => {
  const known: Unit = { cohort: UNNAMED, exposedMs: 1_000, activatedMs: 2_000, returnedMs: 12_000 };
  const changes = (fields: Partial<Observation>): boolean =>
    applyObservation({ ...known }, observed({ cohort: UNNAMED, atMs: 2_000, ...fields }), 10_000);

  test("when it names the cohort, comes earlier, activates, returns, or finds a bot", () => {
    expect(changes({ cohort: HOLDOUT })).toBe(true);
    expect(changes({ cohort: BOT })).toBe(true);
    expect(changes({ atMs: 999 })).toBe(true);
    expect(changes({ atMs: 999, exposed: false })).toBe(false);
    expect(changes({ atMs: 1_999, exposed: false, activated: true })).toBe(true);
    expect(changes({ atMs: 11_000, exposed: false })).toBe(true);
    expect(changes({ atMs: 1_999, activated: true })).toBe(true);
    expect(changes({ atMs: 11_999, returned: true })).toBe(true);
    expect(changes({ atMs: 11_000 })).toBe(true);
    expect(applyObservation(unknownUnit(), observed({ cohort: UNNAMED }), 10_000)).toBe(true);
  });

  test("and not when it repeats what is known or comes later", () => {
    expect(changes({})).toBe(false);
    expect(changes({ atMs: 1_000 })).toBe(false);
    expect(changes({ activated: true })).toBe(false);
    expect(changes({ atMs: 3_000, activated: true })).toBe(false);
    expect(changes({ atMs: 12_000, returned: true })).toBe(false);
    expect(changes({ atMs: 12_000 })).toBe(false);
    expect(changes({ atMs: 13_000, returned: true })).toBe(false);
  });
});

test("the first activation stays, a later one changes nothing", () => {
  const activatedAt = (...times: number[]) =>
    unitAfter(times.map((atMs) => observed({ atMs, activated: true }))).activatedMs;
  expect(activatedAt(3_000, 2_000, 5_000)).toBe(2_000);
  expect(unitAfter([observed({ atMs: 5 })]).activatedMs).toBe(Infinity);
});

test("a visit counts as a return from exactly returnAfter on, and a span may say that it is one", () => {
  const afterVisit = (atMs: number, returned = false) =>
    unitAfter([observed({ atMs: 0 }), observed({ atMs, returned })]).returnedMs;
  expect(afterVisit(9_999)).toBe(Infinity);
  expect(afterVisit(10_000)).toBe(10_000);
  expect(afterVisit(500, true)).toBe(500);
});

test("an earlier exposure makes the exposure known so far a visit, which may be a return", () => {
  const unit = unitAfter([observed({ atMs: 20_000 }), observed({ atMs: 5_000 })]);
  expect(unit).toMatchObject({ exposedMs: 5_000, returnedMs: 20_000 });
});

test("stored rows of one unit merge into the highest cohort and the earliest times, in any order", () => {
  const row = fc.record<Unit>({
    cohort: fc.constantFrom(UNNAMED, TREATMENT, HOLDOUT, BOT),
    exposedMs: fc.nat(1_000),
    activatedMs: fc.oneof(fc.nat(1_000), fc.constant(Infinity)),
    returnedMs: fc.oneof(fc.nat(1_000), fc.constant(Infinity)),
  });
  fc.assert(
    fc.property(fc.array(row, { minLength: 1, maxLength: 6 }), (rows) => {
      const unit = unknownUnit();
      for (const stored of rows) mergeUnit(unit, stored);
      expect(unit).toEqual({
        cohort: Math.max(...rows.map(({ cohort }) => cohort)),
        exposedMs: Math.min(...rows.map(({ exposedMs }) => exposedMs)),
        activatedMs: Math.min(...rows.map(({ activatedMs }) => activatedMs)),
        returnedMs: Math.min(...rows.map(({ returnedMs }) => returnedMs)),
      });
    }),
  );
});

test("a bucket holds the exposures from its begin up to the begin of the next one", () => {
  expect(exposureBucketOf(59_999, 60)).toBe(0);
  expect(exposureBucketOf(60_000, 60)).toBe(60);
  expect(exposureBucketOf(119_999, 60)).toBe(60);
});

test("a unit is in the exposure count and in those of the ages within which its outcome came, the age included", () => {
  const windows = { activationAgesS: [10, 60], retentionAgesS: [100, 600], returnAfterS: 50, bucketS: 12 };
  const positions = (times: Partial<Unit>): number[] => {
    const found: number[] = [];
    eachCount({ ...unknownUnit(), exposedMs: 0, ...times }, windows, (position) => found.push(position));
    return found;
  };
  expect(positions({})).toEqual([0]);
  expect(positions({ activatedMs: 10_000 })).toEqual([0, 1, 2]);
  expect(positions({ activatedMs: 10_001 })).toEqual([0, 2]);
  expect(positions({ activatedMs: 60_001, returnedMs: 600_000 })).toEqual([0, 4]);
  expect(positions({ activatedMs: 0, returnedMs: 100_000 })).toEqual([0, 1, 2, 3, 4]);
  expect(positions({ exposedMs: 5_000, activatedMs: 15_000, returnedMs: 105_000 })).toEqual([0, 1, 2, 3, 4]);
  expect(positions({ returnedMs: 0 })).toEqual([0, 3, 4]);
  expect(positions({ returnedMs: 100_001 })).toEqual([0, 4]);
});

test("a request belongs to the bucket of its end, which is not after the log took it, nor before its start", () => {
  const bucket = (startMs: number, durationMs: number, takenMs: number) =>
    requestBucketOf({ startMs, durationUs: durationMs * 1_000 }, takenMs, 60);
  expect(bucket(119_000, 900, 500_000)).toBe(60);
  expect(bucket(119_000, 1_000, 500_000)).toBe(120);
  expect(bucket(119_000, 999.999, 500_000)).toBe(60);
  expect(bucket(119_000, 61_000, 500_000)).toBe(180);
  expect(bucket(119_000, 61_000, 120_000)).toBe(120);
  expect(bucket(119_000, 61_000, 30_000)).toBe(60);
});
