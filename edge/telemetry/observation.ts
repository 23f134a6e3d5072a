// Turns what the edge observed of a request into spans: one for each feature whose cohort is compared (treatment or
// holdout).
import type { UnitId } from "../../shared/ids.ts";
import { fromHex } from "../bytes.ts";
import type { CaptchaConfig } from "../config.ts";
import type { Units } from "../../shared/features/evaluate-feature.ts";
import type { Assignment } from "../features/compiled-feature.ts";
import type { RequestSpans } from "./span-writer.ts";

/** What a captcha found of a unit: 0 (bot) … 1 (human). */
export type CaptchaFinding = { readonly score: number; readonly isBot: boolean };

/** null: no captcha is configured, or the unit has no score. */
export const captchaFinding = (captcha: CaptchaConfig | null, score: number | null): CaptchaFinding | null =>
  captcha === null || score === null ? null : { score, isBot: score < captcha.threshold };

/** Whom a request is from, as far as telemetry tells it. */
export type Sender = {
  readonly method: string;
  readonly units: Units;
  /** By its User-Agent. */
  readonly isKnownBot: boolean;
  /** null: no captcha has found anything. */
  readonly captcha: CaptchaFinding | null;
  /** null: not known */
  readonly network: string | null;
  /** W3C traceparent of the request, if it has one. */
  readonly traceparent: string | null;
};

export type Observation = {
  readonly startMs: number;
  readonly says: RequestSpans["says"];
  readonly features: readonly Assignment[];
};

/** Version `ff` and ids of zeros are invalid (W3C Trace Context, 3.2.2). A span with such an id would be rejected. */
const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-[0-9a-f]{2}/;

const parentOf = (traceparent: string | null): RequestSpans["parent"] => {
  if (traceparent === null) return null;
  const [, traceId, spanId] = TRACEPARENT.exec(traceparent) ?? [];
  return traceId === undefined || spanId === undefined
    ? null
    : { traceId: fromHex(traceId), spanId: fromHex(spanId) };
};

/** One for each of the request's units that has something to tell: the visitor, the signed-in user, both or none. */
export const spansOf = (sender: Sender, { startMs, says, features }: Observation): RequestSpans[] => {
  const byUnit = new Map<UnitId, Uint8Array[]>();
  for (const { feature, cohort } of features) {
    const unitId = feature.unitIdOf(sender.units);
    if (unitId === null || cohort === "off") continue;
    const attributes = feature.spanAttributes[cohort];
    const known = byUnit.get(unitId);
    if (known === undefined) byUnit.set(unitId, [attributes]);
    else known.push(attributes);
  }
  if (byUnit.size === 0) return [];
  const { method, isKnownBot, captcha, network, traceparent } = sender;
  const parent = parentOf(traceparent);
  return [...byUnit].map(([unitId, attributes]) => ({
    parent,
    name: method,
    startMs,
    says,
    unitId,
    network,
    isBot: isKnownBot || captcha?.isBot === true,
    captchaScore: captcha?.score ?? null,
    features: attributes,
  }));
};
