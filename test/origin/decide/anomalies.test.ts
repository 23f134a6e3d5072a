// Hours that are not as usual: what is found, and that ordinary days are found ordinary.
import { describe, expect, test } from "vitest";
import { findAnomalies, type Hour } from "../../../origin/decide/anomalies.ts";
import { seededRandom } from "../../../scripts/demo/random.ts";

const HOUR = 3_600;
const DAY = 24;

type Random = () => number;
const normal = (random: Random): number =>
  Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());

/** Poisson, and from 50 on its normal approximation. */
const drawCount = (mean: number, random: Random): number => {
  if (mean > 50) return Math.max(0, Math.round(mean + Math.sqrt(mean) * normal(random)));
  let count = 0;
  for (let sum = -Math.log(1 - random()); sum < mean; sum -= Math.log(1 - random())) count += 1;
  return count;
};
const drawPart = (units: number, share: number, random: Random): number =>
  Math.min(units, drawCount(units * share, random));

type World = {
  /** Units an hour as a part of the usual. */
  readonly units: (hour: number, random: Random) => number;
  readonly seenAgain?: (hour: number) => number;
  readonly largest?: number;
};

const hoursOf = (
  { units, seenAgain = () => 0.5, largest = 0.02 }: World,
  { days, perHour, random }: { days: number; perHour: number; random: Random },
): Hour[] =>
  Array.from({ length: days * DAY }, (_, hour) => {
    const came = drawCount(perHour * units(hour, random), random);
    return {
      hourS: hour * HOUR,
      units: came,
      seenAgain: drawPart(came, seenAgain(hour), random),
      largestNetwork: Math.max(Math.min(1, came), drawPart(came, largest, random)),
    };
  }).filter((hour) => hour.units > 0);

/** Kind and hour of all that is found at the end of any day. */
const found = (hours: readonly Hour[], days: number): string[] => [
  ...new Set(
    Array.from({ length: days }, (_, day) =>
      findAnomalies(hours, { since: 0, sameSharesSince: 0, upTo: (day + 1) * DAY * HOUR }),
    )
      .flat()
      .map(({ kind, hourS }) => `${kind} ${hourS / HOUR}`),
  ),
];

/** From one to nineteen parts, with the day. */
const ofDay = (hour: number): number => 1 + 0.9 * Math.sin((((hour % DAY) - 9) / DAY) * 2 * Math.PI);
const isWeekend = (hour: number): boolean => hour % (7 * DAY) >= 5 * DAY;
const onDay =
  (day: number) =>
  (hour: number): boolean =>
    Math.floor(hour / DAY) === day;

const ORDINARY: readonly (readonly [string, World])[] = [
  ["an even flow", { units: () => 1 }],
  ["nights with a nineteenth of the day", { units: ofDay }],
  ["weekends with a tenth", { units: (hour) => ofDay(hour) * (isWeekend(hour) ? 0.1 : 1) }],
  [
    "a campaign that brings five times as many, half of whom leave at once",
    {
      units: (hour) => ofDay(hour) * (onDay(6)(hour) ? 5 : 1),
      seenAgain: (hour) => (onDay(6)(hour) ? 0.3 : 0.5),
    },
  ],
  ["an hour with six times as many", { units: (hour) => ofDay(hour) * (hour % (7 * DAY) === 58 ? 6 : 1) }],
  ["a tool whose people sit behind one address", { units: ofDay, largest: 0.9 }],
  [
    "a site that is open on four mornings a week",
    { units: (hour) => (hour % DAY >= 9 && hour % DAY < 13 && hour % (7 * DAY) < 4 * DAY ? 5 : 0) },
  ],
  ["a provider with a seventh of all", { units: ofDay, largest: 0.15 }],
];

describe("two ordinary weeks, twenty times, at any size, have no unusual hour", () => {
  test.each(ORDINARY)("%s", (_, world) => {
    for (const perHour of [3, 30, 300, 3_000])
      for (let seed = 1; seed <= 20; seed += 1) {
        const hours = hoursOf(world, { days: 14, perHour, random: seededRandom(seed) });
        expect(found(hours, 14)).toEqual([]);
      }
  });

  test("but for a site that was launched on its weekend, whose first two weekdays may be crowds", () => {
    const world: World = { units: (hour) => ofDay(hour) * (isWeekend(hour + 5 * DAY) ? 0.1 : 1) };
    const counts = [3, 30, 300, 3_000].map((perHour) => {
      const each = Array.from({ length: 20 }, (_, seed) =>
        found(hoursOf(world, { days: 14, perHour, random: seededRandom(seed) }), 14),
      ).flat();
      expect(each.filter((one) => !/^crowd (4[89]|[5-8]\d|9[0-5])$/.test(one))).toEqual([]);
      return each.length / 20;
    });
    // eslint-disable-next-line no-console
    console.log(
      `unusual hours of the first two weekdays after a launch on a weekend, at 3, 30, 300 and 3,000 an hour: ${counts.join(", ")}`,
    );
    for (const count of counts) expect(count).toBeLessThan(12);
  });
});

describe("found are", () => {
  const base: World = { units: ofDay };
  /** The attack comes at 15:00 of the fifth day: `more` units in that hour. */
  const attacked = (more: Partial<Hour>, { perHour = 300, world = base } = {}): string[] => {
    const hours = hoursOf(world, { days: 6, perHour, random: seededRandom(7) });
    const at = (4 * DAY + 15) * HOUR;
    return found(
      hours.map((hour) =>
        hour.hourS === at
          ? {
              hourS: at,
              units: hour.units + (more.units ?? 0),
              seenAgain: hour.seenAgain + (more.seenAgain ?? 0),
              largestNetwork: Math.max(hour.largestNetwork, more.largestNetwork ?? 0),
            }
          : hour,
      ),
      6,
    );
  };

  test("an hour with more than ten times the usual units, also where they are seen again", () => {
    expect(attacked({ units: 4_000, seenAgain: 2_000 })).toEqual(["crowd 111"]);
    expect(attacked({ units: 2_000, seenAgain: 1_000 })).toEqual([]);
    expect(attacked({ units: 80, seenAgain: 40 }, { perHour: 1 })).toEqual(["crowd 111"]);
  });

  test("an hour in which twice as many as usual come and the half sends nothing again", () => {
    expect(attacked({ units: 1_200 })).toEqual(["seen-once 111"]);
    expect(attacked({ units: 150 })).toEqual([]);
  });

  test("an hour of which one network has more than a fifth, and three times what it usually has", () => {
    expect(attacked({ units: 200, seenAgain: 100, largestNetwork: 200 }, { perHour: 30 })).toEqual([
      "one-network 111",
    ]);
    const office = { units: ofDay, largest: 0.9 };
    expect(
      attacked({ units: 200, seenAgain: 100, largestNetwork: 230 }, { perHour: 30, world: office }),
    ).toEqual([]);
  });
});

describe("what is usual is known", () => {
  const even = (count: number, more: Partial<Hour> = {}): Hour[] =>
    Array.from({ length: count }, (_, n) => {
      const hour = { hourS: n * HOUR, units: 100, seenAgain: 50, largestNetwork: 3 };
      return n === count - 2 ? Object.assign(hour, more) : hour;
    });
  const kinds = (hours: readonly Hour[], since: Partial<Parameters<typeof findAnomalies>[1]> = {}) =>
    findAnomalies(hours, { since: 0, sameSharesSince: 0, upTo: hours.length * HOUR, ...since }).map(
      ({ kind, hourS }) => [kind, hourS / HOUR],
    );
  const crowd = { units: 5_000, seenAgain: 2_500 };

  test("of numbers after a day with the same rollout, of shares after half a day of hours with 20 units", () => {
    expect(kinds(even(24, crowd))).toEqual([["crowd", 22]]);
    expect(kinds(even(23, crowd))).toEqual([]);
    expect(kinds(even(60, crowd), { sameSharesSince: 36 * HOUR })).toEqual([["crowd", 58]]);
    expect(kinds(even(60, crowd), { sameSharesSince: 37 * HOUR })).toEqual([]);
    expect(kinds(even(60, crowd), { since: 37 * HOUR })).toEqual([]);
    expect(kinds(even(12, { largestNetwork: 20 }))).toEqual([["one-network", 10]]);
    expect(kinds(even(12, { largestNetwork: 19 }))).toEqual([]);
    expect(kinds(even(11, { largestNetwork: 20 }))).toEqual([]);
  });

  test("by hours in which anybody came, of which there are twelve at least", () => {
    const seldom = (count: number, units: number): Hour[] =>
      even(count, { units, seenAgain: 500 }).map((hour) => Object.assign(hour, { hourS: hour.hourS * 5 }));
    const at = (hours: readonly Hour[]) => kinds(hours, { upTo: 5 * 12 * HOUR });
    expect(at(seldom(12, 1_120))).toEqual([]);
    expect(at(seldom(12, 1_140))).toEqual([["crowd", 50]]);
    expect(at(seldom(11, 1_140))).toEqual([]);
  });

  test("of shares seen again by the same time of other days, of which there are two hours, and by more units than then", () => {
    const day = (count: number, units: number, seenAgain: number) =>
      kinds(even(count, { units, seenAgain }), { upTo: (count + 1) * HOUR });
    expect(day(48, 151, 5)).toEqual([["seen-once", 46]]);
    expect(day(48, 150, 5)).toEqual([]);
    expect(day(26, 151, 5)).toEqual([["seen-once", 24]]);
    expect(day(25, 151, 5)).toEqual([]);
  });

  test("and by shares below half of the usual and four deviations", () => {
    const of300 = (seenAgain: number) => kinds(even(48, { units: 300, seenAgain }), { upTo: 50 * HOUR });
    expect([of300(45), of300(44)]).toEqual([[], [["seen-once", 46]]]);
  });

  test("so hours in which no more come and nobody is seen again are the feature's own", () => {
    const broken = even(96).map((hour) =>
      hour.hourS < 72 * HOUR ? hour : Object.assign(hour, { seenAgain: 0 }),
    );
    expect(kinds(broken, { upTo: 98 * HOUR })).toEqual([]);
  });

  test("of more than ten times the usual and four deviations, by the middle of all hours", () => {
    const ten = (units: number) =>
      kinds(even(25).map((hour) => Object.assign(hour, { units: hour.hourS === 20 * HOUR ? units : 10 })));
    expect([ten(140), ten(141)]).toEqual([[], [["crowd", 20]]]);
    // Of 25 hours 13 have 100 units.
    const uneven = even(25, { units: 5_000, seenAgain: 2_500 }).map((hour, n) =>
      n < 11 ? Object.assign(hour, { units: 1_000, seenAgain: 500 }) : hour,
    );
    expect(kinds(uneven)).toEqual([["crowd", 23]]);
  });

  test("of numbers from hours with this rollout alone, from its begin on", () => {
    const since = 30 * HOUR;
    const raised = even(60).map((hour, n) =>
      n < 30 || n === 40 ? hour : Object.assign(hour, { units: 1_100, seenAgain: 550 }),
    );
    expect(kinds(raised)).toEqual([]);
    const lowered = even(60).map((hour, n) => (n <= 30 ? Object.assign(hour, crowd) : hour));
    expect(kinds(lowered, { sameSharesSince: since })).toEqual([["crowd", 30]]);
    const grown = even(80).map((hour, n) =>
      n < 50 ? hour : Object.assign(hour, { units: 1_200, seenAgain: 600 }),
    );
    expect(kinds(grown, { sameSharesSince: 50 * HOUR })).toEqual([]);
    expect(kinds(grown)).toHaveLength(30);
  });

  test("of hours that the trial has a part of, up to now", () => {
    const late = even(48, { largestNetwork: 60 });
    expect(kinds(late, { upTo: 46 * HOUR })).toEqual([]);
    expect(kinds(late, { upTo: 46 * HOUR + 1 })).toEqual([["one-network", 46]]);
    const early = even(48).map((hour, n) => (n === 3 ? Object.assign(hour, { largestNetwork: 60 }) : hour));
    expect(kinds(early, { since: 4 * HOUR })).toEqual([]);
    expect(kinds(early, { since: 4 * HOUR - 1 })).toEqual([["one-network", 3]]);
  });

  test("of shares from hours with 20 units, and never above one", () => {
    const small = even(48).map((hour, n) =>
      Object.assign(
        hour,
        n < 12 ? { units: 20, seenAgain: 10 } : { units: 19, seenAgain: 0, largestNetwork: 1 },
      ),
    );
    const last = Object.assign(small[46] ?? {}, { units: 100, seenAgain: 0 });
    expect(last).toHaveProperty("hourS", 46 * HOUR);
    expect(kinds(small, { upTo: 50 * HOUR })).toEqual([["seen-once", 46]]);

    const again = even(48, { units: 200, seenAgain: 120 }).map((hour, n) =>
      n === 46 ? hour : Object.assign(hour, { seenAgain: 200 }),
    );
    expect(kinds(again, { upTo: 50 * HOUR })).toEqual([]);
    const half = even(48, { largestNetwork: 200 }).map((hour, n) =>
      n === 46 ? hour : Object.assign(hour, { largestNetwork: 50 }),
    );
    expect(kinds(half)).toEqual([]);
  });

  test("and 20 units of an hour are few enough to be chance, but for those that all come again", () => {
    const quiet = (units: number) =>
      even(72).map((hour, n) => {
        const isTen = [9, 10, 11].includes(n % 24);
        return Object.assign(
          hour,
          n === 58 ? { units, seenAgain: 0 } : { units: isTen ? 10 : 100, seenAgain: isTen ? 10 : 100 },
        );
      });
    expect(kinds(quiet(19))).toEqual([]);
    expect(kinds(quiet(20))).toEqual([["seen-once", 58]]);
  });

  test("and a network is large from a fifth, 20 units and three times the usual on", () => {
    expect(kinds(even(12, { units: 90, largestNetwork: 19 }))).toEqual([]);
    expect(kinds(even(12, { units: 90, largestNetwork: 20 }))).toEqual([["one-network", 10]]);
    const provider = (largestNetwork: number) =>
      kinds(
        even(12).map((hour, n) => Object.assign(hour, { largestNetwork: n === 10 ? largestNetwork : 8 })),
      );
    expect([provider(23), provider(25)]).toEqual([[], [["one-network", 10]]]);
  });

  test("and is told with what was found", () => {
    const tell = (hours: readonly Hour[]) =>
      findAnomalies(hours, { since: 0, sameSharesSince: 0, upTo: 50 * HOUR }).map(({ kind, usual }) => [
        kind,
        usual,
      ]);
    expect(tell(even(48, crowd))).toEqual([["crowd", 100]]);
    expect(tell(even(48, { units: 200, seenAgain: 0 }))).toEqual([["seen-once", 0.5]]);
    expect(tell(even(48, { largestNetwork: 60 }))).toEqual([["one-network", 0.03]]);
  });

  test("and units have a quarter of an hour to send something again", () => {
    const hours = even(48, { units: 200, seenAgain: 0 });
    const at = (upTo: number) => kinds(hours, { upTo });
    expect(at(47 * HOUR + 899)).toEqual([]);
    expect(at(47 * HOUR + 900)).toEqual([["seen-once", 46]]);
  });
});
