// Decides what becomes of one span or log record: stored for the fold, ignored, or rejected as permanently bad.
import { isUtf8 } from "node:buffer";
import {
  ACTIVATION,
  BOT,
  FAILED,
  HOLDOUT,
  MAX_UNIT_BYTES,
  RAW,
  RETURNED,
  SPAN_ID_BYTES,
  TIMED,
  TRACE_ID_BYTES,
  TREATMENT,
  type BlockBuilders,
  type FeatureEpoch,
  type RecordDraft,
} from "../span-log/block.ts";
import { bytesOf, isPrintable, viewOf } from "../span-log/bytes.ts";
import type { FeatureDirectory } from "./feature-directory.ts";
import { makeIntern, textIs } from "./text-view.ts";
import { EMPTY_VIEW, type SpanFields, type TextRange } from "./span-fields.ts";

/** Clocks of senders may be wrong by this much. */
const MAX_AHEAD_MS = 10 * 60_000;
/** Longer than any buffer of telemetry should hold it. */
const MAX_AGE_MS = 31 * 86_400_000;
const MAX_DURATION_US = 2 ** 32 - 1;

/** Why an item is permanently bad: sending it again would not help. */
export const rejectionMessages = {
  badIds: "trace id or span id missing, of wrong length or all zero",
  future: "start time more than 10 minutes ahead",
  old: "start time missing or more than 31 days ago",
  badUnit: "unit id empty, longer than 256 bytes or with control characters",
} as const;
export type RejectionReason = keyof typeof rejectionMessages;

/**
 * Items that are none of our business are accepted and forgotten, as OTLP wants it. "unsureFeature": the directory
 * has to be read again to know.
 */
export type Classification =
  | RejectionReason
  | "accepted"
  | "notAFeature"
  | "unknownFeature"
  | "unsureFeature"
  | "bot"
  | "otherVariant";

/** What becomes of the raw span: a sample of `sampleBps` in 10,000 traces, and every failed or slow one. */
export type RawSampling = { readonly sampleBps: number; readonly slowMs: number };

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

const variantFlag = (variant: TextRange): number | undefined => {
  if (variant.start < 0) return 0;
  if (textIs(variant, TREATMENT_NAME)) return TREATMENT;
  return textIs(variant, HOLDOUT_NAME) ? HOLDOUT : undefined;
};

/** Same answer for every span of a trace, in every process. */
const isSampled = ({ view, traceAt }: SpanFields, sampleBps: number): boolean => {
  // The last bytes: W3C Trace Context asks for randomness there.
  const random = view.getUint16(traceAt + 14);
  return random * 10_000 < sampleBps * 65_536;
};

/** `nowMs`: when the request came in. */
export const makeClassifier = (options: {
  directory: FeatureDirectory;
  raw: RawSampling;
  captchaThreshold: number;
}) => {
  const { directory, raw, captchaThreshold } = options;
  const slowUs = raw.slowMs * 1_000;
  const intern = makeIntern();
  const draft: RecordDraft = {
    feature: { featureId: "", epoch: 0, seedLow: 0, seedHigh: 0 },
    flags: 0,
    startMs: 0,
    durationUs: 0,
    view: EMPTY_VIEW,
    unitView: EMPTY_VIEW,
    unitStart: 0,
    unitEnd: 0,
    traceAt: -1,
    spanAt: -1,
    nameStart: 0,
    nameEnd: 0,
    httpStatus: 0,
  };

  return (
    fields: SpanFields,
    kind: "span" | "log",
    nowMs: number,
    builders: Pick<BlockBuilders, "add">,
    onBot: (feature: FeatureEpoch) => void,
  ): Classification => {
    const { feature, unit } = fields;
    if (feature.start < 0 || unit.start < 0) return "notAFeature";
    if (kind === "span" && !idsAreValid(fields)) return "badIds";
    if (fields.startMs > nowMs + MAX_AHEAD_MS) return "future";
    if (fields.startMs < nowMs - MAX_AGE_MS) return "old";
    if (!unitIsValid(unit)) return "badUnit";
    const known = directory.find(intern(feature), fields.epoch);
    if (known === "unknown") return "unknownFeature";
    if (known === "unsure") return "unsureFeature";
    const isBot = fields.bot || fields.captchaScore < captchaThreshold;
    if (isBot) onBot(known);
    // Most bots are known with their first request. A captcha finds one that may have been counted before.
    if (isBot && Number.isNaN(fields.captchaScore)) return "bot";
    const variant = isBot ? BOT : variantFlag(fields.variant);
    if (variant === undefined) return "otherVariant";

    const isSeen = kind === "span" && !isBot;
    const timed = isSeen && fields.durationUs >= 0;
    const keepRaw =
      isSeen && (fields.failed || fields.durationUs >= slowUs || isSampled(fields, raw.sampleBps));
    draft.feature = known;
    draft.flags =
      variant |
      (fields.activated ? ACTIVATION : 0) |
      (fields.returned ? RETURNED : 0) |
      (fields.failed ? FAILED : 0) |
      (timed ? TIMED : 0) |
      (keepRaw ? RAW : 0);
    draft.startMs = fields.startMs;
    draft.durationUs = timed ? Math.min(MAX_DURATION_US, Math.round(fields.durationUs)) : 0;
    draft.view = fields.view;
    draft.unitView = unit.view;
    draft.unitStart = unit.start;
    draft.unitEnd = unit.end;
    draft.traceAt = kind === "span" ? fields.traceAt : -1;
    draft.spanAt = fields.spanAt;
    draft.nameStart = fields.nameStart;
    draft.nameEnd = fields.nameEnd;
    draft.httpStatus = fields.httpStatus;
    builders.add(draft);
    return isBot ? "bot" : "accepted";
  };
};
export type Classifier = ReturnType<typeof makeClassifier>;
