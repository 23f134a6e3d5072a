import * as fc from "fast-check";
import { expect, test } from "vitest";
import { recoveryS, simulate, type Failure, type Scenario } from "../../scripts/scale/simulate.ts";

const scenario = (changed: Partial<Scenario> = {}): Scenario => ({
  seed: 1,
  processes: 10,
  partitions: 20,
  databases: 2,
  seconds: 60,
  spansPerSecond: () => 500_000,
  foldUs: 5,
  roundMs: 15,
  rememberUs: 0.02,
  failures: [],
  ...changed,
});

test("the same seed gives the same run, and another one another", () => {
  const failures: Failure[] = [{ kind: "kill", atS: 20, processes: 3, backAfterS: null }];
  expect(simulate(scenario({ failures }))).toEqual(simulate(scenario({ failures })));
  expect(simulate(scenario({ failures, seed: 2 })).samples).not.toEqual(
    simulate(scenario({ failures })).samples,
  );
});

const failure: fc.Arbitrary<Failure> = fc.oneof(
  fc.record({
    kind: fc.constant("kill" as const),
    atS: fc.integer({ min: 5, max: 25 }),
    processes: fc.integer({ min: 1, max: 6 }),
    backAfterS: fc.constantFrom(3, 10),
  }),
  fc.record({
    kind: fc.constant("pause" as const),
    atS: fc.integer({ min: 5, max: 25 }),
    processes: fc.integer({ min: 1, max: 6 }),
    forS: fc.integer({ min: 1, max: 30 }),
  }),
  fc.record({
    kind: fc.constant("database" as const),
    atS: fc.integer({ min: 5, max: 25 }),
    database: fc.constantFrom(0, 1),
    forS: fc.integer({ min: 1, max: 15 }),
  }),
);

test("whatever dies, a partition has one owner at most, and all that was acknowledged is counted once", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 1e6 }), fc.array(failure, { maxLength: 4 }), (seed, failures) => {
      const spansPerSecond = (atS: number): number => (atS < 50 ? 400_000 : 0);
      const { acknowledged, counted, waiting, doubleOwners } = simulate(
        scenario({ seed, failures, seconds: 110, spansPerSecond }),
      );
      expect(doubleOwners).toBe(0);
      expect({ counted, waiting }).toEqual({ counted: acknowledged, waiting: 0 });
    }),
    { numRuns: 40 },
  );
});

test("partitions of killed processes have owners again within the two seconds of a balance and a round", () => {
  const { samples } = simulate(
    scenario({
      spansPerSecond: () => 300_000,
      failures: [{ kind: "kill", atS: 30, processes: 4, backAfterS: null }],
    }),
  );
  expect(samples.find(({ atS }) => atS >= 30)?.unowned).toBe(8);
  expect(samples.filter(({ atS }) => atS >= 33).every(({ unowned }) => unowned === 0)).toBe(true);
  expect(recoveryS(samples, 30, 3)).toBeLessThan(10);
});

test("above half a core a process, the fold's own pauses let the lag rise to some ten seconds and no further", () => {
  const { samples } = simulate(scenario({ seconds: 120, spansPerSecond: () => 1_200_000 }));
  const late = samples.filter(({ atS }) => atS > 60).map(({ maxLagS }) => maxLagS);
  expect(Math.max(...late)).toBeGreaterThan(8);
  expect(Math.max(...late)).toBeLessThan(14);
});

test("a process that was paused past its session's end stores nothing by its old fences", () => {
  const paused = simulate(scenario({ failures: [{ kind: "pause", atS: 20, processes: 3, forS: 25 }] }));
  expect(paused.fenced).toBeGreaterThan(0);
  expect(simulate(scenario()).fenced).toBe(0);
});

test("a load above what the cores fold never catches up, and recovery is not claimed", () => {
  const { samples, waiting } = simulate(scenario({ spansPerSecond: () => 3_000_000 }));
  expect(waiting).toBeGreaterThan(1e6);
  expect(recoveryS(samples, 10, 2)).toBeNull();
});
