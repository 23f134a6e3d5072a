// The attributes that are read, and the field of a span or log record that each of them fills.
import { attribute, EVALUATION_EVENT } from "../../shared/telemetry/attributes.ts";
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
      if (fields.httpStatus >= 500) fields.failed = true;
      return;
    }
    case "eventName": {
      if (value.kind === "text" && isEvaluationName(value.view, value.start, value.end))
        fields.isEvaluation = true;
      return;
    }
  }
};
