// What one cookie and one network come to when they flood a feature, from OTLP to the counts.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { makeTestDatabase, type TestDatabase } from "../../support/database.ts";
import { newUnit, type TestSpan } from "../../support/otlp-spans.ts";
import { createFeature, startTelemetry, waitFor, type TestTelemetry } from "../../support/telemetry.ts";

const times = <T>(count: number, make: (n: number) => T): T[] =>
  Array.from({ length: count }, (_, n) => make(n));

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
    "with one cookie: 440 %s requests within 55 s beside 10 people a second weigh as 1 %",
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
      // 5, or 6 where the people's requests are folded first.
      const counted = await requests(featureId);
      expect(counted - 550).toBeGreaterThanOrEqual(5);
      expect(counted - 550).toBeLessThanOrEqual(6);
      expect(await uncounted(featureId)).toEqual({ "unit-share": 990 - counted });
    },
  );

  test("from one network: 300 new units in 100 buckets of a second, which act in treatment, are 20 units", async () => {
    await createFeature(database, "feat_bought", {
      activationWindowSeconds: 4,
      retentionWindowSeconds: 8,
      returnAfterSeconds: 2,
    });
    await send(
      times(300, (n) => ({
        feature: "feat_bought",
        unit: newUnit(),
        variant: n % 2 === 0 ? "treatment" : "holdout",
        activated: n % 2 === 0,
        startMs: bucketStart + n * 333,
        attributes: { "sluice.network": network(6_000) },
      })),
    );
    expect(await exposed("feat_bought")).toBe(20);
    expect(await uncounted("feat_bought")).toEqual({ "network-share": 280 });
  });

  test("from one network: 300 new units in a bucket beside 100 people are at most 20 units, of which nothing else counts", async () => {
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
    // Fewer where a network of the people is counted in the same cells: which of them come first is by chance.
    const counted = await exposed("feat_farm");
    expect(counted).toBeLessThanOrEqual(120);
    expect(counted).toBeGreaterThanOrEqual(115);
    expect(await requests("feat_farm")).toBeLessThanOrEqual(counted);
    expect((await uncounted("feat_farm"))["network-share"]).toBeGreaterThanOrEqual(280);

    // Whoever is left out stays so, also for a fold that remembers nothing, and with what follows.
    await telemetry.stop();
    telemetry = await startTelemetry(database);
    await send(times(300, (n) => ({ ...farm[n], activated: true, startMs: bucketStart + 1_000 })));
    expect(await exposed("feat_farm")).toBe(counted);
    expect(
      await one("select count(*)::integer as n from user_actions where feature_id = $1", "feat_farm"),
    ).toBeLessThanOrEqual(20);
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

  test("and it is noted hour by hour who came, was seen again, and was of the largest network", async () => {
    await createFeature(database, "feat_hours");
    const hourMs = Math.floor(Date.now() / 3_600_000) * 3_600_000 - 3_600_000;
    const feature = "feat_hours";
    const units = times(40, () => newUnit());
    /** The first twelve come from one network, the others each from one of their own. */
    const first = (n: number, startMs: number): TestSpan => ({
      feature,
      unit: units[n]!,
      startMs,
      attributes: { "sluice.network": network(n < 12 ? 9_000 : n) },
    });
    await send([
      ...times(30, (n) => first(n, hourMs + n * 1_000)),
      ...times(10, (n) => first(30 + n, hourMs + 3_600_000 + n)),
      { feature, unit: newUnit(), startMs: hourMs, attributes: { is_bot: true } },
    ]);
    // The end of a request is not another one.
    await send([
      ...times(5, (n) => ({
        feature,
        unit: units[n]!,
        startMs: hourMs + n * 1_000 + 50,
        attributes: { "sluice.exposure": false },
      })),
      ...times(4, (n) => ({ feature, unit: units[n]!, startMs: hourMs + 60_000 })),
      ...times(3, (n) => ({ feature, unit: units[n + 2]!, startMs: hourMs + 61_000 })),
      {
        feature,
        unit: units[20]!,
        startMs: hourMs + 62_000,
        activated: true,
        attributes: { "sluice.exposure": false },
      },
      { feature, unit: units[35]!, startMs: hourMs + 3_700_000 },
    ]);
    const { rows } = await database.pool.query(
      `select ((hour_s - $1) / 3600)::integer as hour, units, seen_again, largest_network from arrivals
       where feature_id = $2 order by hour_s`,
      [hourMs / 1_000, feature],
    );
    expect(rows).toEqual([
      { hour: 0, units: 30, seen_again: 6, largest_network: 12 },
      { hour: 1, units: 10, seen_again: 1, largest_network: 1 },
    ]);
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

  test("a restart of the fold gives a network 20 units more, once", async () => {
    await createFeature(database, "feat_restart");
    const farm = () =>
      send(
        times(100, () => ({
          feature: "feat_restart",
          unit: newUnit(),
          startMs: bucketStart,
          attributes: { "sluice.network": network(4_000) },
        })),
      );
    await farm();
    expect(await exposed("feat_restart")).toBe(20);
    await telemetry.stop();
    telemetry = await startTelemetry(database);
    await farm();
    await farm();
    expect(await exposed("feat_restart")).toBe(40);
  });
});
