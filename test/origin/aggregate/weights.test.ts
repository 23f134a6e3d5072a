// How much one unit and one network can weigh.
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  admitRequest,
  admitUnit,
  emptyWeights,
  type FeatureWeights,
  type Sender,
} from "../../../origin/aggregate/weights/feature-weights.ts";
import { increase, makeCells } from "../../../origin/aggregate/weights/network-cells.ts";
import { growsLargest, type NetworkHours } from "../../../origin/aggregate/weights/largest-network.ts";
import {
  emptyNetworkCounts,
  isWithinShare,
  noteCounted,
  type NetworkCounts,
} from "../../../origin/aggregate/weights/network-share.ts";

const admitOfNetwork = (
  counts: NetworkCounts,
  before: NetworkCounts | undefined,
  network: number,
  draw: number,
): boolean => {
  const isWithin = isWithinShare(counts, before, { network, draw }, 0.05);
  if (isWithin) noteCounted(counts, network);
  return isWithin;
};

/** Evenly spread over [0, 1), and no chance in it. */
const makeDraws = (): (() => number) => {
  let n = 0;
  return () => (n = (n + 0.618_033_988_75) % 1);
};
const nextDraw = makeDraws();

/** Sends of networks in their order; how many of each were counted. */
const sendAll = (
  networks: readonly number[],
  counts: NetworkCounts = emptyNetworkCounts(),
  before?: NetworkCounts,
): Map<number, number> => {
  const counted = new Map<number, number>();
  for (const network of networks)
    if (admitOfNetwork(counts, before, network, nextDraw()))
      counted.set(network, (counted.get(network) ?? 0) + 1);
  return counted;
};

const times = <T>(count: number, make: (n: number) => T): T[] =>
  Array.from({ length: count }, (_, n) => make(n));

describe("a network in a period", () => {
  test("is counted up to 20 times, or to 5 % of what is counted, whatever the order", () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(-1, -1, 1, 2, 3 * 128, 7), { maxLength: 1_500 }), (networks) => {
        const counts = emptyNetworkCounts();
        const counted = sendAll(networks, counts);
        const total = [...counted.values()].reduce((sum, n) => sum + n, 0);
        expect(counts.total).toBe(total);
        for (const [network, n] of counted)
          if (network >= 0) expect(n).toBeLessThanOrEqual(Math.max(20, Math.ceil(total * 0.05)));
        for (const network of new Set(networks))
          if (network >= 0)
            expect(counted.get(network)).toBeGreaterThanOrEqual(
              Math.min(20, networks.filter((one) => one === network).length),
            );
      }),
    );
  });

  test("that is unknown is never limited", () => {
    expect(sendAll(times(5_000, () => -1)).get(-1)).toBe(5_000);
  });

  test("is not held back by others", () => {
    const networks = times(40_000, (n) => (n % 2 === 0 ? 77 : (n * 2_654_435_761) % 2 ** 32));
    const counted = sendAll(networks);
    const others = [...counted].filter(([network]) => network !== 77);
    expect(others.reduce((sum, [, n]) => sum + n, 0)).toBeGreaterThan(0.999 * 20_000);
    const share = (counted.get(77) ?? 0) / 20_000;
    expect(share).toBeGreaterThan(0.04);
    expect(share).toBeLessThan(0.06);
  });

  test("that was too large in the period before is sampled evenly over the next one, not counted until its share is used up", () => {
    const bucket = () => times(4_000, (n) => (n % 2 === 0 ? 77 : -1));
    const [first, second] = [emptyNetworkCounts(), emptyNetworkCounts()];
    sendAll(bucket(), first);
    const half = sendAll(bucket().slice(0, 2_000), second, first).get(77) ?? 0;
    const whole = half + (sendAll(bucket().slice(2_000), second, first).get(77) ?? 0);
    // Its share of the whole bucket is 105; sent one after the other without a sample, 57 would be in the first half.
    expect(half).toBeGreaterThan(25);
    expect(whole - half).toBeGreaterThan(25);
    expect(whole).toBeLessThanOrEqual(106);
  });
});

describe("a network's sample", () => {
  /** A bucket in which the network sent so much of so many that were counted. */
  const bucket = (sent: number, total: number): NetworkCounts => {
    const counts = emptyNetworkCounts();
    for (let n = 0; n < sent; n++) admitOfNetwork(counts, undefined, 9, 0);
    counts.total = total;
    return counts;
  };
  const isCounted = (before: NetworkCounts, draw: number, network = 9): boolean =>
    admitOfNetwork(emptyNetworkCounts(), before, network, draw);

  test("has the rate at which its share of the period before would have been kept", () => {
    expect([isCounted(bucket(40, 0), 0.499), isCounted(bucket(40, 0), 0.5)]).toEqual([true, false]);
    expect([isCounted(bucket(40, 500), 0.624), isCounted(bucket(40, 500), 0.625)]).toEqual([true, false]);
    expect(isCounted(bucket(20, 0), 0.999_999)).toBe(true);
    expect(isCounted(bucket(40, 0), 0.999_999, 10)).toBe(true);
  });

  test("also counts what was left out, so that it stays right while the network goes on", () => {
    expect([isCounted(bucket(200, 0), 0.099), isCounted(bucket(200, 0), 0.1)]).toEqual([true, false]);
  });

  test("is that of all networks that share both of its cells, and of none that shares one", () => {
    const [same, first, second] = [9 + 128 * 128, 9 + 128, 10 + 128 * 128];
    expect([same, first, second].map((network) => isCounted(bucket(40, 0), 0.9, network))).toEqual([
      false,
      true,
      true,
    ]);
    expect([isCounted(bucket(40, 0), 0.9, 0), isCounted(bucket(40, 0), 0.9, 128)]).toEqual([true, true]);
  });

  test("limits the network with the number 0 as any other, and none that is unknown", () => {
    const counts = emptyNetworkCounts();
    const count = (network: number) => times(25, () => admitOfNetwork(counts, undefined, network, 0));
    expect(count(0).filter(Boolean)).toHaveLength(20);
    expect(count(-1).filter(Boolean)).toHaveLength(25);
    expect(counts.total).toBe(45);
  });
});

describe("a unit's requests", () => {
  const sender = (unitHigh: number, bucketS = 0, network = -1): Sender => ({
    bucketS,
    bucketWidthS: 60,
    network,
    unitHigh,
  });

  test("count up to 10 in a bucket, and up to 5 or 1 % of its cohort in the trial", () => {
    const weights = emptyWeights();
    const admit = (inBucket: number, inTrial: number, cohort: 0 | 1 = 0) =>
      admitRequest(weights, sender(1), cohort, { inBucket, inTrial });
    expect([admit(4, 4), admit(10, 0), admit(0, 5)]).toEqual(["counted", "unit-share", "unit-share"]);
    for (let n = 1; n < 1_000; n++) admit(0, 0);
    expect(weights.requests).toEqual([1_000, 0]);
    expect([admit(0, 10), admit(0, 10), admit(0, 11)]).toEqual(["unit-share", "unit-share", "unit-share"]);
    admit(0, 0);
    expect([admit(9, 10), admit(9, 11), admit(0, 10, 1)]).toEqual(["counted", "unit-share", "unit-share"]);
  });

  test("of one network are no more than 20 in a period and cohort, its new units apart", () => {
    const weights = emptyWeights();
    const send = (cohort: 0 | 1) =>
      times(30, (unit) =>
        admitRequest(weights, sender(unit, 0, 5), cohort, { inBucket: 0, inTrial: 0 }),
      ).filter((outcome) => outcome === "counted").length;
    expect(send(0)).toBe(20);
    expect(times(30, (unit) => admitUnit(weights, sender(unit, 0, 5)))).toEqual(times(30, (n) => n < 20));
    expect(send(1)).toBe(0);
    expect(admitRequest(weights, sender(99, 0, 5), 1, { inBucket: 0, inTrial: 0 })).toBe("network-share");
    expect(weights.requests).toEqual([20, 0]);
  });

  test("of one network are at most 2.5 % of all, and of each cohort, though all of them come in one", () => {
    const weights = emptyWeights();
    const none = { inBucket: 0, inTrial: 0 };
    let bought = 0;
    for (let n = 0; n < 40_000; n++) {
      admitRequest(weights, sender(n, 0, -1), n % 10 === 0 ? 0 : 1, none);
      if (admitRequest(weights, sender(n, 0, 5), 0, none) === "counted") bought++;
    }
    expect(weights.requests).toEqual([4_000 + bought, 36_000]);
    expect(bought / weights.requests[0]).toBeGreaterThan(0.024);
    expect(bought / weights.requests[0]).toBeLessThan(0.026);
  });
});

test("new units of one network are at most 5 % of all", () => {
  const weights = emptyWeights();
  const from = (network: number) => ({ bucketS: 0, bucketWidthS: 60, network, unitHigh: 1 });
  for (let n = 0; n < 9_500; n += 1) admitUnit(weights, from(-1));
  expect(times(2_000, () => admitUnit(weights, from(5))).filter(Boolean)).toHaveLength(500);
});

describe("the period of a network's share", () => {
  const sender = (bucketS: number, unitHigh = 1, bucketWidthS = 1): Sender => ({
    bucketS,
    bucketWidthS,
    network: 5,
    unitHigh,
  });
  /** Of 30 new units in each of the buckets, how many are counted. */
  const countedOf = (weights: FeatureWeights, buckets: readonly Sender[]): number[] =>
    buckets.map((one) => times(30, () => admitUnit(weights, one)).filter(Boolean).length);

  test("is three minutes, however narrow the buckets are", () => {
    for (const widthS of [1, 7, 60, 180]) {
      const begins = times(Math.ceil(180 / widthS), (n) => n * widthS);
      const buckets = begins.map((bucketS) => sender(bucketS, 1, widthS));
      const counted = countedOf(emptyWeights(), buckets);
      expect(counted.reduce((sum, n) => sum + n, 0)).toBe(20);
    }
  });

  test("begins with each third minute", () => {
    const weights = emptyWeights();
    const sent = (bucketS: number, count: number) =>
      times(count, () => admitUnit(weights, sender(bucketS))).filter(Boolean).length;
    expect([sent(0, 10), sent(179, 10), sent(180, 20)]).toEqual([10, 10, 20]);
    expect([sent(179, 1), sent(180, 1), sent(359, 1)]).toEqual([0, 0, 0]);
  });

  test("samples requests too by what was sent in the period before", () => {
    const weights = emptyWeights();
    const request = (bucketS: number, unit: number) =>
      admitRequest(weights, sender(bucketS, unit * 7_919), 0, { inBucket: 0, inTrial: 0 }) === "counted";
    times(100, (unit) => request(0, unit));
    const counted = times(30, (unit) => request(180, unit)).filter(Boolean).length;
    expect(counted).toBeGreaterThan(1);
    expect(counted).toBeLessThan(15);
  });

  test("is the bucket, where that is longer", () => {
    expect(
      countedOf(emptyWeights(), [sender(0, 1, 600), sender(200, 1, 600), sender(1_200, 1, 600)]),
    ).toEqual([20, 0, 20]);
  });

  test("is known of the four that were used last", () => {
    const weights = emptyWeights();
    // Every other period, so that none is sampled by the one before.
    const begins = [0, 360, 720, 1_080].map((bucketS) => sender(bucketS));
    expect(countedOf(weights, begins)).toEqual([20, 20, 20, 20]);
    expect(countedOf(weights, [sender(0), sender(360)])).toEqual([0, 0]);
    expect(countedOf(weights, [sender(1_440), sender(0), sender(720)])).toEqual([20, 0, 20]);
    expect(weights.periods.size).toBe(4);
  });

  test("has a sample that is drawn by unit and bucket alone, in every process", () => {
    const drawn = (bucketS: number): number[] => {
      const weights = emptyWeights();
      for (let unit = 0; unit < 40; unit++) admitUnit(weights, sender(bucketS - 180, unit));
      return times(32, (unit) => unit).filter((unit) => admitUnit(weights, sender(bucketS, unit * 7_919)));
    };
    expect(drawn(600)).toEqual([0, 2, 4, 5, 7, 10, 12, 14, 15, 16, 17, 21, 22, 23, 24, 25, 28]);
    expect(drawn(660)).toEqual([0, 1, 2, 4, 7, 9, 12, 14, 15, 27, 29]);
  });

  test("has a sample that leaves nobody out for good", () => {
    const weights = emptyWeights();
    const counted = new Set<number>();
    for (let bucket = 0; bucket < 60; bucket++)
      for (let unit = 0; unit < 100; unit++)
        if (admitUnit(weights, sender(bucket * 180, unit * 65_537))) counted.add(unit);
    expect(counted.size).toBeGreaterThan(95);
  });
});

test("a network has one cell of the first 128 and one of the next", () => {
  const cellsOf = (network: number): number[] => {
    const cells = makeCells();
    increase(cells, network);
    expect(cells).toHaveLength(256);
    return [...cells.entries()].filter(([, count]) => count > 0).map(([cell]) => cell);
  };
  expect([0, 5, 127, 128 * 3 + 5, 2 ** 32 - 1].map(cellsOf)).toEqual([
    [0, 128],
    [5, 128],
    [127, 128],
    [5, 131],
    [127, 255],
  ]);
});

describe("the largest network of an hour", () => {
  const grown = (hours: NetworkHours, hourS: number, networks: readonly number[]): number =>
    networks.filter((network) => growsLargest(hours, hourS, network)).length;

  test("grows by the units that no network had as many of", () => {
    expect(grown(emptyWeights().hours, 0, [1, 1, 2, 2, 2, 1, -1, -1, -1, -1, 0, 1])).toBe(4);
  });

  test("may be the network with the number 0", () => {
    expect(grown(new Map(), 0, [0, 0])).toBe(2);
  });

  test("is counted in each hour, of which two are known", () => {
    const hours: NetworkHours = new Map();
    expect([grown(hours, 0, [5, 5]), grown(hours, 3_600, [5]), grown(hours, 0, [5])]).toEqual([2, 1, 1]);
    expect([grown(hours, 7_200, [5]), grown(hours, 3_600, [6]), hours.size]).toEqual([1, 0, 2]);
    expect(grown(hours, 0, [5])).toBe(1);
  });
});
