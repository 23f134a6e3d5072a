// Makes OTLP bodies that no honest client sends, from valid requests.
import { gzipSync } from "node:zlib";
import protobuf from "protobufjs";

/** The parts of opentelemetry-proto (v1) that are used here, for protobufjs: another reader and writer of the format. */
const schema = protobuf.parse(`
  syntax = "proto3";
  message AnyValue { oneof value { string string_value = 1; bool bool_value = 2; int64 int_value = 3;
    double double_value = 4; ArrayValue array_value = 5; KeyValueList kvlist_value = 6; bytes bytes_value = 7; } }
  message ArrayValue { repeated AnyValue values = 1; }
  message KeyValueList { repeated KeyValue values = 1; }
  message KeyValue { string key = 1; AnyValue value = 2; }
  message Status { string message = 2; int32 code = 3; }
  message Event { fixed64 time_unix_nano = 1; string name = 2; repeated KeyValue attributes = 3; }
  message Span { bytes trace_id = 1; bytes span_id = 2; string trace_state = 3; bytes parent_span_id = 4;
    string name = 5; int32 kind = 6; fixed64 start_time_unix_nano = 7; fixed64 end_time_unix_nano = 8;
    repeated KeyValue attributes = 9; uint32 dropped_attributes_count = 10; repeated Event events = 11;
    Status status = 15; fixed32 flags = 16; }
  message Scope { string name = 1; string version = 2; }
  message ScopeSpans { Scope scope = 1; repeated Span spans = 2; string schema_url = 3; }
  message Resource { repeated KeyValue attributes = 1; }
  message ResourceSpans { Resource resource = 1; repeated ScopeSpans scope_spans = 2; string schema_url = 3; }
  message TracesData { repeated ResourceSpans resource_spans = 1; }
`).root;
const TracesData = schema.lookupType("TracesData");

/** OTLP's JSON of a request that protobufjs has decoded: ids in hex instead of base64. */
export const otlpJson = (body: Buffer): Buffer => {
  const decoded = TracesData.toObject(TracesData.decode(body), { longs: String, bytes: Buffer }) as unknown;
  return Buffer.from(
    JSON.stringify(decoded, (_key, value: unknown) => {
      const isBuffer =
        typeof value === "object" &&
        value !== null &&
        "type" in value &&
        value.type === "Buffer" &&
        "data" in value;
      return isBuffer ? Buffer.from(value as never).toString("hex") : value;
    }),
  );
};

/** Deterministic randomness: a failing body can be made again from its seed (mulberry32). */
export const makeRandom = (seed: number): (() => number) => {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
};
export type Random = ReturnType<typeof makeRandom>;

const below = (random: Random, limit: number): number => Math.floor(random() * limit);
const bytes = (random: Random, length: number): Buffer =>
  Buffer.from(Array.from({ length }, () => below(random, 256)));
const pick = <T>(random: Random, list: readonly [T, ...T[]]): T =>
  list[below(random, list.length)] ?? list[0];

const attribute = (random: Random) =>
  pick<() => object>(random, [
    () => ({ key: "feature_flag.key", value: { stringValue: "feat_fuzz" } }),
    () => ({ key: "feature_flag.context.id", value: { stringValue: `unit ${below(random, 1e6)} ü` } }),
    () => ({ key: "user_id", value: { intValue: below(random, 1e9) } }),
    () => ({
      key: "feature_flag.result.variant",
      value: { stringValue: pick(random, ["treatment", "holdout", "off"]) },
    }),
    () => ({ key: "sluice.epoch", value: { intValue: below(random, 3) } }),
    () => ({ key: "action_taken", value: { boolValue: random() < 0.5 } }),
    () => ({ key: "captcha_score", value: { doubleValue: random() } }),
    () => ({ key: "http.response.status_code", value: { intValue: 200 + below(random, 400) } }),
    () => ({ key: "sluice.exposure", value: { boolValue: random() < 0.5 } }),
    () => ({ key: "sluice.request", value: { stringValue: random() < 0.5 ? "document" : "fetch" } }),
    () => ({ key: "sluice.unfinished", value: { boolValue: random() < 0.5 } }),
    () => ({ key: "sluice.network", value: { stringValue: bytes(random, 8).toString("hex") } }),
    () => ({ key: "cloud.region", value: { stringValue: pick(random, ["weur", "enam", ""]) } }),
    () => ({ key: "sluice.dropped_spans", value: { intValue: below(random, 1e6) - 10 } }),
    () => ({ key: "some.list", value: { arrayValue: { values: [{ stringValue: "a" }, { intValue: -5 }] } } }),
    () => ({ key: "some.bytes", value: { bytesValue: bytes(random, below(random, 20)) } }),
    // Lengths around 128, where they begin to take two bytes.
    () => ({
      key: "feature_flag.context.id",
      value: { stringValue: "u".repeat(120 + below(random, 12)) },
    }),
    () => ({ key: "k".repeat(below(random, 140)), value: { stringValue: "v".repeat(below(random, 140)) } }),
    () => ({ key: "", value: {} }),
  ])();

/** A valid export request as protobufjs knows it. */
export const validRequest = (random: Random) => {
  const list = <T>(most: number, make: () => T): T[] => Array.from({ length: below(random, most + 1) }, make);
  const nowNs = BigInt(Date.now() - below(random, 100_000)) * 1_000_000n;
  return {
    resourceSpans: list(2, () => ({
      resource: { attributes: list(2, () => attribute(random)) },
      scopeSpans: list(2, () => ({
        scope: { name: "fuzz", version: "1" },
        spans: list(4, () => ({
          traceId: bytes(random, 16),
          spanId: bytes(random, 8),
          parentSpanId: bytes(random, 8),
          name: `GET /${below(random, 100)}`,
          kind: 2,
          startTimeUnixNano: nowNs.toString(),
          endTimeUnixNano: (nowNs + BigInt(below(random, 2e9))).toString(),
          attributes: list(8, () => attribute(random)),
          events: list(1, () => ({ name: "event", attributes: [attribute(random)] })),
          status: random() < 0.2 ? { code: 2, message: "broke" } : { code: 0 },
        })),
      })),
    })),
  };
};

export const encodeRequest = (request: object): Buffer =>
  Buffer.from(TracesData.encode(TracesData.fromObject(request)).finish());

export type FuzzBody = {
  readonly kind: string;
  readonly body: Buffer;
  readonly headers: Readonly<Record<string, string>>;
  /** Whether it must be refused; others may turn out to be valid by chance. */
  readonly mustFail: boolean;
};

const PROTOBUF = { "content-type": "application/x-protobuf" };
const JSON_TYPE = { "content-type": "application/json" };

/** A request with at least one span, so that there is something to break. */
const filled = (random: Random): Buffer => {
  const span = {
    traceId: bytes(random, 16),
    spanId: bytes(random, 8),
    name: "GET /",
    attributes: [attribute(random), attribute(random), attribute(random)],
  };
  return encodeRequest({ resourceSpans: [{ scopeSpans: [{ spans: [span] }] }] });
};

const kinds: readonly [(random: Random) => FuzzBody, ...((random: Random) => FuzzBody)[]] = [
  (random) => {
    const whole = filled(random);
    const body = whole.subarray(0, 1 + below(random, whole.length - 1));
    return { kind: "cut protobuf", body, headers: PROTOBUF, mustFail: true };
  },
  (random) => {
    const body = Buffer.from([(1 << 3) | pick(random, [0, 1, 3, 4, 5, 6, 7]), ...bytes(random, 12)]);
    return { kind: "wrong wire type", body, headers: PROTOBUF, mustFail: true };
  },
  (random) => {
    const body = Buffer.concat([Buffer.from([0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f]), bytes(random, 30)]);
    return { kind: "huge length", body, headers: PROTOBUF, mustFail: true };
  },
  (random) => ({
    kind: "endless number",
    body: Buffer.concat([Buffer.alloc(1 + below(random, 40), 0xff), Buffer.from([0xff])]),
    headers: PROTOBUF,
    mustFail: true,
  }),
  (random) => {
    const body = encodeRequest({
      resourceSpans: [
        { scopeSpans: [{ spans: [{ attributes: [{ key: "user_id", value: { stringValue: "~~~~" } }] }] }] },
      ],
    });
    body[body.indexOf("~~~~") + below(random, 4)] = pick(random, [0xff, 0xc0, 0x80]);
    return { kind: "text that is not UTF-8", body, headers: PROTOBUF, mustFail: true };
  },
  (random) => {
    const body = Buffer.from(filled(random));
    for (let n = 1 + below(random, 5); n > 0; n--) body[below(random, body.length)] = below(random, 256);
    return { kind: "changed bytes", body, headers: PROTOBUF, mustFail: false };
  },
  (random) => ({
    kind: "noise",
    body: bytes(random, 1 + below(random, 300)),
    headers: PROTOBUF,
    mustFail: false,
  }),
  (random) => ({
    kind: "deep JSON",
    body: Buffer.from(pick(random, ["[", '{"a":']).repeat(1 + below(random, 20_000))),
    headers: JSON_TYPE,
    mustFail: true,
  }),
  (random) => {
    const whole = Buffer.from(JSON.stringify(validRequest(random)));
    const body = whole.subarray(0, below(random, whole.length));
    return { kind: "cut JSON", body, headers: JSON_TYPE, mustFail: true };
  },
  (random) => ({
    kind: "JSON of a wrong shape",
    body: Buffer.from(
      JSON.stringify(
        pick<unknown>(random, [
          { resourceSpans: 1 },
          { resourceSpans: [1] },
          { resourceSpans: [{ scopeSpans: [{ spans: [{ traceId: 7 }] }] }] },
          { resourceSpans: [{ scopeSpans: [{ spans: [{ traceId: "zz" }] }] }] },
          { resourceSpans: [{ scopeSpans: [{ spans: [{ startTimeUnixNano: "-1" }] }] }] },
          { resourceSpans: [{ scopeSpans: [{ spans: [{ attributes: [{ key: 1 }] }] }] }] },
          null,
          "text",
        ]),
      ),
    ),
    headers: JSON_TYPE,
    mustFail: true,
  }),
  (random) => ({
    kind: "broken gzip",
    body: gzipSync(filled(random)).subarray(0, 12 + below(random, 20)),
    headers: { ...PROTOBUF, "content-encoding": "gzip" },
    mustFail: true,
  }),
];

let bomb: Buffer | undefined;
/** 9 MB of zeros in 9 KB; made once, it is the expensive one. */
export const gzipBomb = (): FuzzBody => ({
  kind: "gzip bomb",
  body: (bomb ??= gzipSync(Buffer.alloc(9 * 2 ** 20))),
  headers: { ...PROTOBUF, "content-encoding": "gzip" },
  mustFail: true,
});

export const fuzzBody = (seed: number): FuzzBody => {
  const random = makeRandom(seed);
  return pick(random, kinds)(random);
};
