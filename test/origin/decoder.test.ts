// The hand-written decoder against protobufjs on valid requests, and against requests that no honest client sends.
import { Agent, request } from "node:http";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readJson } from "../../origin/ingest/otlp-json.ts";
import { readProtobuf } from "../../origin/ingest/otlp-protobuf.ts";
import { SpanBatch } from "../../origin/ingest/span-batch.ts";
import type { SpanFields } from "../../origin/ingest/span-fields.ts";
import { bytesOf } from "../../origin/span-log/bytes.ts";
import { encodeRequest, fuzzBody, gzipBomb, makeRandom, otlpJson, validRequest } from "../fuzz/bodies.ts";
import { makeTestDatabase, type TestDatabase } from "../support/database.ts";
import { createFeature, INGEST_TOKEN, startTelemetry, type TestTelemetry } from "../support/telemetry.ts";

const text = ({ view, start, end }: SpanFields["unit"]): string =>
  start < 0 ? "" : bytesOf(view, start, end).toString("utf8");

const plain = (fields: SpanFields) => ({
  trace: bytesOf(fields.view, fields.traceAt, fields.traceAt + fields.traceLength).toString("hex"),
  span: bytesOf(fields.view, fields.spanAt, fields.spanAt + fields.spanLength).toString("hex"),
  name: bytesOf(fields.view, fields.nameStart, fields.nameEnd).toString("utf8"),
  startMs: fields.startMs,
  durationUs: fields.durationUs,
  failed: fields.failed,
  feature: text(fields.feature),
  unit: text(fields.unit),
  variant: text(fields.variant),
  epoch: fields.epoch,
  acted: fields.activated,
  bot: fields.bot,
  status: fields.httpStatus,
});

/** All spans of the body, also those that have nothing to do with a feature. */
const readAll = (read: typeof readProtobuf, body: Buffer) => {
  const batch = new SpanBatch(() => true);
  expect(read(body, "traces", batch)).toBeNull();
  return batch.items.slice(0, batch.count).map(plain);
};

describe("the protobuf decoder", () => {
  test("finds in 500 requests what protobufjs finds, by way of the JSON reader", () => {
    for (let seed = 0; seed < 500; seed++) {
      const body = encodeRequest(validRequest(makeRandom(seed)));
      expect(readAll(readProtobuf, body), `seed ${seed}`).toEqual(readAll(readJson, otlpJson(body)));
    }
  });

  test("a body that is cut anywhere is malformed, never an exception", () => {
    const body = encodeRequest({
      resourceSpans: [{ scopeSpans: [{ spans: [{ name: "GET /", traceId: Buffer.alloc(16, 1) }] }] }],
    });
    for (let length = 1; length < body.length; length++)
      expect(
        readProtobuf(body.subarray(0, length), "traces", new SpanBatch(() => true)),
        `${length} bytes`,
      ).toEqual(expect.any(String));
  });
});

describe("bodies that no honest client sends", () => {
  let database: TestDatabase;
  let telemetry: TestTelemetry;
  beforeAll(async () => {
    database = await makeTestDatabase();
    telemetry = await startTelemetry(database, { fold: false });
    await createFeature(database, "feat_fuzz");
  });
  afterAll(async () => {
    await telemetry.stop();
    await database.drop();
  });

  const agent = new Agent({ keepAlive: true, maxSockets: 8 });
  const post = (body: Buffer, headers: Readonly<Record<string, string>>): Promise<number> =>
    new Promise((resolve, reject) => {
      const sent = request(
        `${telemetry.url}/v1/traces`,
        {
          agent,
          method: "POST",
          headers: { authorization: `Bearer ${INGEST_TOKEN}`, "content-length": body.length, ...headers },
        },
        (response) => {
          response.resume();
          response.on("end", () => resolve(response.statusCode ?? 0));
        },
      );
      sent.on("error", reject);
      sent.end(body);
    });

  test("are answered with a 4xx each where they cannot be valid, and never with a 5xx", async () => {
    const wrong: string[] = [];
    for (let seed = 0; seed < 3_000; seed += 8) {
      await Promise.all(
        Array.from({ length: 8 }, async (_, i) => {
          const { kind, body, headers, mustFail } =
            seed % 500 === 0 && i === 0 ? gzipBomb() : fuzzBody(seed + i);
          const status = await post(body, headers);
          if (!(status >= 400 && status < 500) && (mustFail || status !== 200))
            wrong.push(`seed ${seed + i}, ${kind}: ${status}`);
        }),
      );
    }
    expect(wrong).toEqual([]);
  });
});
