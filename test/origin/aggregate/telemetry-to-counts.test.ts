// From an OTLP request over HTTP to the counts that the evaluation reads, on a real PostgreSQL.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  decodeSketch,
  emptySketch,
  encodeSketch,
  quantile,
  totalOf,
} from "../../../shared/telemetry/latency-sketch.ts";
import { readBotRequests } from "../../../origin/evaluate/read-bot-requests.ts";
import { FeatureId } from "../../../shared/ids.ts";
import { makeTestDatabase, type TestDatabase } from "../../support/database.ts";
import { newUnit } from "../../support/otlp-spans.ts";
import { createFeature, startTelemetry, waitFor, type TestTelemetry } from "../../support/telemetry.ts";

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

const rule = { activationWindowSeconds: 60, retentionWindowSeconds: 600, returnAfterSeconds: 300 };

/** `cohort signal age: units`, buckets added up. */
const counts = async (featureId: string, epoch = 1): Promise<Record<string, number>> => {
  const { rows } = await database.pool.query<{ name: string; units: number }>(
    `select concat_ws(' ', cohort, signal, nullif(age_s, 0)) as name, sum(units)::integer as units
     from outcome_counts where feature_id = $1 and epoch = $2 group by 1 having sum(units) <> 0 order by 1`,
    [featureId, epoch],
  );
  return Object.fromEntries(rows.map(({ name, units }) => [name, units]));
};

const latency = async (featureId: string, cohort = "treatment") => {
  const { rows } = await database.pool.query<{ requests: number; errors: number; sketch: Buffer }>(
    "select requests, errors, sketch from latency_sketches where feature_id = $1 and cohort = $2",
    [featureId, cohort],
  );
  return {
    requests: rows.reduce((sum, row) => sum + row.requests, 0),
    errors: rows.reduce((sum, row) => sum + row.errors, 0),
    inSketches: rows.reduce((sum, row) => sum + totalOf(decodeSketch(row.sketch)), 0),
    p95: rows[0] === undefined ? null : quantile(decodeSketch(rows[0].sketch), 0.95),
  };
};

describe("telemetry becomes counts", () => {
  test("a unit is exposed, activates and returns once, however many spans it has", async () => {
    await createFeature(database, "feat_once", rule);
    const unit = newUnit();
    const begin = Date.now() - 400_000;
    await telemetry.sendSpans([
      { feature: "feat_once", unit, variant: "treatment", startMs: begin },
      { feature: "feat_once", unit, variant: "treatment", startMs: begin + 30_000, activated: true },
      { feature: "feat_once", unit, variant: "treatment", startMs: begin + 40_000, activated: true },
      { feature: "feat_once", unit, variant: "treatment", startMs: begin + 350_000 },
      { feature: "feat_once", unit, variant: "treatment", startMs: begin + 390_000 },
    ]);
    await telemetry.folded();
    expect(await counts("feat_once")).toEqual({
      "treatment activation 60": 1,
      "treatment exposure": 1,
      "treatment retention 600": 1,
    });
    expect(await latency("feat_once")).toMatchObject({ requests: 5, errors: 0, inSketches: 5 });
    const { rows } = await database.pool.query(
      `select e.cohort, a.action_taken, r.returned_within_7d, extract(epoch from a.acted_at - e.exposed_at)::integer as acted_after
       from feature_exposures e join user_actions a using (feature_id, epoch, user_id)
       join user_retention r using (feature_id, epoch, user_id) where user_id = $1`,
      [unit],
    );
    expect(rows).toEqual([
      { cohort: "treatment", action_taken: true, returned_within_7d: true, acted_after: 30 },
    ]);
  });

  test("an outcome later than its window is no success", async () => {
    await createFeature(database, "feat_late_activation", rule);
    const unit = newUnit();
    const begin = Date.now() - 1_000_000;
    await telemetry.sendSpans([
      { feature: "feat_late_activation", unit, startMs: begin },
      { feature: "feat_late_activation", unit, startMs: begin + 61_000, activated: true },
      { feature: "feat_late_activation", unit, startMs: begin + 601_000 },
    ]);
    await telemetry.folded();
    expect(await counts("feat_late_activation")).toEqual({ "treatment exposure": 1 });
  });

  test("an earlier exposure that arrives late moves the unit to its right bucket", async () => {
    await createFeature(database, "feat_moved", rule);
    const unit = newUnit();
    const begin = Math.floor(Date.now() / 60_000) * 60_000 - 600_000;
    await telemetry.sendSpans([{ feature: "feat_moved", unit, startMs: begin + 70_000, activated: true }]);
    await telemetry.folded();
    expect(await counts("feat_moved")).toEqual({ "treatment activation 60": 1, "treatment exposure": 1 });
    await telemetry.sendSpans([{ feature: "feat_moved", unit, startMs: begin }]);
    await telemetry.folded();
    expect(await counts("feat_moved")).toEqual({ "treatment exposure": 1 });
    const { rows } = await database.pool.query(
      "select bucket_s from outcome_counts where feature_id = 'feat_moved' and signal = 'exposure' and units > 0",
    );
    expect(rows).toEqual([{ bucket_s: begin / 1_000 }]);
  });

  test("the first variant that a span names decides the cohort, whenever it arrives; without one it is treatment", async () => {
    await createFeature(database, "feat_cohort", rule);
    const [named, unnamed] = [newUnit(), newUnit()];
    await telemetry.sendSpans([
      { feature: "feat_cohort", unit: named },
      { feature: "feat_cohort", unit: unnamed },
    ]);
    await telemetry.folded();
    expect(await counts("feat_cohort")).toEqual({ "treatment exposure": 2 });
    await telemetry.sendSpans([
      { feature: "feat_cohort", unit: named, variant: "holdout" },
      { feature: "feat_cohort", unit: named, variant: "treatment" },
      { feature: "feat_cohort", unit: named },
    ]);
    await telemetry.folded();
    expect(await counts("feat_cohort")).toEqual({ "holdout exposure": 1, "treatment exposure": 1 });
    expect(await latency("feat_cohort", "holdout")).toMatchObject({ requests: 3 });
  });

  test("bots, unknown features, units that are off and spans without a feature or a unit are never counted", async () => {
    await createFeature(database, "feat_classify", rule);
    await telemetry.sendSpans([
      { feature: "feat_classify", unit: newUnit(), bot: true },
      { feature: "feat_classify", unit: newUnit(), attributes: { captcha_score: 0.2 } },
      { feature: "feat_classify", unit: newUnit(), variant: "off" },
      { feature: "feat_classify" },
      { unit: newUnit() },
      { feature: "feat_nowhere", unit: newUnit() },
      { feature: "feat_classify", unit: newUnit(), attributes: { captcha_score: 0.9 } },
    ]);
    await telemetry.folded();
    expect(await counts("feat_classify")).toEqual({ "treatment exposure": 1 });
    expect(await counts("feat_nowhere")).toEqual({});
  });

  test("requests of bots are counted as left out, each once, for their feature and epoch", async () => {
    await createFeature(database, "feat_bots", rule);
    const bot = { feature: "feat_bots", bot: true };
    await telemetry.sendSpans([
      { ...bot, unit: newUnit() },
      { ...bot, unit: newUnit(), epoch: 1 },
    ]);
    await telemetry.bots.write();
    await telemetry.sendSpans([{ ...bot, unit: newUnit() }]);
    await telemetry.bots.write();
    await telemetry.bots.write();
    const featureId = FeatureId.parse("feat_bots");
    expect(await readBotRequests(database.pool, [{ featureId, epoch: 1 }])).toEqual(
      new Map([[featureId, 3]]),
    );
    expect(await readBotRequests(database.pool, [{ featureId, epoch: 2 }])).toEqual(new Map());
  });

  test("a unit that a captcha finds to be a bot is no longer counted, whenever its spans arrive", async () => {
    await createFeature(database, "feat_found", rule);
    const [found, early, human] = [newUnit(), newUnit(), newUnit()];
    const begin = Date.now() - 400_000;
    const span = { feature: "feat_found", variant: "holdout", startMs: begin };
    await telemetry.sendSpans([
      { ...span, unit: found },
      { ...span, unit: found, activated: true },
      { ...span, unit: found, startMs: begin + 350_000 },
      { ...span, unit: human },
      { ...span, unit: early, attributes: { captcha_score: 0.1 } },
    ]);
    await telemetry.folded();
    expect(await counts("feat_found")).toEqual({
      "holdout activation 60": 1,
      "holdout exposure": 2,
      "holdout retention 600": 1,
    });
    await telemetry.sendSpans([
      { ...span, unit: found, attributes: { is_bot: true, captcha_score: 0.6 } },
      { ...span, unit: found, activated: true },
      { ...span, unit: early, activated: true },
      { ...span, unit: human, attributes: { captcha_score: 0.6 } },
    ]);
    await telemetry.folded();
    const onlyTheHuman = { "holdout exposure": 1 };
    expect(await counts("feat_found")).toEqual(onlyTheHuman);
    expect(await latency("feat_found")).toMatchObject({ requests: 0 });
    expect(await latency("feat_found", "holdout")).toMatchObject({ requests: 5 });
    const { rows } = await database.pool.query(
      "select user_id from feature_exposures where feature_id = 'feat_found'",
    );
    expect(rows).toEqual([{ user_id: human }]);

    // A fold that remembers no unit finds it in what is stored.
    await telemetry.stop();
    telemetry = await startTelemetry(database);
    const bot = { ...span, unit: found, startMs: begin - 90_000 };
    await telemetry.sendSpans([bot, { ...bot, attributes: { captcha_score: 0.1 } }]);
    await telemetry.folded();
    expect(await counts("feat_found")).toEqual(onlyTheHuman);
    const { rows: stored } = await database.pool.query(
      "select count(*)::integer as rows from unit_evidence where feature_id = 'feat_found'",
    );
    expect(stored).toEqual([{ rows: 4 }]); // nothing more is stored of a bot

    // The same when the windows change and the units are counted again.
    const longer = JSON.stringify({ ...rule, activationWindowSeconds: 120 });
    await database.pool.query(
      "update pmf_rules set rule = $1, version = version + 1 where feature_id = 'feat_found'",
      [longer],
    );
    await waitFor(async () => {
      const { rows: windows } = await database.pool.query(
        "select from fold_windows where feature_id = 'feat_found' and 120 = any (activation_ages_s)",
      );
      return windows.length > 0;
    });
    expect(await counts("feat_found")).toEqual(onlyTheHuman);
  });

  test("epochs are separate; a span without one belongs to the current epoch", async () => {
    await createFeature(database, "feat_epoch", rule);
    await database.pool.query("update feature_flags set epoch = 3 where feature_id = 'feat_epoch'");
    const unit = newUnit();
    await telemetry.sendSpans([
      { feature: "feat_epoch", unit, epoch: 2 },
      { feature: "feat_epoch", unit },
      { feature: "feat_epoch", unit: newUnit(), epoch: 3 },
      { feature: "feat_epoch", unit: newUnit(), epoch: 4 },
    ]);
    await telemetry.folded();
    expect(await counts("feat_epoch", 2)).toEqual({ "treatment exposure": 1 });
    expect(await counts("feat_epoch", 3)).toEqual({ "treatment exposure": 2 });
    expect(await counts("feat_epoch", 4)).toEqual({});
  });

  test("the same span in two requests counts once", async () => {
    await createFeature(database, "feat_twice", rule);
    const span = { feature: "feat_twice", unit: newUnit(), traceId: "ab".repeat(16), spanId: "cd".repeat(8) };
    await telemetry.sendSpans([span, span]);
    await telemetry.sendSpans([span]);
    await telemetry.folded();
    await telemetry.sendSpans([span]);
    await telemetry.folded();
    expect(await latency("feat_twice")).toMatchObject({ requests: 1, inSketches: 1 });
    expect(await counts("feat_twice")).toEqual({ "treatment exposure": 1 });
  });

  test("a span with an error status or a 5xx is a failure, and its duration is the latency", async () => {
    await createFeature(database, "feat_errors", rule);
    const at = Math.floor(Date.now() / 60_000) * 60_000;
    const span = { feature: "feat_errors", variant: "treatment", startMs: at };
    await telemetry.sendSpans([
      ...Array.from({ length: 17 }, () => ({ ...span, unit: newUnit(), durationMs: 20 })),
      { ...span, unit: newUnit(), durationMs: 300, failed: true },
      { ...span, unit: newUnit(), durationMs: 300, attributes: { "http.response.status_code": 503 } },
      { ...span, unit: newUnit(), durationMs: 300, attributes: { "http.response.status_code": 404 } },
    ]);
    await telemetry.folded();
    const found = await latency("feat_errors");
    expect(found).toMatchObject({ requests: 20, errors: 2 });
    expect(Math.abs((found.p95 ?? 0) / 300 - 1)).toBeLessThan(0.011);
  });

  test("requests are told apart by kind, and finished, failed and unfinished ones by their durations", async () => {
    await createFeature(database, "feat_kinds");
    // All of them end in the bucket in which they begin.
    const startMs = Math.floor(Date.now() / 180_000) * 180_000 - 180_000;
    const span = { feature: "feat_kinds", variant: "holdout", startMs };
    const request = (durationMs: number, attributes: Record<string, string | number | boolean> = {}) => ({
      ...span,
      unit: newUnit(),
      durationMs,
      attributes,
    });
    const document = { "sluice.request": "document" };
    const kinds = async () => {
      const { rows } = await database.pool.query<{
        kind: string;
        requests: number;
        errors: number;
        unfinished: number;
        sketch: Buffer;
        unfinished_sketch: Buffer | null;
      }>(
        "select kind, requests, errors, unfinished, sketch, unfinished_sketch from latency_sketches where feature_id = 'feat_kinds' order by kind",
      );
      return rows.map(({ kind, requests, errors, unfinished, sketch, unfinished_sketch: waited }) => ({
        kind,
        requests,
        errors,
        unfinished,
        finishedMs: Math.round(quantile(decodeSketch(sketch), 1) ?? 0),
        finishedCount: totalOf(decodeSketch(sketch)),
        waitedCount: waited === null ? null : totalOf(decodeSketch(waited)),
      }));
    };
    await telemetry.sendSpans([
      request(100, document),
      request(5_000, { ...document, "http.response.status_code": 502 }),
      request(9_000, { ...document, "sluice.unfinished": true }),
      request(9_000, { ...document, "sluice.unfinished": true, "http.response.status_code": 431 }),
      request(100, { "sluice.request": "fetch" }),
      request(100),
    ]);
    await telemetry.folded();
    const documents = { kind: "document", requests: 4, errors: 2, unfinished: 1 };
    const fetches = { kind: "fetch", requests: 2, errors: 0, unfinished: 0 };
    const finished = { finishedMs: 100, finishedCount: 1, waitedCount: 1 };
    expect(await kinds()).toEqual([
      { ...documents, ...finished },
      { ...fetches, ...finished, finishedCount: 2, waitedCount: null },
    ]);

    // A fold that remembers nothing goes on from what is stored.
    await telemetry.stop();
    telemetry = await startTelemetry(database);
    await telemetry.sendSpans([request(100, document), request(50, { "sluice.unfinished": true })]);
    await telemetry.folded();
    expect(await kinds()).toEqual([
      { ...documents, ...finished, requests: 5, finishedCount: 2 },
      { ...fetches, ...finished, requests: 3, unfinished: 1, finishedCount: 2 },
    ]);
  });

  test("a request counts in the bucket of its end, which is never in the future; its exposure in that of its start", async () => {
    await createFeature(database, "feat_hung");
    const nowMs = Date.now();
    const edgeMs = Math.floor(nowMs / 180_000) * 180_000 - 180_000;
    const hung = { "sluice.unfinished": true };
    await telemetry.sendSpans([
      { feature: "feat_hung", unit: newUnit(), startMs: edgeMs - 4_000, durationMs: 3_999, attributes: hung },
      {
        feature: "feat_hung",
        unit: newUnit(),
        startMs: edgeMs - 4_000,
        durationMs: 10_000,
        attributes: hung,
      },
      { feature: "feat_hung", unit: newUnit(), startMs: edgeMs - 4_000, durationMs: 10_000, failed: true },
    ]);
    await telemetry.sendSpans([
      { feature: "feat_hung", unit: newUnit(), startMs: nowMs, durationMs: 3_600_000, attributes: hung },
    ]);
    await telemetry.folded();
    const byBucket = async (sql: string) => {
      const { rows } = await database.pool.query<{ bucket_s: number; n: number }>(sql);
      return rows.map(({ bucket_s: bucketS, n }) => [bucketS - edgeMs / 1_000, n]);
    };
    const [before, at, ...last] = await byBucket(
      "select bucket_s, requests as n from latency_sketches where feature_id = 'feat_hung' order by 1",
    );
    expect([before, at]).toEqual([
      [-180, 1],
      [0, 2],
    ]);
    // Between sending and storing, the next bucket may have begun.
    expect([[[180, 1]], [[360, 1]]]).toContainEqual(last);
    const exposures = await byBucket(
      "select bucket_s, units as n from outcome_counts where feature_id = 'feat_hung' order by 1",
    );
    expect(exposures).toEqual([
      [-180, 3],
      [180, 1],
    ]);
  });

  test("a process of before can still write its rows of requests", async () => {
    const write = `
      insert into latency_sketches (feature_id, epoch, cohort, bucket_s, partition, requests, errors, sketch)
      values ('feat_before', 1, 'holdout', 0, 0, $1, 0, $2)
      on conflict (feature_id, epoch, bucket_s, cohort, partition)
      do update set requests = excluded.requests, errors = excluded.errors, sketch = excluded.sketch`;
    const none = encodeSketch(emptySketch());
    await database.pool.query(write, [1, none]);
    await database.pool.query(write, [2, none]);
    const { rows } = await database.pool.query(
      "select kind, requests, unfinished from latency_sketches where feature_id = 'feat_before'",
    );
    expect(rows).toEqual([{ kind: "fetch", requests: 2, unfinished: 0 }]);
  });

  test("at most 5 requests of one unit count as latencies while its cohort has few", async () => {
    await createFeature(database, "feat_hammered");
    const startMs = Math.floor(Date.now() / 180_000) * 180_000;
    const hammering = { feature: "feat_hammered", unit: newUnit(), startMs, durationMs: 5_000 };
    await telemetry.sendSpans(Array.from({ length: 250 }, () => hammering));
    await telemetry.sendSpans([{ feature: "feat_hammered", unit: newUnit(), startMs }]);
    await telemetry.folded();
    expect(await latency("feat_hammered")).toMatchObject({ requests: 6, inSketches: 6 });
    expect(await counts("feat_hammered")).toEqual({ "treatment exposure": 2 });
  });

  test("after a change of the windows the current epoch is counted again, and later spans by the new windows", async () => {
    await createFeature(database, "feat_windows", rule);
    const [quick, slow] = [newUnit(), newUnit()];
    const begin = Date.now() - 500_000;
    await telemetry.sendSpans([
      { feature: "feat_windows", unit: quick, startMs: begin },
      { feature: "feat_windows", unit: quick, startMs: begin + 10_000, activated: true },
      { feature: "feat_windows", unit: slow, startMs: begin },
      { feature: "feat_windows", unit: slow, startMs: begin + 90_000, activated: true },
    ]);
    await telemetry.folded();
    expect(await counts("feat_windows")).toEqual({ "treatment activation 60": 1, "treatment exposure": 2 });
    await database.pool.query(
      "update pmf_rules set version = version + 1, rule = rule || '{\"activationWindowSeconds\": 120}' where feature_id = 'feat_windows'",
    );
    await waitFor(async () => (await counts("feat_windows"))["treatment activation 120"] === 2);
    const third = newUnit();
    await telemetry.sendSpans([
      { feature: "feat_windows", unit: third, startMs: begin },
      { feature: "feat_windows", unit: third, startMs: begin + 110_000, activated: true },
    ]);
    await telemetry.folded();
    expect(await counts("feat_windows")).toEqual({ "treatment activation 120": 3, "treatment exposure": 3 });
  });

  test("a sample of spans can be queried in otel_spans", async () => {
    await createFeature(database, "feat_raw", rule);
    await telemetry.sendSpans([
      {
        feature: "feat_raw",
        unit: "rawish",
        variant: "holdout",
        durationMs: 12,
        activated: true,
        traceId: "0f".repeat(16),
      },
    ]);
    await telemetry.folded();
    const { rows } = await database.pool.query(
      `select encode(trace_id, 'hex') as trace, user_id, cohort, name, duration_ms, failed, http_status, action_taken
       from otel_spans where feature_id = 'feat_raw'`,
    );
    expect(rows).toEqual([
      {
        trace: "0f".repeat(16),
        user_id: "rawish",
        cohort: "holdout",
        name: "GET /",
        duration_ms: 12,
        failed: false,
        http_status: null,
        action_taken: true,
      },
    ]);
  });

  test("the lag is zero again when everything is folded", async () => {
    await telemetry.folded();
    await waitFor(async () => telemetry.fold?.lagSeconds() === 0);
  });
});
