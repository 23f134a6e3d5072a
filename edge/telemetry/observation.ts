// Turns what the edge observed of a request into spans: one for each feature whose cohort is compared (treatment or
// holdout).
//
// A unit that is compared for many features does not report all of them with every request. Its first exposures and its
// activations are always sent, and everything again once a minute, so that a return is seen. Of the rest a random sample is
// sent. Chance knows neither latency nor cohort, so the latency of each feature stays a fair sample.
import type { UnitId } from "../../shared/ids.ts";
import { fromHex } from "../bytes.ts";
import type { CaptchaConfig } from "../config.ts";
import type { Assignment, Units } from "../features/compiled-feature.ts";
import type { FeatureSpan, RequestSpans } from "./span-writer.ts";

/** What a captcha found of a unit: 0 (bot) … 1 (human). */
export type CaptchaFinding = { readonly score: number; readonly isBot: boolean };

/** null: no captcha is configured, or the unit has no score. */
export const captchaFinding = (captcha: CaptchaConfig | null, score: number | null): CaptchaFinding | null =>
  captcha === null || score === null ? null : { score, isBot: score < captcha.threshold };

export type Observation = {
  readonly method: string;
  readonly units: Units;
  /** By its User-Agent. */
  readonly isKnownBot: boolean;
  /** null: no captcha has found anything. */
  readonly captcha: CaptchaFinding | null;
  /** W3C traceparent of the request, if it has one. */
  readonly traceparent: string | null;
  readonly startMs: number;
  /** Until the upstream's response headers; null: the upstream was not asked, and there is no latency. */
  readonly durationMs: number | null;
  readonly status: number;
  /** Compared features only. */
  readonly exposed: readonly Assignment[];
  /** Compared features that this request activates. */
  readonly activated: readonly Assignment[];
  /** Report everything: the unit is new to a feature, or was not reported for a while. */
  readonly inFull: boolean;
};

/** Of more compared features than this, a sample is sent where a full report is not due. */
export const SAMPLED = 8;
/** A unit's full report is due this long after the last. */
export const FULL_EVERY_MS = 60_000;

/** Version `ff` and ids of zeros are invalid (W3C Trace Context, 3.2.2). A span with such an id would be rejected. */
const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-[0-9a-f]{2}/;

const parentOf = (traceparent: string | null): RequestSpans["parent"] => {
  if (traceparent === null) return null;
  const [, traceId, spanId] = TRACEPARENT.exec(traceparent) ?? [];
  return traceId === undefined || spanId === undefined
    ? null
    : { traceId: fromHex(traceId), spanId: fromHex(spanId) };
};

/** `count` neighbours from a random place on, around the end. */
const sample = <T>(items: readonly T[], count: number, random: () => number): readonly T[] => {
  const from = Math.floor(random() * items.length);
  const run = items.slice(from, from + count);
  return run.length === count ? run : [...run, ...items.slice(0, count - run.length)];
};

/** One for each of the request's units that has something to tell: the visitor, the signed-in user, both or none. */
export const spansOf = (observed: Observation, random: () => number): RequestSpans[] => {
  const { exposed, activated, inFull, captcha } = observed;
  const reported = inFull || exposed.length <= SAMPLED ? exposed : sample(exposed, SAMPLED, random);
  const isActivated = ({ feature }: Assignment): boolean =>
    activated.some((activation) => activation.feature === feature);
  const byUnit = new Map<UnitId, FeatureSpan[]>();
  const add = ({ feature, cohort }: Assignment, kind: "exposure" | "activation"): void => {
    const unitId = feature.unitIdOf(observed.units);
    if (unitId === null || cohort === "off") return;
    const spans = byUnit.get(unitId) ?? [];
    spans.push(feature.spans[cohort][kind]);
    byUnit.set(unitId, spans);
  };
  for (const each of activated) add(each, "activation");
  for (const each of reported) if (!isActivated(each)) add(each, "exposure");
  return [...byUnit].map(([unitId, features]) => ({
    parent: parentOf(observed.traceparent),
    name: observed.method,
    startMs: observed.startMs,
    durationMs: observed.durationMs,
    status: observed.status,
    unitId,
    isBot: observed.isKnownBot || captcha?.isBot === true,
    captchaScore: captcha?.score ?? null,
    features,
  }));
};
