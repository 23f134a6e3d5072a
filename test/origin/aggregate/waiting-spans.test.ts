// Requests and activations of units that have no exposure yet.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { makeUncountedSpans } from "../../../origin/span-log/uncounted.ts";
import { makeWaitingSpans, waitsForExposure } from "../../../origin/aggregate/waiting/waiting-spans.ts";
import { makeTestDatabase, type TestDatabase } from "../../support/database.ts";
import { newUnit, type TestSpan } from "../../support/otlp-spans.ts";
import { createFeature, startTelemetry, type TestTelemetry } from "../../support/telemetry.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

describe("spans without an exposure", () => {
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

  const rule = { activationWindowSeconds: 600, retentionWindowSeconds: 6_000, returnAfterSeconds: 600 };
  const startMs = Date.now() - 20 * MINUTE;

  /** All that is counted of a feature: outcomes, requests, units. */
  const counted = async (featureId: string) => {
    const { rows } = await database.pool.query<{ name: string; n: number }>(
      `select concat_ws(' ', cohort, signal) as name, sum(units)::integer as n
       from outcome_counts where feature_id = $1 group by 1 having sum(units) <> 0
       union all
       select concat_ws(' ', cohort, kind), sum(requests)::integer from latency_sketches where feature_id = $1
       group by 1 having sum(requests) > 0
       union all
       select 'units', count(*)::integer from feature_exposures where feature_id = $1 having count(*) > 0
       order by 1`,
      [featureId],
    );
    return Object.fromEntries(rows.map(({ name, n }) => [name, n]));
  };
  const send = async (...spans: TestSpan[]): Promise<void> => {
    await telemetry.sendSpans(spans);
    await telemetry.folded();
  };
  const spansOf = (feature: string) => {
    const of = { feature, variant: "holdout", unit: newUnit() };
    return {
      exposure: { ...of, startMs, durationMs: -1 },
      request: {
        ...of,
        startMs: startMs + 5,
        durationMs: 80,
        attributes: { "sluice.exposure": false, "sluice.request": "document" },
      },
      activation: {
        ...of,
        startMs: startMs + MINUTE,
        durationMs: -1,
        activated: true,
        attributes: { "sluice.exposure": false },
      },
      return: {
        ...of,
        startMs: startMs + 11 * MINUTE,
        durationMs: 90,
        attributes: { "sluice.exposure": false },
      },
    };
  };
  const all = {
    "holdout activation": 1,
    "holdout document": 1,
    "holdout exposure": 1,
    "holdout fetch": 1,
    "holdout retention": 1,
    units: 1,
  };

  test("change no count until the exposure is there, in whatever order they come", async () => {
    const names = ["exposure", "request", "activation", "return"] as const;
    const orders = names.flatMap((a) =>
      names.flatMap((b) =>
        names.flatMap((c) => names.map((d) => [a, b, c, d]).filter((order) => new Set(order).size === 4)),
      ),
    );
    expect(orders).toHaveLength(24);
    for (const at of orders.keys()) await createFeature(database, `feat_order_${at}`, rule);
    const spans = orders.map((order, at) => {
      const of = spansOf(`feat_order_${at}`);
      return order.map((name) => of[name]);
    });
    for (const step of [0, 1, 2, 3]) {
      await send(...spans.map((order) => order[step]!));
      for (const [at, order] of orders.entries()) {
        const sent = order.slice(0, step + 1);
        if (!sent.includes("exposure")) expect(await counted(`feat_order_${at}`), sent.join()).toEqual({});
      }
    }
    for (const [at, order] of orders.entries())
      expect(await counted(`feat_order_${at}`), order.join()).toEqual(all);
    const { rows } = await database.pool.query("select from waiting_units");
    expect(rows).toEqual([]);
  });

  test("wait over a restart of the fold", async () => {
    await createFeature(database, "feat_restart", rule);
    const spans = spansOf("feat_restart");
    await send(spans.request, spans.activation, spans.return);
    await telemetry.stop();
    telemetry = await startTelemetry(database);
    await send(spans.exposure);
    expect(await counted("feat_restart")).toEqual(all);
  });

  test("come to count with an exposure in the same request", async () => {
    await createFeature(database, "feat_together", rule);
    const spans = spansOf("feat_together");
    await send(spans.return, spans.activation, spans.request, spans.exposure);
    expect(await counted("feat_together")).toEqual(all);
  });

  test("do not count before the exposure, and do when one turns out to have been earlier", async () => {
    await createFeature(database, "feat_before", rule);
    const spans = spansOf("feat_before");
    await send(spans.activation, spans.request, { ...spans.exposure, startMs: startMs + 2 * MINUTE });
    expect(await counted("feat_before")).toEqual({ "holdout exposure": 1, units: 1 });
    await send(spans.exposure);
    expect(await counted("feat_before")).toEqual({
      "holdout activation": 1,
      "holdout document": 1,
      "holdout exposure": 1,
      units: 1,
    });
  });

  test("of a unit that a captcha finds to be a bot never count", async () => {
    await createFeature(database, "feat_captcha", rule);
    const spans = spansOf("feat_captcha");
    await send(spans.activation);
    await send({ ...spans.request, attributes: { ...spans.request.attributes, captcha_score: 0.1 } });
    await send(spans.exposure, spans.return);
    expect(await counted("feat_captcha")).toEqual({});
  });

  test("that waited in vain are counted as left out, and gone from the table", async () => {
    const unit = { low: 4, high: 0x8000_0001 };
    const client = await database.pool.connect();
    try {
      const uncounted = makeUncountedSpans();
      const waiting = makeWaitingSpans(uncounted);
      const feature = { featureId: "feat_vain", epoch: 2 };
      const span = { startMs, durationUs: 7, flags: 258, network: 9 };
      waiting.add(unit, feature, span, 1_000);
      waiting.add(unit, feature, { ...span, startMs: startMs + 1 }, 1_000);
      await waiting.write(client);

      const next = makeWaitingSpans(uncounted);
      await next.open(client, [0]);
      expect(next.of(unit.low, unit.high)).toEqual([span, { ...span, startMs: startMs + 1 }]);
      await next.open(client, [1, 2, 3]);
      expect(next.size()).toBe(0);
      await next.open(client, [0, 1]);
      next.expire(1_000 + HOUR);
      expect(next.size()).toBe(0);
      await next.write(client);
      await uncounted.write(client);
      await next.open(client, [0, 1, 2, 3]);
      expect(next.size()).toBe(0);
      const { rows } = await client.query(
        "select epoch, reason, spans from uncounted_signals where feature_id = 'feat_vain'",
      );
      expect(rows).toEqual([{ epoch: 2, reason: "no-exposure", spans: 2 }]);
    } finally {
      client.release();
    }
  });
});

describe("what waits is bounded", () => {
  const feature = { featureId: "feat_bounds", epoch: 1 };
  const span = { startMs: 1, durationUs: 0, flags: 0, network: 0 };
  const setup = () => {
    let leftOut = 0;
    const waiting = makeWaitingSpans({
      add: (_feature, reason, spans) => {
        expect(reason).toBe("no-exposure");
        leftOut += spans;
      },
    });
    return { waiting, leftOut: () => leftOut };
  };

  test("in time: an hour after the log has taken the unit's last span", () => {
    const { waiting, leftOut } = setup();
    waiting.add({ low: 1, high: 1 }, feature, span, 5_000);
    waiting.add({ low: 2, high: 1 }, feature, span, 6_000);
    waiting.add({ low: 1, high: 1 }, feature, span, 7_000);
    waiting.expire(6_000 + HOUR - 1);
    expect([waiting.size(), leftOut()]).toEqual([2, 0]);
    waiting.expire(6_000 + HOUR);
    expect([waiting.of(1, 1).length, waiting.of(2, 1).length, leftOut()]).toEqual([2, 0, 1]);
    waiting.expire(7_000 + HOUR);
    expect([waiting.size(), leftOut()]).toEqual([0, 3]);
  });

  test("in spans of one unit, sixteen, and in units, a hundred thousand, of which the oldest go", () => {
    const { waiting, leftOut } = setup();
    for (let n = 0; n < 20; n++) waiting.add({ low: 0, high: 0 }, feature, { ...span, startMs: n }, 1);
    expect(waiting.of(0, 0).map(({ startMs }) => startMs)).toEqual(Array.from({ length: 16 }, (_, n) => n));
    expect(leftOut()).toBe(4);
    for (let n = 1; n < 100_000; n++) waiting.add({ low: n, high: 0 }, feature, span, 1);
    expect([waiting.size(), leftOut()]).toEqual([100_000, 4]);
    waiting.add({ low: 1, high: 9 }, feature, span, 1);
    expect([waiting.size(), leftOut()]).toEqual([100_000, 20]);
    expect([waiting.of(0, 0).length, waiting.of(1, 0).length, waiting.of(1, 9).length]).toEqual([0, 1, 1]);
  });

  test("and ends with the exposure for the spans at or after it, but for a second between clocks", () => {
    const { waiting } = setup();
    const unit = { low: 7, high: 7 };
    for (const startMs of [1_000, 3_999, 4_000, 9_000]) waiting.add(unit, feature, { ...span, startMs }, 1);
    expect(waiting.release(8, 7, 0)).toEqual([]);
    expect(waiting.release(7, 7, 5_000).map(({ startMs }) => startMs)).toEqual([4_000, 9_000]);
    expect(waiting.of(7, 7).map(({ startMs }) => startMs)).toEqual([1_000, 3_999]);
    expect(waiting.release(7, 7, 0)).toHaveLength(2);
    expect(waiting.size()).toBe(0);
    expect(waitsForExposure(1_000, Infinity)).toBe(true);
  });
});
