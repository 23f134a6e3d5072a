// How much one unit and one network can weigh.
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  admitRequest,
  admitUnit,
  emptyWeights,
  type Sender,
} from "../../../origin/aggregate/weights/feature-weights.ts";
import {
  admitOfNetwork,
  emptyNetworkCounts,
  type NetworkCounts,
} from "../../../origin/aggregate/weights/network-share.ts";

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

describe("a network in a bucket", () => {
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

  test("that was too large in the bucket before is sampled evenly over the next one, not counted until its share is used up", () => {
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

  test("has the rate at which its share of the bucket before would have been kept", () => {
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

  test("count up to 10 in a bucket, and up to 10 or 1 % of its cohort in the trial", () => {
    const weights = emptyWeights();
    const admit = (inBucket: number, inTrial: number, cohort: 0 | 1 = 0) =>
      admitRequest(weights, sender(1), cohort, { inBucket, inTrial });
    expect([admit(9, 9), admit(10, 0), admit(0, 10)]).toEqual(["counted", "unit-share", "unit-share"]);
    for (let n = 1; n < 1_000; n++) admit(0, 0);
    expect(weights.requests).toEqual([1_000, 0]);
    expect([admit(0, 10), admit(0, 10), admit(0, 11)]).toEqual(["unit-share", "unit-share", "unit-share"]);
    admit(0, 0);
    expect([admit(0, 10), admit(9, 11), admit(0, 10, 1)]).toEqual(["counted", "unit-share", "unit-share"]);
  });

  test("count by the buckets used last, of which eight are known", () => {
    const weights = emptyWeights();
    const left = (bucketS: number) =>
      times(30, () => admitUnit(weights, sender(1, bucketS, 5))).filter((one) => !one).length;
    for (let bucketS = 0; bucketS < 8 * 600; bucketS += 600) expect(left(bucketS)).toBe(10);
    expect([left(0), left(600)]).toEqual([30, 30]);
    expect([left(8 * 600), left(0), left(1_200)]).toEqual([10, 30, 10]);
    expect(weights.buckets.size).toBe(8);
  });

  test("of one network are no more than 20 in a bucket, its new units apart", () => {
    const weights = emptyWeights();
    const none = { inBucket: 0, inTrial: 0 };
    const outcomes = times(30, (unit) => admitRequest(weights, sender(unit, 0, 5), 0, none));
    expect(outcomes).toEqual(times(30, (n) => (n < 20 ? "counted" : "network-share")));
    expect(times(30, (unit) => admitUnit(weights, sender(unit, 0, 5)))).toEqual(times(30, (n) => n < 20));
    expect(weights.requests).toEqual([20, 0]);
  });

  test("of a network that is sampled are drawn by unit and bucket alone, in every process", () => {
    const drawn = (bucketS: number): number[] => {
      const weights = emptyWeights();
      for (let unit = 0; unit < 40; unit++) admitUnit(weights, sender(unit, bucketS - 60, 5));
      return times(32, (unit) => unit).filter((unit) => admitUnit(weights, sender(unit * 7_919, bucketS, 5)));
    };
    expect(drawn(600)).toEqual([0, 2, 4, 5, 7, 10, 12, 14, 15, 16, 17, 21, 22, 23, 24, 25, 28]);
    expect(drawn(660)).toEqual([0, 1, 2, 4, 7, 9, 12, 14, 15, 27, 29]);
  });

  test("of a network that is sampled are drawn anew in each bucket", () => {
    const weights = emptyWeights();
    const counted = new Set<number>();
    for (let bucket = 0; bucket < 60; bucket++)
      for (let unit = 0; unit < 100; unit++)
        if (admitUnit(weights, sender(unit * 65_537, bucket * 60, 5))) counted.add(unit);
    expect(counted.size).toBeGreaterThan(95);
  });
});
