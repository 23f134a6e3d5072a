// The hand-written decoder of protobuf against protobufjs.
import { describe, expect, test } from "vitest";
import { readJson } from "../../../origin/ingest/otlp-json.ts";
import { readProtobuf } from "../../../origin/ingest/otlp-protobuf.ts";
import { SpanBatch } from "../../../origin/ingest/span-batch.ts";
import type { SpanFields } from "../../../origin/ingest/span-fields.ts";
import { bytesOf } from "../../../origin/span-log/bytes.ts";
import { encodeRequest, makeRandom, otlpJson, validRequest } from "../../fuzz/bodies.ts";

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
  noExposure: fields.noExposure,
  isDocument: fields.isDocument,
  unfinished: fields.unfinished,
  network: fields.network,
});

/** All spans of the body, also those that have nothing to do with a feature. */
const readAll = (read: typeof readProtobuf, body: Buffer) => {
  const batch = new SpanBatch(() => true);
  expect(read(body, "traces", batch)).toBeNull();
  return batch.items.slice(0, batch.count).map(plain);
};

const resourcesOf = (read: typeof readProtobuf, body: Buffer) => {
  const batch = new SpanBatch(() => true);
  expect(read(body, "traces", batch)).toBeNull();
  return batch.resources;
};

describe("the protobuf decoder", () => {
  test("reads 500 random requests as protobufjs and the JSON reader do", () => {
    let named = 0;
    for (let seed = 0; seed < 500; seed++) {
      const body = encodeRequest(validRequest(makeRandom(seed)));
      expect(readAll(readProtobuf, body), `seed ${seed}`).toEqual(readAll(readJson, otlpJson(body)));
      const resources = resourcesOf(readProtobuf, body);
      expect(resources, `seed ${seed}`).toEqual(resourcesOf(readJson, otlpJson(body)));
      named += resources.length;
    }
    expect(named).toBeGreaterThan(10);
  });

  test.each([
    [0n, "0"],
    [-1n, "-1"],
    [9_007_199_254_740_991n, "9007199254740991"],
    [9_007_199_254_740_993n, "9007199254740993"],
    [-9_007_199_254_740_993n, "-9007199254740993"],
    [9_223_372_036_854_775_807n, "9223372036854775807"],
    [-9_223_372_036_854_775_808n, "-9223372036854775808"],
  ])("reads the integer %s of a user id as the text %s", (integer, unit) => {
    const varint = (value: bigint): number[] =>
      value < 0x80n ? [Number(value)] : [Number(value & 0x7fn) | 0x80, ...varint(value >> 7n)];
    const message = (field: number, content: readonly number[]): number[] => [
      field * 8 + 2,
      ...varint(BigInt(content.length)),
      ...content,
    ];
    const value = [3 * 8, ...varint(BigInt.asUintN(64, integer))];
    const attributes = message(9, [...message(1, [...Buffer.from("user_id")]), ...message(2, value)]);
    const body = Buffer.from(message(1, message(2, message(2, attributes))));
    expect(readAll(readProtobuf, body)).toMatchObject([{ unit }]);
  });

  test("calls a body that is cut anywhere malformed, and never throws", () => {
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
