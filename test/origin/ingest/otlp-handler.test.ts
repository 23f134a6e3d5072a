// OTLP/HTTP as opentelemetry-proto's docs/specification.md describes it, against the real handler and PostgreSQL, with
// OpenTelemetry's own exporters as clients.
import { gzipSync, zstdCompressSync } from "node:zlib";
import { SpanKind, SpanStatusCode } from "@opentelemetry/api";
import { OTLPLogExporter as JsonLogExporter } from "@opentelemetry/exporter-logs-otlp-http";
import { OTLPLogExporter as ProtoLogExporter } from "@opentelemetry/exporter-logs-otlp-proto";
import { OTLPTraceExporter as JsonTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { OTLPTraceExporter as ProtoTraceExporter } from "@opentelemetry/exporter-trace-otlp-proto";
import { CompressionAlgorithm } from "@opentelemetry/otlp-exporter-base";
import { BatchLogRecordProcessor, LoggerProvider } from "@opentelemetry/sdk-logs";
import { BasicTracerProvider, BatchSpanProcessor } from "@opentelemetry/sdk-trace-base";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { makeTestDatabase, type TestDatabase } from "../../support/database.ts";
import { jsonRequest, jsonSpan, newUnit } from "../../support/otlp-spans.ts";
import { createFeature, INGEST_TOKEN, startTelemetry, type TestTelemetry } from "../../support/telemetry.ts";

let database: TestDatabase;
let telemetry: TestTelemetry;

beforeAll(async () => {
  database = await makeTestDatabase();
  telemetry = await startTelemetry(database);
  await createFeature(database, "feat_otlp");
});
afterAll(async () => {
  await telemetry.stop();
  await database.drop();
});

const exposures = async (featureId: string) => {
  const { rows } = await database.pool.query<{ user_id: string; cohort: string }>(
    "select user_id, cohort from feature_exposures where feature_id = $1 order by user_id",
    [featureId],
  );
  return rows;
};

/** Spans and log records that were accepted so far. */
const accepted = async (): Promise<number> => {
  const text = await telemetry.metrics.registry.getSingleMetricAsString("sluice_ingest_spans_total");
  return Number(/result="accepted"\} (\d+)/.exec(text)?.[1] ?? 0);
};

const PROTOBUF = "application/x-protobuf";
const JSON_TYPE = "application/json";
const valid = () => JSON.stringify(jsonRequest([{ feature: "feat_otlp", unit: newUnit() }]));

describe("an OTLP request", () => {
  const refused: [string, number, string, () => string | Uint8Array<ArrayBuffer>, Record<string, string>][] =
    [
      ["no token", 401, "/v1/traces", valid, { authorization: "" }],
      ["a wrong token", 401, "/v1/logs", valid, { authorization: "Bearer wrong-token" }],
      ["another content type", 415, "/v1/traces", valid, { "content-type": "text/plain" }],
      ["another compression", 415, "/v1/traces", valid, { "content-encoding": "br" }],
      ["text that is no JSON", 400, "/v1/traces", () => "{", {}],
      ["JSON that is no object", 400, "/v1/traces", () => "[]", {}],
      ["spans that are no list", 400, "/v1/traces", () => '{"resourceSpans":{"a":1}}', {}],
      [
        "JSON that is not UTF-8",
        400,
        "/v1/traces",
        () => Uint8Array.from([0x7b, 0x22, 0xff, 0x22, 0x7d]),
        {},
      ],
      ["deep JSON", 400, "/v1/traces", () => "[".repeat(1_000_000), {}],
      [
        "cut protobuf",
        400,
        "/v1/traces",
        () => Uint8Array.from([0x0a, 0x05, 0x12]),
        { "content-type": PROTOBUF },
      ],
      [
        "a wrong wire type",
        400,
        "/v1/logs",
        () => Uint8Array.from([0x08, 0x01]),
        { "content-type": PROTOBUF },
      ],
      ["gzip that is not gzip", 400, "/v1/traces", valid, { "content-encoding": "gzip" }],
      [
        "a body above 8 MB",
        413,
        "/v1/traces",
        () => new Uint8Array(8 * 2 ** 20 + 1),
        { "content-type": PROTOBUF },
      ],
      [
        "a gzip bomb",
        413,
        "/v1/traces",
        () => new Uint8Array(gzipSync(new Uint8Array(64 * 2 ** 20))),
        { "content-encoding": "gzip" },
      ],
      ["zstd that is not zstd", 400, "/v1/traces", valid, { "content-encoding": "zstd" }],
      [
        "something after a zstd frame, which would be left out",
        400,
        "/v1/traces",
        () => new Uint8Array(Buffer.concat([zstdCompressSync(valid()), Buffer.from("{}")])),
        { "content-encoding": "zstd" },
      ],
      [
        "a zstd bomb",
        413,
        "/v1/traces",
        () => new Uint8Array(zstdCompressSync(new Uint8Array(64 * 2 ** 20))),
        { "content-encoding": "zstd" },
      ],
    ];
  test.each(refused)(
    "with %s is answered with %i and a Status",
    async (_what, status, path, body, headers) => {
      const response = await telemetry.send(path, body(), headers);
      expect(response.status).toBe(status);
      if (response.headers.get("content-type") === JSON_TYPE) {
        const document: unknown = await response.json();
        expect(document).toEqual({ code: expect.any(Number), message: expect.any(String) });
      } else {
        // Status: field 1 is the code, field 2 the message
        const bytes = new Uint8Array(await response.arrayBuffer());
        expect(bytes[0]).toBe(0x08);
        expect(bytes[2]).toBe(0x12);
      }
    },
  );

  test("is answered in its own content type, a full success with an empty message", async () => {
    const json = await telemetry.send("/v1/traces", valid());
    expect([json.status, json.headers.get("content-type"), await json.text()]).toEqual([
      200,
      JSON_TYPE,
      "{}",
    ]);
    const proto = await telemetry.send("/v1/traces", new Uint8Array(), { "content-type": PROTOBUF });
    expect([proto.status, proto.headers.get("content-type"), await proto.text()]).toEqual([
      200,
      PROTOBUF,
      "",
    ]);
    const charset = await telemetry.send("/v1/logs", "{}", {
      "content-type": "application/json; charset=utf-8",
    });
    expect(charset.status).toBe(200);
  });

  test("packed by zstd is counted as it is unpacked", async () => {
    const before = await accepted();
    const json = Buffer.from(valid());
    // Half of it in each frame, and an empty third one, as Node's stream ends.
    const halves = [json.subarray(0, 99), json.subarray(99), Buffer.alloc(0)];
    const body = new Uint8Array(Buffer.concat(halves.map((half) => zstdCompressSync(half))));
    const answer = await telemetry.send("/v1/traces", body, { "content-encoding": "zstd" });
    expect([answer.status, await answer.text()]).toEqual([200, "{}"]);
    expect(await accepted()).toBe(before + 1);
  });

  test("with another method gets 405, to another path 404", async () => {
    expect((await fetch(`${telemetry.url}/v1/traces`)).status).toBe(405);
    expect((await telemetry.send("/v1/profiles", "{}")).status).toBe(404);
  });

  test("of metrics is read to its end and gets an answer that no exporter retries, in its own encoding", async () => {
    const large = Buffer.alloc(4 * 2 ** 20, 0x0a);
    for (const type of ["application/json", "application/x-protobuf"]) {
      const answer = await telemetry.send("/v1/metrics", large, { "content-type": type });
      // 429, 502, 503 and 504 are retried (OTLP specification, "Retryable Response Codes").
      expect(answer.status).toBe(404);
      expect(answer.headers.get("retry-after")).toBeNull();
      expect(answer.headers.get("content-type")).toBe(type);
      expect(answer.headers.get("connection")).not.toBe("close");
      expect(await answer.text()).toContain("traces and logs are taken here, metrics are not");
    }
    expect((await telemetry.send("/v1/metrics", "{}", { authorization: "Bearer wrong" })).status).toBe(401);
  });

  test("in the forms of OpenTelemetry's own examples is counted: numbers for times and integers, upper-case ids, lists and maps", async () => {
    await createFeature(database, "feat_forms");
    const unit = newUnit();
    const at = `${Date.now()}000000`;
    const attributes = `[
      {"key": "feature_flag.key", "value": {"stringValue": "feat_forms"}},
      {"key": "feature_flag.context.id", "value": {"stringValue": "${unit}"}},
      {"key": "sluice.epoch", "value": {"intValue": 1}},
      {"key": "a.double", "value": {"doubleValue": 637.704}},
      {"key": "a.list", "value": {"arrayValue": {"values": [{"stringValue": "many"}, {"stringValue": "values"}]}}},
      {"key": "a.map", "value": {"kvlistValue": {"values": [{"key": "some.key", "value": {"stringValue": "some value"}}]}}}
    ]`;
    const scope = `"scope": {"name": "a.library", "version": "1.0.0", "attributes": [
      {"key": "a.scope.attribute", "value": {"stringValue": "some scope attribute"}}]}`;
    const resource = `"resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "a.service"}}]}`;
    const spans = `{"resourceSpans": [{${resource}, "scopeSpans": [{${scope}, "spans": [{
      "traceId": "5B8EFFF798038103D269B633813FC60C", "spanId": "EEE19B7EC3C1B174", "parentSpanId": "EEE19B7EC3C1B173",
      "name": "a server span", "startTimeUnixNano": ${at}, "endTimeUnixNano": ${at}, "kind": 2,
      "attributes": ${attributes}}]}]}]}`;
    const logs = `{"resourceLogs": [{${resource}, "scopeLogs": [{${scope}, "logRecords": [{
      "timeUnixNano": ${at}, "observedTimeUnixNano": ${at}, "severityText": "Information",
      "traceId": "5B8EFFF798038103D269B633813FC60C", "spanId": "EEE19B7EC3C1B174",
      "body": {"stringValue": "a log record"}, "eventName": "feature_flag.evaluation", "attributes": ${attributes}}]}]}]}`;
    const acceptedBefore = await accepted();
    for (const [path, body] of [
      ["/v1/traces", spans],
      ["/v1/logs", logs],
    ] as const) {
      const answer = await telemetry.send(path, body);
      expect(answer.status).toBe(200);
      expect(await answer.json()).toEqual({});
    }
    expect((await accepted()) - acceptedBefore).toBe(2);
  });

  test("that would exceed the memory for waiting telemetry gets a 503 that says when to come back", async () => {
    const small = await startTelemetry(database, { fold: false, maxPendingBytes: 1_000 });
    const one = await small.send("/v1/traces", valid());
    expect(one.status).toBe(200);
    const many = JSON.stringify(
      jsonRequest(Array.from({ length: 20 }, () => ({ feature: "feat_otlp", unit: newUnit() }))),
    );
    const turnedAway = await small.send("/v1/traces", many);
    expect(turnedAway.status).toBe(503);
    expect(["1", "2"]).toContain(turnedAway.headers.get("retry-after"));
    expect((await small.send("/v1/traces", valid())).status).toBe(200);
    await small.stop();
    const { values } = await small.metrics.ingestRequests.get();
    expect(Object.fromEntries(values.map(({ labels, value }) => [labels.outcome, value]))).toEqual({
      stored: 2,
      keyMissing: 0,
      overloaded: 1,
      storeFailed: 0,
    });
  });

  test("has only its permanently bad spans rejected, with the reasons; the others count", async () => {
    await createFeature(database, "feat_partial");
    const unit = newUnit();
    const now = Date.now();
    const response = await telemetry.send(
      "/v1/traces",
      JSON.stringify(
        jsonRequest([
          { feature: "feat_partial", unit },
          { feature: "feat_partial", unit: newUnit(), startMs: now + 3_600_000 },
          { feature: "feat_partial", unit: newUnit(), startMs: now - 90 * 86_400_000 },
          { feature: "feat_partial", unit: newUnit(), traceId: "00".repeat(16) },
          { feature: "feat_partial", unit: newUnit(), spanId: "ab" },
          { feature: "feat_partial", unit: "a\u0000b" },
          { feature: "feat_partial", unit: "x".repeat(257) },
          { feature: "feat_partial", unit: newUnit(), bot: true },
          { feature: "feat_partial", unit: newUnit(), variant: "off" },
          { feature: "feat_partial", unit: newUnit(), variant: "blue" },
          { feature: "feat_partial", unit: newUnit(), epoch: 2 },
          { feature: "feat_partial" },
          { feature: "feat_unknown", unit: newUnit() },
          { unit: newUnit() },
        ]),
      ),
    );
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({
      partialSuccess: {
        rejectedSpans: "10",
        errorMessage:
          "1: start time more than 10 minutes ahead; 1: start time missing or more than 31 days ago; " +
          "2: trace id or span id missing, of wrong length or all zero; " +
          "2: unit id empty, longer than 256 bytes or with control characters; " +
          "1: a variant other than treatment, holdout and off; 1: an epoch of the feature that has not begun; " +
          "1: a feature is named and no unit; 1: no such feature",
      },
    });
    await telemetry.writeUncounted();
    const { rows } = await database.pool.query(
      "select feature_id, epoch, string_agg(reason || ' ' || spans, ', ' order by reason) as left_out from uncounted_signals group by 1, 2",
    );
    expect(rows).toEqual([
      {
        feature_id: "feat_partial",
        epoch: 1,
        left_out: "bad-ids 2, bad-unit 2, future 1, no-unit 1, old 1, unknown-epoch 1, unknown-variant 1",
      },
    ]);
    await telemetry.folded();
    expect(await exposures("feat_partial")).toEqual([{ user_id: unit, cohort: "treatment" }]);
  });

  test("from a clock that is minutes wrong is counted", async () => {
    await createFeature(database, "feat_skew");
    const now = Date.now();
    await telemetry.sendSpans([
      { feature: "feat_skew", unit: newUnit(), startMs: now + 5 * 60_000 },
      { feature: "feat_skew", unit: newUnit(), startMs: now - 20 * 60_000 },
    ]);
    await telemetry.folded();
    expect(await exposures("feat_skew")).toHaveLength(2);
  });

  test("may use aliases of attribute names; the standard's name wins", async () => {
    await createFeature(database, "feat_alias");
    await telemetry.sendSpans([
      { attributes: { feature_id: "feat_alias", user_id: "alias" } },
      { attributes: { feature_id: "feat_alias", "enduser.id": "enduser" } },
      { attributes: { feature_id: "feat_alias", user_id: 4711 } },
      {
        feature: "feat_alias",
        unit: "standard",
        attributes: { user_id: "second", feature_id: "feat_otlp" },
      },
    ]);
    await telemetry.folded();
    const users = (await exposures("feat_alias")).map(({ user_id: user }) => user);
    expect(users).toEqual(["4711", "alias", "enduser", "standard"]);
  });

  test("may name the variant as before OpenTelemetry's present convention; the present name wins", async () => {
    await createFeature(database, "feat_variant");
    await telemetry.sendSpans([
      { feature: "feat_variant", unit: "a", attributes: { "feature_flag.variant": "holdout" } },
      { feature: "feat_variant", unit: "b", attributes: { "feature_flag.variant": "treatment" } },
      {
        feature: "feat_variant",
        unit: "c",
        variant: "holdout",
        attributes: { "feature_flag.variant": "treatment" },
      },
    ]);
    await telemetry.folded();
    expect(await exposures("feat_variant")).toEqual([
      { user_id: "a", cohort: "holdout" },
      { user_id: "b", cohort: "treatment" },
      { user_id: "c", cohort: "holdout" },
    ]);
  });

  test("with integer user ids beyond 2^53 counts each of them as itself", async () => {
    await createFeature(database, "feat_int64");
    const ids = ["9007199254740992", "9007199254740993", "9223372036854775807", "-9223372036854775808"];
    const attribute = (key: string, value: object) => ({ key, value });
    const request = {
      resourceSpans: [
        {
          scopeSpans: [
            {
              spans: ids.map((intValue) => ({
                ...jsonSpan({ feature: "feat_int64" }),
                attributes: [
                  attribute("feature_flag.key", { stringValue: "feat_int64" }),
                  attribute("user_id", { intValue }),
                ],
              })),
            },
          ],
        },
      ],
    };
    expect((await telemetry.send("/v1/traces", JSON.stringify(request))).status).toBe(200);
    await telemetry.folded();
    expect((await exposures("feat_int64")).map(({ user_id: user }) => user)).toEqual(ids.toSorted());
  });
});

describe("OpenTelemetry's own exporters", () => {
  const headers = { authorization: `Bearer ${INGEST_TOKEN}` };
  const traceExporters = { protobuf: ProtoTraceExporter, json: JsonTraceExporter };
  const logExporters = { protobuf: ProtoLogExporter, json: JsonLogExporter };
  const cases = (["protobuf", "json"] as const).flatMap((encoding) =>
    [CompressionAlgorithm.GZIP, CompressionAlgorithm.NONE].map((compression) => ({ encoding, compression })),
  );

  test.each(cases)(
    "send spans in $encoding with compression $compression that are all counted",
    async ({ encoding, compression }) => {
      const featureId = `feat_export_${encoding}_${compression}`;
      await createFeature(database, featureId, { activationWindowSeconds: 60 });
      const exporter = new traceExporters[encoding]({
        url: `${telemetry.url}/v1/traces`,
        headers,
        compression,
      });
      const provider = new BasicTracerProvider({ spanProcessors: [new BatchSpanProcessor(exporter)] });
      const tracer = provider.getTracer("shop");
      for (let i = 0; i < 40; i++) {
        const span = tracer.startSpan("GET /products/:id", {
          kind: SpanKind.SERVER,
          attributes: {
            "feature_flag.key": featureId,
            "feature_flag.context.id": `visitor ${i % 20} é`,
            "feature_flag.result.variant": i % 20 < 15 ? "treatment" : "holdout",
            action_taken: i % 4 === 0,
            "http.response.status_code": 200,
            "some.list": ["a", "b"],
          },
        });
        span.addEvent("noted", { detail: 1 });
        if (i < 5) span.setStatus({ code: SpanStatusCode.ERROR, message: "broke" });
        span.end();
      }
      await provider.shutdown();
      await telemetry.folded();
      const found = await exposures(featureId);
      expect(found).toHaveLength(20);
      expect(found.filter(({ cohort }) => cohort === "holdout")).toHaveLength(5);
      const { rows } = await database.pool.query(
        `select sum(requests)::integer as requests, sum(errors)::integer as errors,
         (select count(*)::integer from user_actions where feature_id = $1) as acted
       from latency_sketches where feature_id = $1`,
        [featureId],
      );
      expect(rows).toEqual([{ requests: 40, errors: 5, acted: 5 }]);
    },
  );

  test.each(cases)(
    "send feature_flag.evaluation events in $encoding with compression $compression that count as exposures",
    async ({ encoding, compression }) => {
      const featureId = `feat_event_${encoding}_${compression}`;
      await createFeature(database, featureId);
      const exporter = new logExporters[encoding]({
        url: `${telemetry.url}/v1/logs`,
        headers,
        compression,
      });
      const provider = new LoggerProvider({ processors: [new BatchLogRecordProcessor({ exporter })] });
      const logger = provider.getLogger("shop");
      const attributes = {
        "feature_flag.key": featureId,
        "feature_flag.context.id": "visitor",
        "feature_flag.result.variant": "holdout",
      };
      logger.emit({ eventName: "feature_flag.evaluation", attributes });
      logger.emit({
        body: "not an evaluation",
        attributes: { ...attributes, "feature_flag.context.id": "nobody" },
      });
      await provider.shutdown();
      await telemetry.folded();
      expect(await exposures(featureId)).toEqual([{ user_id: "visitor", cohort: "holdout" }]);
      const { rows } = await database.pool.query("select from latency_sketches where feature_id = $1", [
        featureId,
      ]);
      expect(rows).toHaveLength(0);
    },
  );
});
