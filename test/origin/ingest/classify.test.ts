// The classification of one span or log record, case by case, without a database.
import { randomBytes } from "node:crypto";
import { describe, expect, test } from "vitest";
import {
  isRelevant,
  makeClassifier,
  storedReasons,
  type Classification,
} from "../../../origin/ingest/classify.ts";
import { readJson } from "../../../origin/ingest/otlp-json.ts";
import type { OtlpSignal } from "../../../origin/ingest/otlp-request.ts";
import { SpanBatch } from "../../../origin/ingest/span-batch.ts";
import { emptyFields } from "../../../origin/ingest/span-fields.ts";
import { emptyRecord } from "../../../origin/ingest/span-record.ts";
import { bytesOf, EMPTY_VIEW, viewOf } from "../../../origin/span-log/bytes.ts";
import { BOT, COHORT_MASK, HOLDOUT, TREATMENT, UNNAMED } from "../../../origin/span-log/cohort-code.ts";
import {
  ACTIVATION,
  DOCUMENT,
  FAILED,
  NETWORK,
  NO_EXPOSURE,
  RAW,
  RETURNED,
  TIMED,
  UNFINISHED,
} from "../../../origin/span-log/record.ts";
import { featureEpoch } from "../../../origin/span-log/unit-key.ts";
import { jsonSpan, type TestSpan } from "../../support/otlp-spans.ts";

const NOW = Date.UTC(2026, 10, 1);
const MINUTE = 60_000;
const DAY = 86_400_000;
const SHOP = featureEpoch("feat_shop", 3, null);
const SHOP_BEFORE = featureEpoch("feat_shop", 2, null);
const NO_FEATURE = featureEpoch("", 0, null);

const directory = {
  find: (featureId: string, epoch: number | undefined) => {
    if (featureId === "feat_new") return "unsure";
    if (featureId !== "feat_shop") return "unknown";
    if (epoch === 2) return SHOP_BEFORE;
    return (epoch ?? 3) === 3 ? SHOP : "unknown";
  },
} as const;

const batchOf = (signal: OtlpSignal, items: readonly object[]): SpanBatch => {
  const batch = new SpanBatch((fields) => isRelevant(signal, fields));
  const [resource, scope, list] =
    signal === "traces"
      ? ["resourceSpans", "scopeSpans", "spans"]
      : ["resourceLogs", "scopeLogs", "logRecords"];
  const body = { [resource]: [{ [scope]: [{ [list]: items }] }] };
  expect(readJson(Buffer.from(JSON.stringify(body)), signal, batch)).toBeNull();
  return batch;
};

const classify = (signal: OtlpSignal, item: object, raw = { sampleBps: 0, slowMs: 1_000 }) => {
  const batch = batchOf(signal, [item]);
  const record = emptyRecord(NO_FEATURE, EMPTY_VIEW);
  const [fields] = batch.items;
  if (batch.count === 0 || fields === undefined) return { classification: "irrelevant", record };
  const classifier = makeClassifier({ directory, raw, captchaThreshold: 0.5 });
  return { classification: classifier(signal, fields, NOW, record), record };
};

const span = (fields: TestSpan) =>
  jsonSpan({ feature: "feat_shop", unit: "visitor", startMs: NOW, durationMs: 20, ...fields });

describe("a span is", () => {
  const cases: [string, TestSpan, Classification | "irrelevant"][] = [
    ["accepted when it names a feature and a unit", {}, "accepted"],
    ["irrelevant without a feature", { feature: undefined as never }, "irrelevant"],
    ["rejected without a unit", { unit: undefined as never }, "noUnit"],
    ["rejected with a trace id of zeros", { traceId: "00".repeat(16) }, "badIds"],
    ["rejected with a span id of zeros", { spanId: "00".repeat(8) }, "badIds"],
    ["rejected with a short trace id", { traceId: "ab" }, "badIds"],
    ["rejected with a short span id", { spanId: "ab".repeat(7) }, "badIds"],
    [
      "accepted with a trace id whose first byte alone is set",
      { traceId: `01${"00".repeat(15)}` },
      "accepted",
    ],
    [
      "accepted with a trace id whose last byte alone is set",
      { traceId: `${"00".repeat(15)}01` },
      "accepted",
    ],
    ["accepted with a span id whose first byte alone is set", { spanId: `01${"00".repeat(7)}` }, "accepted"],
    ["accepted with a span id whose last byte alone is set", { spanId: `${"00".repeat(7)}01` }, "accepted"],
    ["accepted 10 minutes ahead", { startMs: NOW + 10 * MINUTE }, "accepted"],
    ["rejected more than 10 minutes ahead", { startMs: NOW + 10 * MINUTE + 1 }, "future"],
    ["accepted at an age of 31 days", { startMs: NOW - 31 * DAY }, "accepted"],
    ["rejected at an age above 31 days", { startMs: NOW - 31 * DAY - 1 }, "old"],
    ["rejected without a start time", { startMs: 0 }, "old"],
    ["rejected with an empty unit", { unit: "" }, "badUnit"],
    ["accepted with a unit of 256 bytes", { unit: "x".repeat(256) }, "accepted"],
    ["rejected with a unit of 257 bytes", { unit: "x".repeat(257) }, "badUnit"],
    ["rejected with a unit of 129 two-byte letters", { unit: "ü".repeat(129) }, "badUnit"],
    ["accepted with a unit beyond ASCII", { unit: "besucherin ü" }, "accepted"],
    ["rejected with a control character in the unit", { unit: "a\u0007b" }, "badUnit"],
    ["rejected with the last control character beside letters beyond ASCII", { unit: "ü\u001f" }, "badUnit"],
    ["rejected with DEL beside letters beyond ASCII", { unit: "ü\u007f" }, "badUnit"],
    ["rejected for a feature that does not exist", { feature: "feat_other" }, "unknownFeature"],
    ["rejected for an epoch that has not begun", { epoch: 4 }, "unknownEpoch"],
    ["undecided for a feature that has to be looked for", { feature: "feat_new" }, "unsureFeature"],
    ["ignored when it is a bot's", { bot: true }, "bot"],
    ["a bot's with a captcha score below 0.5", { attributes: { captcha_score: 0.49 } }, "botByCaptcha"],
    ["accepted with a captcha score of 0.5", { attributes: { captcha_score: 0.5 } }, "accepted"],
    [
      "a bot's by captcha when a score stands beside is_bot",
      { bot: true, attributes: { captcha_score: 0.9 } },
      "botByCaptcha",
    ],
    ["ignored when its unit is off", { variant: "off" }, "off"],
    ["rejected with a variant that there is not", { variant: "on" }, "unknownVariant"],
    ["rejected with an empty variant", { variant: "" }, "unknownVariant"],
    ["rejected for its ids, whatever its feature", { spanId: "ab", feature: "feat_new" }, "badIds"],
    ["a bot's whatever its variant", { bot: true, variant: "off" }, "bot"],
  ];
  test.each(cases)("%s", (_title, fields, expected) => {
    expect(classify("traces", span(fields)).classification).toBe(expected);
  });
});

describe("the record of a span", () => {
  const flags = (fields: TestSpan, raw?: { sampleBps: number; slowMs: number }): number =>
    classify("traces", span(fields), raw).record.flags;

  test("has the cohort of its variant, and a bot's code in its place", () => {
    const cohort = (fields: TestSpan) => flags(fields) & COHORT_MASK;
    expect(cohort({})).toBe(UNNAMED);
    expect(cohort({ variant: "treatment" })).toBe(TREATMENT);
    expect(cohort({ variant: "holdout" })).toBe(HOLDOUT);
    expect(cohort({ variant: "holdout", attributes: { captcha_score: 0 } })).toBe(BOT);
  });

  test("says whether the unit activated, returned or failed", () => {
    const outcome = (fields: TestSpan) => flags(fields) & (ACTIVATION | RETURNED | FAILED);
    expect(outcome({})).toBe(0);
    expect(outcome({ activated: true })).toBe(ACTIVATION);
    expect(outcome({ returned: true })).toBe(RETURNED);
    expect(outcome({ failed: true })).toBe(FAILED);
    expect(outcome({ attributes: { "http.response.status_code": 500 } })).toBe(FAILED);
    expect(outcome({ attributes: { "http.response.status_code": 499 } })).toBe(0);
    expect(outcome({ attributes: { "http.response.status_code": 431 } })).toBe(FAILED);
  });

  test("says whether it is an exposure, of which kind of request it is, and whether that was finished", () => {
    const more = NO_EXPOSURE | DOCUMENT | UNFINISHED;
    const said = (attributes: TestSpan["attributes"], durationMs = 20) =>
      flags({ attributes: attributes ?? {}, durationMs }) & more;
    expect(said({})).toBe(0);
    expect(said({ "sluice.exposure": true })).toBe(0);
    expect(said({ "sluice.exposure": false })).toBe(NO_EXPOSURE);
    expect(said({ "sluice.request": "document" })).toBe(DOCUMENT);
    expect(said({ "sluice.request": "fetch" })).toBe(0);
    expect(said({ "sluice.request": "documents" })).toBe(0);
    expect(said({ "sluice.unfinished": true })).toBe(UNFINISHED);
    expect(said({ "sluice.unfinished": false })).toBe(0);
    expect(said({ "sluice.request": "document", "sluice.unfinished": true }, -5)).toBe(0);
  });

  test.each([
    ["decade00c0ffee11", 0xdecade00],
    ["00000000ffffffff", 0],
    ["FFFFFFFF00000000", 0xffffffff],
    ["decade00c0ffee1", undefined],
    ["decade00c0ffee111", undefined],
    ["decade00c0ffee1g", undefined],
    ["decade00c0ffee1/", undefined],
    ["192.0.2.0/24  ok", undefined],
  ])("has the network %j as the number %s", (text, network) => {
    const { record } = classify("traces", span({ attributes: { "sluice.network": text } }));
    expect((record.flags & NETWORK) === 0 ? undefined : record.network).toBe(network);
  });

  test("is timed when the span has ended, a bot's never", () => {
    expect(flags({}) & TIMED).toBe(TIMED);
    expect(flags({ durationMs: 0 }) & TIMED).toBe(TIMED);
    expect(flags({ durationMs: -5 }) & TIMED).toBe(0);
    expect(flags({ attributes: { captcha_score: 0 } }) & TIMED).toBe(0);
    expect(classify("traces", span({ durationMs: 20 })).record.durationUs).toBe(20_000);
    expect(classify("traces", span({ durationMs: 10_000_000 })).record.durationUs).toBe(2 ** 32 - 1);
  });

  test("is kept whole when the span failed or was slow", () => {
    const isRaw = (fields: TestSpan, raw?: { sampleBps: number; slowMs: number }) =>
      (flags(fields, raw) & RAW) !== 0;
    expect(isRaw({})).toBe(false);
    expect(isRaw({ failed: true })).toBe(true);
    expect(isRaw({ durationMs: 1_000 })).toBe(true);
    expect(isRaw({ durationMs: 999 })).toBe(false);
    expect(isRaw({ failed: true, attributes: { captcha_score: 0 } })).toBe(false);
  });

  test.each([
    [
      "count up in their last bytes",
      (i: number) => `${"5b".repeat(12)}${(7_000 + i).toString(16).padStart(8, "0")}`,
    ],
    [
      "count up in their first bytes",
      (i: number) => `${(7_000 + i).toString(16).padStart(8, "0")}${"5b".repeat(12)}`,
    ],
    [
      "count up in tens of thousands",
      (i: number) => `${"5b".repeat(10)}${(65_536 * (i + 1)).toString(16).padStart(12, "0")}`,
    ],
    ["are random", () => randomBytes(16).toString("hex")],
  ])("is kept whole for its share of the traces when their ids %s", (_, traceIdOf) => {
    const { items, count } = batchOf(
      "traces",
      Array.from({ length: 4_000 }, (__, i) => span({ traceId: traceIdOf(i) })),
    );
    expect(count).toBe(4_000);
    const record = emptyRecord(NO_FEATURE, EMPTY_VIEW);
    const sampled = (sampleBps: number): number => {
      const classifier = makeClassifier({
        directory,
        raw: { sampleBps, slowMs: 1_000 },
        captchaThreshold: 0.5,
      });
      return items.filter((fields) => {
        expect(classifier("traces", fields, NOW, record)).toBe("accepted");
        return (record.flags & RAW) !== 0;
      }).length;
    };
    // Six standard deviations of 4,000 draws.
    expect(Math.abs(sampled(100) - 40)).toBeLessThan(38);
    expect(Math.abs(sampled(5_000) - 2_000)).toBeLessThan(190);
    expect(sampled(0)).toBe(0);
    expect(sampled(10_000)).toBe(4_000);
  });

  test("is kept whole with every span of its trace or with none", () => {
    for (let i = 0; i < 50; i++) {
      const traceId = randomBytes(16).toString("hex");
      const kept = Array.from(
        { length: 4 },
        () => flags({ traceId }, { sampleBps: 5_000, slowMs: 1_000 }) & RAW,
      );
      expect(new Set(kept).size).toBe(1);
    }
  });

  test("points to the unit's bytes and names the feature in its epoch", () => {
    const { record } = classify("traces", span({ unit: "visitor 7" }));
    expect(bytesOf(record.unit.view, record.unit.start, record.unit.end).toString()).toBe("visitor 7");
    expect(record.feature).toBe(SHOP);
  });

  test("names the epoch that the span is from, after the next one has begun too", () => {
    const { classification, record } = classify("traces", span({ epoch: 2 }));
    expect(classification).toBe("accepted");
    expect(record.feature).toBe(SHOP_BEFORE);
  });

  test("points to the ids and the name, and has the status", () => {
    const { record } = classify(
      "traces",
      span({
        traceId: "0a".repeat(16),
        spanId: "0b".repeat(8),
        attributes: { "http.response.status_code": 204 },
      }),
    );
    const { view, traceAt, spanAt, nameStart, nameEnd } = record;
    expect(bytesOf(view, traceAt, traceAt + 16).toString("hex")).toBe("0a".repeat(16));
    expect(bytesOf(view, spanAt, spanAt + 8).toString("hex")).toBe("0b".repeat(8));
    expect(bytesOf(view, nameStart, nameEnd).toString()).toBe("GET /");
    expect(record.httpStatus).toBe(204);
  });

  test("rounds the duration to whole microseconds", () => {
    const times = { startTimeUnixNano: `${NOW}000000`, endTimeUnixNano: `${NOW}000600` };
    expect(classify("traces", { ...span({}), ...times }).record.durationUs).toBe(1);
  });

  test("names the feature in the present epoch of every item that can never count, where it is known", () => {
    for (const bad of [
      { spanId: "ab" },
      { unit: "" },
      { unit: undefined as never },
      { variant: "on" },
      { epoch: 4 },
    ])
      expect(classify("traces", span(bad)).record.feature).toBe(SHOP);
    for (const feature of ["feat_other", "feat_new"])
      expect(classify("traces", span({ feature, spanId: "ab" })).record.feature.featureId).toBe("");
  });

  test("of a bot names the feature too, whose left-out requests are counted", () => {
    expect(classify("traces", span({ bot: true })).record.feature).toBe(SHOP);
  });
});

test("the bytes behind a unit's do not matter, nor where its body ends", () => {
  const unit = Buffer.from("ü\u0000");
  const fields = emptyFields();
  fields.startMs = NOW;
  Object.assign(fields.feature, { view: viewOf(Buffer.from("feat_shop")), start: 0, end: 9 });
  Object.assign(fields.unit, { view: viewOf(unit), start: 0, end: 2 });
  const classifier = makeClassifier({ directory, raw: { sampleBps: 0, slowMs: 1 }, captchaThreshold: 0.5 });
  const record = emptyRecord(NO_FEATURE, EMPTY_VIEW);
  expect(classifier("logs", fields, NOW, record)).toBe("accepted");
  Object.assign(fields.unit, { view: viewOf(Buffer.from("ü")) });
  expect(classifier("logs", fields, NOW, record)).toBe("accepted");
});

describe("a log record is", () => {
  const attributes = [
    { key: "feature_flag.key", value: { stringValue: "feat_shop" } },
    { key: "feature_flag.context.id", value: { stringValue: "visitor" } },
    { key: "feature_flag.result.variant", value: { stringValue: "holdout" } },
  ];
  const logRecord = (eventName: string) => ({ eventName, timeUnixNano: `${NOW}000000`, attributes });

  test("the same in any order of its attributes", () => {
    for (const first of [0, 1, 2]) {
      const turned = [...attributes.slice(first), ...attributes.slice(0, first)];
      const { classification, record } = classify("logs", {
        ...logRecord("feature_flag.evaluation"),
        attributes: turned,
      });
      expect([classification, record.flags]).toEqual(["accepted", HOLDOUT]);
    }
  });

  test("accepted as an exposure without latency or span ids when it is an evaluation event", () => {
    const { classification, record } = classify("logs", logRecord("feature_flag.evaluation"));
    expect(classification).toBe("accepted");
    expect(record).toMatchObject({ flags: HOLDOUT, traceAt: -1, startMs: NOW, durationUs: 0 });
  });

  test("irrelevant when it is any other event", () => {
    expect(classify("logs", logRecord("feature_flag.updated")).classification).toBe("irrelevant");
  });
});

test("the reasons are stored under names that stay", () => {
  expect(Object.values(storedReasons)).toEqual([
    "bad-ids",
    "future",
    "old",
    "no-unit",
    "bad-unit",
    "unknown-feature",
    "unknown-epoch",
    "unknown-variant",
  ]);
});
