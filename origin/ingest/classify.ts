// Decides what becomes of one span or log record: stored, ignored, or rejected because it would be rejected again.
import { isUtf8 } from "node:buffer";
import { MAX_UNIT_BYTES } from "../../shared/ids.ts";
import { bytesOf, isPrintable, textIs, viewOf, type TextRange } from "../span-log/bytes.ts";
import { BOT, HOLDOUT, TREATMENT, UNNAMED } from "../span-log/cohort-code.ts";
import { MAX_SPAN_AGE_DAYS, SPAN_ID_BYTES, TRACE_ID_BYTES, type RecordDraft } from "../span-log/record.ts";
import type { FeatureDirectory } from "./feature-directory.ts";
import type { FeatureEpoch } from "../span-log/unit-key.ts";
import { makeIntern } from "./intern-text.ts";
import type { OtlpSignal } from "./otlp-request.ts";
import type { SpanFields } from "./span-fields.ts";
import { fillRecord, type RawSampling } from "./span-record.ts";

/** Clocks of senders may be wrong by this much. */
const MAX_AHEAD_MS = 10 * 60_000;
const MAX_AGE_MS = MAX_SPAN_AGE_DAYS * 86_400_000;

/** Why a span or log record can never count: it would be rejected again if it were sent again. */
export const rejectionMessages = {
  badIds: "trace id or span id missing, of wrong length or all zero",
  future: "start time more than 10 minutes ahead",
  old: "start time missing or more than 31 days ago",
  noUnit: "a feature is named and no unit",
  badUnit: "unit id empty, longer than 256 bytes or with control characters",
  unknownFeature: "no such feature",
  unknownEpoch: "an epoch of the feature that has not begun",
  unknownVariant: "a variant other than treatment, holdout and off",
} as const;
export type RejectionReason = keyof typeof rejectionMessages;

/** The reasons as they stand beside a feature's signals. */
export const storedReasons: Readonly<Record<RejectionReason, string>> = {
  badIds: "bad-ids",
  future: "future",
  old: "old",
  noUnit: "no-unit",
  badUnit: "bad-unit",
  unknownFeature: "unknown-feature",
  unknownEpoch: "unknown-epoch",
  unknownVariant: "unknown-variant",
};

export const isRejection = (classification: Classification): classification is RejectionReason =>
  Object.hasOwn(rejectionMessages, classification);

/**
 * Only "accepted" and "botByCaptcha" are stored. Items that have nothing to do with a feature are accepted and
 * forgotten, as OTLP wants it. "unsureFeature": the directory has to be read again to know.
 */
export type Classification =
  | RejectionReason
  | "accepted"
  | "notAFeature"
  | "unsureFeature"
  | "bot"
  | "botByCaptcha"
  | "off";

/** Whether an item says something of a feature; of log records only evaluation events do. */
export const isRelevant = (signal: OtlpSignal, fields: SpanFields): boolean =>
  fields.feature.start >= 0 && (signal === "traces" || fields.isEvaluation);

const isSet = (view: DataView, at: number): boolean =>
  view.getInt32(at, true) !== 0 || view.getInt32(at + 4, true) !== 0;

const idsAreValid = ({ view, traceAt, traceLength, spanAt, spanLength }: SpanFields): boolean =>
  traceLength === TRACE_ID_BYTES &&
  spanLength === SPAN_ID_BYTES &&
  (isSet(view, traceAt) || isSet(view, traceAt + 8)) &&
  isSet(view, spanAt);

const unitIsValid = ({ view, start, end }: TextRange): boolean => {
  if (end <= start || end - start > MAX_UNIT_BYTES) return false;
  if (isPrintable(view, start, end)) return true;
  for (let at = start; at < end; at++) {
    const byte = view.getUint8(at);
    if (byte < 0x20 || byte === 0x7f) return false;
  }
  return isUtf8(bytesOf(view, start, end));
};

const TREATMENT_NAME = viewOf(Buffer.from("treatment"));
const HOLDOUT_NAME = viewOf(Buffer.from("holdout"));
const OFF_NAME = viewOf(Buffer.from("off"));

/** Of units that are off, nothing is compared. */
const cohortOf = (variant: TextRange): number | "off" | "unknownVariant" => {
  if (variant.start < 0) return UNNAMED;
  if (textIs(variant, TREATMENT_NAME)) return TREATMENT;
  if (textIs(variant, HOLDOUT_NAME)) return HOLDOUT;
  return textIs(variant, OFF_NAME) ? "off" : "unknownVariant";
};

/** Of a record whose item names no known feature. */
export const NO_FEATURE: FeatureEpoch = {
  featureId: "",
  epoch: 0,
  seedLow: 0,
  seedHigh: 0,
  pseudonyms: null,
};

/**
 * The classifier of a process. `fields` are relevant. It fills `record` for items that are stored, and its `feature` for
 * all whose feature is known. `nowMs`: when the request came in.
 */
export const makeClassifier = (options: {
  directory: Pick<FeatureDirectory, "find">;
  raw: RawSampling;
  /** A score below this is a bot's. */
  captchaThreshold: number;
}) => {
  const { directory, raw, captchaThreshold } = options;
  const intern = makeIntern();

  return (signal: OtlpSignal, fields: SpanFields, nowMs: number, record: RecordDraft): Classification => {
    const featureId = intern(fields.feature);
    const found = directory.find(featureId, fields.epoch);
    // What is wrong with an epoch is shown beside the present one.
    const feature = found === "unknown" ? directory.find(featureId, undefined) : found;
    record.feature = typeof feature === "string" ? NO_FEATURE : feature;
    if (signal === "traces" && !idsAreValid(fields)) return "badIds";
    if (fields.startMs > nowMs + MAX_AHEAD_MS) return "future";
    if (fields.startMs < nowMs - MAX_AGE_MS) return "old";
    if (fields.unit.start < 0) return "noUnit";
    if (!unitIsValid(fields.unit)) return "badUnit";
    if (found === "unsure") return "unsureFeature";
    if (found === "unknown") return typeof feature === "string" ? "unknownFeature" : "unknownEpoch";
    const isBot = fields.bot || fields.captchaScore < captchaThreshold;
    // Most bots are known with their first request. A captcha finds one that may have been counted before.
    if (isBot && Number.isNaN(fields.captchaScore)) return "bot";
    const cohort = isBot ? BOT : cohortOf(fields.variant);
    if (typeof cohort === "string") return cohort;
    fillRecord(record, signal, fields, cohort, raw);
    return isBot ? "botByCaptcha" : "accepted";
  };
};
