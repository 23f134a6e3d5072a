// What the weights come to in a verdict: what one visitor and one network can do to it, and that honest traffic pays nothing.
import { describe, expect, test } from "vitest";
import {
  liveTrial,
  makeUnit,
  visitors,
  type Arrival,
  type Arrivals,
  type Random,
} from "../../support/weighed-life.ts";

const GOOD = { treatment: 0.41, holdout: 0.41 };
const BAD = { treatment: 0.1, holdout: 0.41 };

/** Every tenth visitor comes from one provider's network, the others from networks of their own. */
const network = (random: Random): number => (random() < 0.1 ? 7 : Math.floor(random() * 2 ** 32));
const people = (acts: typeof GOOD, more: Partial<Parameters<typeof visitors>[0]> = {}) =>
  visitors({ perSecond: 20, acts, network, ...more });

/** New visitors of one address, 20 a second. */
const address = (acts: typeof GOOD) =>
  visitors({ perSecond: 20, acts, requests: () => 1, network: () => 99 });

/** One visitor of treatment, whose requests are all bad, or all good. */
const oneVisitor =
  (perSecond: number, isBad: boolean): Arrivals =>
  (random, seconds) => {
    const unit = { ...makeUnit(random, 99), isTreated: true };
    return [
      { at: 0, unit, what: "exposure", acts: true },
      ...Array.from({ length: perSecond * seconds }, (_, n): Arrival => {
        return { at: n / perSecond, unit, what: "request", isBad };
      }),
    ];
  };

/** Visitors that one network makes, who come back in treatment for what is slow. */
const slowNetwork: Arrivals = (random, seconds) => {
  const units = Array.from({ length: 10 * seconds }, () => makeUnit(random, 99));
  return units.flatMap((unit, n): Arrival[] => {
    const arrivals: Arrival[] = [{ at: n / 10, unit, what: "exposure", acts: true }];
    const slow = Array.from({ length: 50 }, (_, k): Arrival => {
      return { at: (n + k + 1) / 10, unit, what: "request", isBad: true };
    });
    return unit.isTreated ? arrivals.concat(slow) : arrivals;
  });
};

const SEEDS = [1, 2, 3, 4, 5, 6];
type Options = Partial<Parameters<typeof liveTrial>[1]>;
const live = (arrivals: readonly Arrivals[], options: Options = {}) =>
  SEEDS.map((seed) => liveTrial(arrivals, { seconds: 70, seed, ...options }));
const statesOf = (arrivals: readonly Arrivals[], options: Options = {}): string[] => [
  ...new Set(live(arrivals, options).map(({ decision }) => decision.state)),
];
const meanSeconds = (arrivals: readonly Arrivals[], options: Options = {}): number =>
  live(arrivals, { seconds: 100, ...options }).reduce((sum, { seconds }) => sum + seconds, 0) / SEEDS.length;

describe("with buckets of a second, beside 20 people a second", () => {
  test("a failing feature is rolled back within 70 s, though one address acts in its people's place", () => {
    const world = [people(BAD), address({ treatment: 1, holdout: 0 })];
    expect(statesOf(world)).toEqual(["ROLLBACK"]);
    expect(statesOf(world, { isWeighed: false })).toEqual(["KEEP"]);
  });

  test.each([
    ["never act", { treatment: 0, holdout: 0 }],
    ["act in the holdout only", { treatment: 0, holdout: 1 }],
  ])(
    "a healthy feature is kept within 60 s, though as many of one address %s from the beginning",
    (_, acts) => {
      const world = [people(GOOD), address(acts)];
      expect(statesOf(world, { seconds: 60 })).toEqual(["KEEP"]);
      expect(statesOf(world, { isWeighed: false })).not.toContain("KEEP");
    },
  );

  test("a healthy feature is kept within 60 s, though one visitor sends 30 slow requests a second", () => {
    const world = [people(GOOD), oneVisitor(30, true)];
    expect(statesOf(world, { seconds: 60 })).toEqual(["KEEP"]);
    expect(statesOf(world, { isWeighed: false })).toEqual(["ROLLBACK"]);
  });

  test("one visitor delays the KEEP by less than half", () => {
    expect(meanSeconds([people(GOOD), oneVisitor(30, true)])).toBeLessThan(1.5 * meanSeconds([people(GOOD)]));
  });

  test("a healthy feature is not rolled back, though the visitors of one network are slow in treatment alone", () => {
    const world = [people(GOOD), slowNetwork];
    expect(statesOf(world)).toEqual(["KEEP"]);
    expect(statesOf(world, { isWeighed: false })).toEqual(["ROLLBACK"]);
  });

  test("a slow feature is rolled back about as soon beside one visitor's 60 fast requests a second as without", () => {
    const slow = people(GOOD, { bad: { treatment: 0.4, holdout: 0.01 } });
    const alone = meanSeconds([slow]);
    expect(statesOf([slow, oneVisitor(60, false)])).toEqual(["ROLLBACK"]);
    expect(meanSeconds([slow, oneVisitor(60, false)])).toBeLessThan(1.05 * alone);
    expect(statesOf([slow, oneVisitor(60, false)], { isWeighed: false })).toEqual(["TESTING"]);
  });
});

/** Many send one or two requests, some twenty. */
const readers = (random: Random): number => Math.min(20, 1 + Math.floor(-Math.log(1 - random()) * 4));

describe("honest traffic is decided as fast with the weights as without", () => {
  test.each<[string, Arrivals]>([
    ["a healthy feature", people(GOOD)],
    ["a healthy feature whose visitors read much", people(GOOD, { requests: readers })],
    ["a healthy feature with few visitors", people(GOOD, { perSecond: 5 })],
    ["a failing feature", people(BAD)],
    ["a slow feature", people(GOOD, { bad: { treatment: 0.4, holdout: 0.01 } })],
    [
      "a slow feature whose visitors read much",
      people(GOOD, { bad: { treatment: 0.4, holdout: 0.01 }, requests: readers }),
    ],
  ])("%s", (_, arrivals) => {
    const weighed = meanSeconds([arrivals]);
    expect(weighed / meanSeconds([arrivals], { isWeighed: false })).toBeLessThan(1.1);
    expect(weighed).toBeLessThan(100);
  });
});
