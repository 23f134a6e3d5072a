// Spans that the edge writes, read by the origin and by protobufjs.
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { encodeFeatureAttributes } from "../../../edge/telemetry/otlp-encoding.ts";
import { SpanWriter, type Batch, type RequestSpans } from "../../../edge/telemetry/span-writer.ts";
import { readProtobuf } from "../../../origin/ingest/otlp-protobuf.ts";
import { SpanBatch } from "../../../origin/ingest/span-batch.ts";
import type { SpanFields } from "../../../origin/ingest/span-fields.ts";
import { bytesOf } from "../../../origin/span-log/bytes.ts";
import { otlpJson } from "../../fuzz/bodies.ts";

const ISOLATE = Uint8Array.from({ length: 12 }, (_, i) => 0xa0 + i);

const write = (requests: readonly RequestSpans[]): Batch[] => {
  const batches: Batch[] = [];
  const writer = new SpanWriter({
    region: "weur",
    random: (bytes) => ISOLATE.slice(0, bytes),
    full: (batch) => batches.push(batch),
  });
  for (const request of requests) writer.write(request);
  return [...batches, writer.take()];
};

const text = ({ view, start, end }: SpanFields["unit"]): string =>
  start < 0 ? "" : bytesOf(view, start, end).toString();

/** The spans that the origin's own decoder finds. */
const read = ({ body }: Batch) => {
  const batch = new SpanBatch(() => true);
  expect(readProtobuf(body, "traces", batch)).toBe(null);
  return batch.items.slice(0, batch.count).map((fields) => ({
    startMs: fields.startMs,
    durationUs: fields.durationUs,
    failed: fields.failed,
    noExposure: fields.noExposure,
    isDocument: fields.isDocument,
    unfinished: fields.unfinished,
    hasNetwork: fields.network !== -1,
    feature: text(fields.feature),
    unit: text(fields.unit),
    variant: text(fields.variant),
    epoch: fields.epoch,
    acted: fields.activated,
    bot: fields.bot,
    captchaScore: Number.isNaN(fields.captchaScore) ? null : fields.captchaScore,
    status: fields.httpStatus,
    ids: [fields.traceLength, fields.spanLength],
  }));
};

type Feature = { id: string; variant: "treatment" | "holdout"; epoch: number };
type Observed = Omit<RequestSpans, "features"> & { features: Feature[] };

const toSpans = ({ features, ...request }: Observed): RequestSpans => ({
  ...request,
  features: features.map(({ id, variant, epoch }) => encodeFeatureAttributes(id, variant, epoch)),
});

const id = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const observed: fc.Arbitrary<Observed> = fc.record({
  parent: fc.option(fc.record({ traceId: id(16), spanId: id(8) })),
  name: fc.constantFrom("GET", "POST", "PROPFIND"),
  startMs: fc.integer({ min: 1, max: 4_102_444_800_000 }),
  says: fc.oneof(
    fc.constantFrom("exposure" as const, "activation" as const),
    fc.record({
      kind: fc.constantFrom("document", "fetch"),
      durationMs: fc.integer({ min: 0, max: 600_000 }),
      status: fc.option(fc.integer({ min: 100, max: 599 })),
      isBroken: fc.boolean(),
      isUnfinished: fc.boolean(),
    }),
  ),
  unitId: fc.oneof(
    fc.string({ minLength: 1, maxLength: 256, unit: "grapheme-ascii" }),
    fc.string({ minLength: 1, maxLength: 100, unit: "grapheme" }),
  ),
  network: fc.option(fc.stringMatching(/^[0-9a-f]{16}$/)),
  isBot: fc.boolean(),
  captchaScore: fc.option(fc.integer({ min: 0, max: 100 }).map((hundredths) => hundredths / 100)),
  features: fc.array(
    fc.record({
      id: fc.stringMatching(/^[a-z0-9_]{1,128}$/),
      variant: fc.constantFrom("treatment", "holdout"),
      epoch: fc.integer({ min: 1, max: 2 ** 31 }),
    }),
    { maxLength: 20 },
  ),
});

test("the origin reads every field that the edge has written, span for span", () => {
  fc.assert(
    fc.property(fc.array(observed, { maxLength: 80 }), (all) => {
      const expected = all.flatMap(({ features, ...visit }) => {
        const end = typeof visit.says === "string" ? null : visit.says;
        const status = end?.status ?? 0;
        return features.map((feature) => ({
          startMs: visit.startMs,
          durationUs: end === null ? -1 : end.durationMs * 1_000,
          failed: end?.isBroken === true || status >= 500 || status === 431,
          noExposure: visit.says !== "exposure",
          isDocument: end?.kind === "document",
          unfinished: end?.isUnfinished === true,
          hasNetwork: visit.network !== null,
          feature: feature.id,
          unit: visit.unitId,
          variant: feature.variant,
          epoch: feature.epoch,
          acted: visit.says === "activation",
          bot: visit.isBot,
          captchaScore: visit.captchaScore,
          status,
          ids: [16, 8],
        }));
      });
      const batches = write(all.map(toSpans));
      expect(batches.flatMap(read)).toEqual(expected);
      expect(batches.reduce((sum, { spans }) => sum + spans, 0)).toBe(expected.length);
    }),
    { numRuns: 100 },
  );
});

const visit: Observed = {
  parent: null,
  name: "GET",
  startMs: 1_790_000_000_123.25,
  says: { kind: "document", durationMs: 12.5, status: 503, isBroken: false, isUnfinished: true },
  unitId: 'unit "7"',
  network: "0123456789abcdef",
  isBot: true,
  captchaScore: 0.3,
  features: [{ id: "feat_0", variant: "treatment", epoch: 1 }],
};

type Decoded = {
  resourceSpans: {
    resource: unknown;
    scopeSpans: { scope: unknown; spans: { traceId: string; spanId: string }[] }[];
  }[];
};

const decode = ({ body }: Batch): Decoded => JSON.parse(otlpJson(Buffer.from(body)).toString());

test("protobufjs reads the fields of the standard", () => {
  const [batch] = write([toSpans(visit)]);
  expect(decode(batch!)).toEqual({
    resourceSpans: [
      {
        resource: {
          attributes: [
            { key: "service.name", value: { stringValue: "sluice-edge" } },
            { key: "cloud.region", value: { stringValue: "weur" } },
            { key: "sluice.dropped_spans", value: { intValue: "0" } },
          ],
        },
        scopeSpans: [
          {
            scope: { name: "sluice" },
            spans: [
              {
                traceId: "a0a1a2a3a4a5a6a7a8a9aaab00000001",
                spanId: "a0a1a2a300000002",
                name: "GET",
                kind: 2,
                startTimeUnixNano: "1790000000123250000",
                endTimeUnixNano: "1790000000135750000",
                attributes: [
                  { key: "feature_flag.context.id", value: { stringValue: 'unit "7"' } },
                  { key: "sluice.network", value: { stringValue: "0123456789abcdef" } },
                  { key: "is_bot", value: { boolValue: true } },
                  { key: "captcha_score", value: { doubleValue: 0.3 } },
                  { key: "sluice.request", value: { stringValue: "document" } },
                  { key: "sluice.exposure", value: { boolValue: false } },
                  { key: "sluice.unfinished", value: { boolValue: true } },
                  { key: "http.response.status_code", value: { intValue: "503" } },
                  { key: "feature_flag.key", value: { stringValue: "feat_0" } },
                  { key: "feature_flag.result.variant", value: { stringValue: "treatment" } },
                  { key: "sluice.epoch", value: { intValue: "1" } },
                ],
                status: { code: 2 },
              },
            ],
          },
        ],
      },
    ],
  });
});

test.each([1, 127, 128, 1_000_000, 2 ** 34])(
  "a batch tells of %d dropped spans, and the next one does not",
  (dropped) => {
    const writer = new SpanWriter({
      region: "weur",
      random: (bytes) => ISOLATE.slice(0, bytes),
      full: () => undefined,
    });
    writer.droppedSpans = dropped;
    writer.write(toSpans(visit));
    const told = [writer.take(), writer.take()].map((batch) => JSON.stringify(decode(batch)));
    expect(told[0]).toContain(`{"key":"sluice.dropped_spans","value":{"intValue":"${dropped}"}}`);
    expect(told[1]).toContain(`{"key":"sluice.dropped_spans","value":{"intValue":"0"}}`);
  },
);

test("span ids are unique over batches, and the spans of a request share a trace", () => {
  const features = Array.from({ length: 40 }, (): Feature => visit.features[0]!);
  const batches = write(Array.from({ length: 50 }, () => toSpans({ ...visit, features })));
  expect(batches.length).toBeGreaterThan(2);
  const spans = batches.flatMap((batch) => decode(batch).resourceSpans[0]?.scopeSpans[0]?.spans ?? []);
  expect(new Set(spans.map(({ spanId }) => spanId)).size).toBe(2_000);
  const perTrace = Map.groupBy(spans, ({ traceId }) => traceId);
  expect(perTrace.size).toBe(50);
  expect([...perTrace.values()].every((ofOne) => ofOne.length === 40)).toBe(true);
});
