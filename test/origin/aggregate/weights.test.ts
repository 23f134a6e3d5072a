// How much one unit and one network can weigh.
import * as fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
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
import { makeTestDatabase, type TestDatabase } from "../../support/database.ts";
import { newUnit, type TestSpan } from "../../support/otlp-spans.ts";
import { createFeature, startTelemetry, waitFor, type TestTelemetry } from "../../support/telemetry.ts";

/** Sends of networks in their order; how many of each were counted. */
const sendAll = (
  networks: readonly number[],
  counts: NetworkCounts = emptyNetworkCounts(),
  before?: NetworkCounts,
): Map<number, number> => {
  const counted = new Map<number, number>();
  for (const network of networks)
    if (admitOfNetwork(counts, before, network, Math.random()))
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

  test("of a network that is sampled are drawn anew in each bucket", () => {
    const weights = emptyWeights();
    const counted = new Set<number>();
    for (let bucket = 0; bucket < 60; bucket++)
      for (let unit = 0; unit < 100; unit++)
        if (admitUnit(weights, sender(unit * 65_537, bucket * 60, 5))) counted.add(unit);
    expect(counted.size).toBeGreaterThan(95);
  });
});

describe("nobody buys a verdict", () => {
  let database: TestDatabase;
  let telemetry: TestTelemetry;
  beforeAll(async () => {
    database = await makeTestDatabase();
    telemetry = await startTelemetry(database);
  });
  afterAll(async () => {
    await telemetry.stop();
    await database.drop();
  });

  const BUCKET_MS = 180_000;
  const bucketStart = Math.floor(Date.now() / BUCKET_MS) * BUCKET_MS - BUCKET_MS;
  const network = (n: number): string =>
    (Math.imul(n + 1, 0x9e3779b1) >>> 0).toString(16).padStart(8, "0").padEnd(16, "e");

  const one = async (sql: string, featureId: string) => {
    const { rows } = await database.pool.query<{ n: number }>(sql, [featureId]);
    return rows[0]?.n ?? 0;
  };
  const requests = (featureId: string, column = "requests") =>
    one(`select sum(${column})::integer as n from latency_sketches where feature_id = $1`, featureId);
  const exposed = (featureId: string) =>
    one("select count(*)::integer as n from feature_exposures where feature_id = $1", featureId);
  const uncounted = async (featureId: string) => {
    const { rows } = await database.pool.query<{ reason: string; spans: number }>(
      "select reason, spans from uncounted_signals where feature_id = $1 order by 1",
      [featureId],
    );
    return Object.fromEntries(rows.map(({ reason, spans }) => [reason, spans]));
  };
  const send = async (spans: readonly TestSpan[]): Promise<void> => {
    await telemetry.sendSpans(spans);
    await telemetry.folded();
  };

  test.each([
    ["slow", { durationMs: 5_000 }],
    ["failed", { durationMs: 5, failed: true }],
    ["unfinished", { durationMs: 900, attributes: { "sluice.unfinished": true } }],
  ])(
    "with one cookie: 441 %s requests within 55 s beside 10 people a second weigh as 10",
    async (kind, request) => {
      const featureId = `feat_buyer_${kind}`;
      // Windows of seconds, so buckets of a second.
      await createFeature(database, featureId, {
        activationWindowSeconds: 4,
        retentionWindowSeconds: 8,
        returnAfterSeconds: 2,
      });
      const buyer = { feature: featureId, variant: "treatment", unit: newUnit(), ...request };
      for (let second = 0; second < 55; second++)
        await telemetry.sendSpans([
          ...times(8, (n) => ({ ...buyer, startMs: bucketStart + second * 1_000 + n * 100 })),
          ...times(10, (n) => ({
            feature: featureId,
            variant: "treatment",
            unit: newUnit(),
            startMs: bucketStart + second * 1_000 + n * 90,
            durationMs: 50,
          })),
        ]);
      await telemetry.folded();
      expect(await requests(featureId)).toBe(550 + 10);
      expect(await uncounted(featureId)).toEqual({ "unit-share": 430 });
    },
  );

  test("from one network: 300 new units in a bucket beside 100 people are 20 units, of which nothing else counts", async () => {
    await createFeature(database, "feat_farm");
    const from = (feature: string, at: string | null, unit = newUnit()): TestSpan => ({
      feature,
      unit,
      variant: Math.random() < 0.5 ? "treatment" : "holdout",
      startMs: bucketStart,
      durationMs: 40,
      ...(at === null ? {} : { attributes: { "sluice.network": at } }),
    });
    const people = times(100, (n) => from("feat_farm", network(n)));
    const farm = times(300, () => from("feat_farm", network(5_000)));
    await send(times(400, (n) => (n % 4 === 0 ? people[n / 4] : farm[n - Math.ceil(n / 4)])!));
    expect(await exposed("feat_farm")).toBe(120);
    expect(await requests("feat_farm")).toBe(120);
    expect(await uncounted("feat_farm")).toEqual({ "network-share": 280 });

    // Whoever is left out stays so, also for a fold that remembers nothing, and with what follows.
    await telemetry.stop();
    telemetry = await startTelemetry(database);
    await send(times(300, (n) => ({ ...farm[n], activated: true, startMs: bucketStart + 1_000 })));
    expect(await exposed("feat_farm")).toBe(120);
    expect(
      await one("select count(*)::integer as n from user_actions where feature_id = $1", "feat_farm"),
    ).toBe(20);
  });

  test("from one network: requests of many old units are no more than 20 in a bucket", async () => {
    await createFeature(database, "feat_botnet");
    const of = { feature: "feat_botnet", variant: "treatment", startMs: bucketStart, durationMs: -1 };
    const units = times(200, () => newUnit());
    await send(times(200, (n) => ({ ...of, unit: units[n]!, attributes: { "sluice.network": network(n) } })));
    expect(await exposed("feat_botnet")).toBe(200);
    await send(
      times(200, (n) => ({
        ...of,
        unit: units[n]!,
        durationMs: 9_000,
        startMs: bucketStart + 500,
        attributes: { "sluice.exposure": false, "sluice.network": network(7_777) },
      })),
    );
    expect(await requests("feat_botnet")).toBe(20);
    expect(await uncounted("feat_botnet")).toEqual({ "network-share": 180 });
    await waitFor(async () =>
      (await telemetry.metrics.registry.metrics()).includes(
        'sluice_left_out_spans_total{reason="network-share"} 180',
      ),
    );
  });

  test.each([
    ["no network", undefined],
    ["a network that is none", { "sluice.network": "192.0.2.0/24" }],
  ])("and people of %s are all counted", async (title, attributes) => {
    const featureId = `feat_${title.replaceAll(" ", "_")}`;
    await createFeature(database, featureId);
    await send(
      times(600, () => ({
        feature: featureId,
        unit: newUnit(),
        startMs: bucketStart,
        ...(attributes === undefined ? {} : { attributes }),
      })),
    );
    expect([await exposed(featureId), await requests(featureId)]).toEqual([600, 600]);
    expect(await uncounted(featureId)).toEqual({});
  });
});
