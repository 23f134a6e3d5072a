// The attributes that are read, and the field of a span or log record that each of them fills.
import { attribute, DOCUMENT_REQUEST, EVALUATION_EVENT } from "../../shared/telemetry/attributes.ts";
import { bytesOf, isSame, viewOf, type TextRange } from "../span-log/bytes.ts";
import type { SpanFields } from "./span-fields.ts";

/** A value as the request has it; text is a range of bytes. */
export type AttributeValue =
  | { kind: "text"; view: DataView; start: number; end: number }
  | { kind: "number"; value: number }
  | { kind: "boolean"; value: boolean };

type Field = keyof typeof attribute | "eventName";
export type KnownName = { readonly name: DataView; readonly field: Field; readonly rank: number };

const named = (field: Field, names: readonly string[]): (readonly [string, KnownName])[] =>
  names.map((name, rank) => [name, { name: viewOf(Buffer.from(name)), field, rank }]);

export const knownNames: ReadonlyMap<string, KnownName> = new Map([
  ...named("featureId", attribute.featureId),
  ...named("unitId", attribute.unitId),
  ...named("variant", attribute.variant),
  ...named("epoch", attribute.epoch),
  ...named("activated", attribute.activated),
  ...named("returned", attribute.returned),
  ...named("isBot", attribute.isBot),
  ...named("captchaScore", attribute.captchaScore),
  ...named("httpStatus", attribute.httpStatus),
  ...named("exposure", attribute.exposure),
  ...named("requestKind", attribute.requestKind),
  ...named("unfinished", attribute.unfinished),
  ...named("network", attribute.network),
  ...named("eventName", ["event.name"]),
]);
const byLength: KnownName[][] = [];
for (const entry of knownNames.values()) (byLength[entry.name.byteLength] ??= []).push(entry);

/** The attribute that these bytes name, if it is one that is read. */
export const knownName = (view: DataView, start: number, end: number): KnownName | undefined => {
  const candidates = byLength[end - start];
  if (candidates === undefined) return undefined;
  for (const candidate of candidates) if (isSame(view, start, end, candidate.name)) return candidate;
  return undefined;
};

/** Copies the range: readers fill the same value again and again. */
const setText = (text: TextRange, value: AttributeValue): void => {
  if (value.kind === "text") {
    text.view = value.view;
    text.start = value.start;
    text.end = value.end;
    return;
  }
  text.view = viewOf(Buffer.from(String(value.value)));
  text.start = 0;
  text.end = text.view.byteLength;
};

const numberOf = (value: AttributeValue): number => {
  if (value.kind === "number") return value.value;
  if (value.kind === "boolean") return Number.NaN;
  const text = bytesOf(value.view, value.start, value.end).toString("latin1").trim();
  return text === "" ? Number.NaN : Number(text);
};

const truthOf = (value: AttributeValue): boolean => {
  if (value.kind === "boolean") return value.value;
  if (value.kind === "number") return value.value !== 0;
  return bytesOf(value.view, value.start, value.end).toString("latin1") === "true";
};

const EVALUATION_NAME = viewOf(Buffer.from(EVALUATION_EVENT));

export const isEvaluationName = (view: DataView, start: number, end: number): boolean =>
  isSame(view, start, end, EVALUATION_NAME);

const DOCUMENT_NAME = viewOf(Buffer.from(DOCUMENT_REQUEST));

/** 431: the request's headers are too large, as they become when a feature adds to them. */
const isFailure = (status: number): boolean => status >= 500 || status === 431;

const NETWORK_DIGITS = 16;

/** The first 32 of its 64 bits: enough to tell networks apart within a bucket. −1: the text is no network. */
const networkOf = (view: DataView, start: number, end: number): number => {
  if (end - start !== NETWORK_DIGITS) return -1;
  let value = 0;
  for (let at = start; at < end; at++) {
    const digit = hexDigit(view.getUint8(at));
    if (digit < 0) return -1;
    if (at < start + 8) value = value * 16 + digit;
  }
  return value;
};

const hexDigit = (byte: number): number => {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const letter = byte | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
};

export const setAttribute = (fields: SpanFields, { field, rank }: KnownName, value: AttributeValue): void => {
  switch (field) {
    case "featureId":
      if (rank >= fields.featureRank) return;
      setText(fields.feature, value);
      fields.featureRank = rank;
      return;
    case "unitId":
      if (rank >= fields.unitRank) return;
      setText(fields.unit, value);
      fields.unitRank = rank;
      return;
    case "variant":
      if (rank >= fields.variantRank) return;
      setText(fields.variant, value);
      fields.variantRank = rank;
      return;
    case "epoch":
      fields.epoch = numberOf(value);
      return;
    case "activated":
      fields.activated = truthOf(value);
      return;
    case "returned":
      fields.returned = truthOf(value);
      return;
    case "isBot":
      if (truthOf(value)) fields.bot = true;
      return;
    case "captchaScore":
      fields.captchaScore = numberOf(value);
      return;
    case "httpStatus": {
      const status = numberOf(value);
      fields.httpStatus = Number.isInteger(status) && status >= 100 && status <= 999 ? status : 0;
      if (isFailure(fields.httpStatus)) fields.failed = true;
      return;
    }
    case "exposure":
      fields.noExposure = !truthOf(value);
      return;
    case "requestKind":
      fields.isDocument = value.kind === "text" && isSame(value.view, value.start, value.end, DOCUMENT_NAME);
      return;
    case "unfinished":
      fields.unfinished = truthOf(value);
      return;
    case "network":
      if (value.kind === "text") fields.network = networkOf(value.view, value.start, value.end);
      return;
    case "eventName": {
      if (value.kind === "text" && isEvaluationName(value.view, value.start, value.end))
        fields.isEvaluation = true;
      return;
    }
  }
};
