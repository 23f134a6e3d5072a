// What a request showed, as spans: one for each feature whose cohort is compared (treatment or holdout). Nothing here
// is waited for by the visitor.
//
// A unit that is compared for many features does not report all of them with every request. Its first exposures and its
// actions are always sent, and everything again once a minute (so that a return is seen); of the rest a few, drawn by
// chance. Chance knows neither latency nor cohort, so the latency seen of each feature stays a fair sample.
import { isbot } from "isbot";
import type { CaptchaConfig } from "../config.ts";
import type { Assigned } from "../features/evaluate.ts";
import type { Report, ReportedFeature } from "./span-writer.ts";

/** What a captcha found of a unit: 0 (bot) … 1 (human). */
export type CaptchaFinding = { readonly score: number; readonly isBot: boolean };

/** null: no captcha is configured, or the unit has no score. */
export const captchaFinding = (captcha: CaptchaConfig | null, score: number | null): CaptchaFinding | null =>
  captcha === null || score === null ? null : { score, isBot: score < captcha.threshold };

export type Observation = {
  readonly method: string;
  readonly unitId: string;
  /** By what the visitor's browser calls itself. */
  readonly isKnownBot: boolean;
  /** null: none has found anything. */
  readonly captcha: CaptchaFinding | null;
  /** W3C traceparent of the request, if it has one. */
  readonly traceparent: string | null;
  readonly startMs: number;
  /** Until the upstream's response headers; null: it was not asked, and there is no latency to learn from. */
  readonly durationMs: number | null;
  readonly status: number;
  /** compared ones only */
  readonly exposed: readonly Assigned[];
  /** Features that this request activates. Only those the unit is held for: who was never exposed cannot act on it. */
  readonly activated: readonly Assigned[];
  /** Report everything: the unit is new to a feature, or was not heard of for a while. */
  readonly inFull: boolean;
};

/** Compared features beyond this many are sampled, where a full report is not due. */
export const SAMPLED = 8;
/** A unit's full report is due this long after the last. */
export const FULL_EVERY_MS = 60_000;

const fromHex = (hex: string): Uint8Array =>
  Uint8Array.from({ length: hex.length / 2 }, (_, i) => Number.parseInt(hex.slice(2 * i, 2 * i + 2), 16));

const parentOf = (traceparent: string | null): Report["parent"] => {
  if (traceparent === null) return null;
  const match = /^[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}/.exec(traceparent);
  const [, traceId, spanId] = match ?? [];
  return traceId === undefined || spanId === undefined
    ? null
    : { traceId: fromHex(traceId), spanId: fromHex(spanId) };
};

const MANY_AGENTS = 1_000;
const bots = new Map<string, boolean>();

/** isbot's pattern is long; the few User-Agents of a busy hour are remembered. */
export const isKnownBot = (userAgent: string | null): boolean => {
  const key = userAgent ?? "";
  const known = bots.get(key);
  if (known !== undefined) return known;
  if (bots.size >= MANY_AGENTS) bots.clear();
  const found = isbot(key);
  bots.set(key, found);
  return found;
};

/** A run of `count` from a random place on, around the end. */
const draw = <T>(items: readonly T[], count: number, random: () => number): readonly T[] => {
  const from = Math.floor(random() * items.length);
  const run = items.slice(from, from + count);
  return run.length === count ? run : [...run, ...items.slice(0, count - run.length)];
};

/** null: the request showed nothing that is counted. */
export const reportOf = (seen: Observation, random: () => number): Report | null => {
  const drawn =
    seen.inFull || seen.exposed.length <= SAMPLED ? seen.exposed : draw(seen.exposed, SAMPLED, random);
  const isActedOn = ({ feature }: Assigned): boolean =>
    seen.activated.some((acted) => acted.feature === feature);
  const features: ReportedFeature[] = [];
  for (const { feature, cohort } of seen.activated)
    if (cohort !== "off") features.push(feature.reports[cohort].action);
  for (const each of drawn)
    if (each.cohort !== "off" && !isActedOn(each)) features.push(each.feature.reports[each.cohort].exposure);
  if (features.length === 0) return null;
  return {
    parent: parentOf(seen.traceparent),
    name: seen.method,
    startMs: seen.startMs,
    durationMs: seen.durationMs,
    status: seen.status,
    unitId: seen.unitId,
    isBot: seen.isKnownBot || seen.captcha?.isBot === true,
    captchaScore: seen.captcha?.score ?? null,
    features,
  };
};
