import { expect, test } from "vitest";
import {
  captchaFinding,
  isKnownBot,
  reportOf,
  SAMPLED,
  type Observation,
} from "../../edge/telemetry/observation.ts";
import type { ReportedFeature } from "../../edge/telemetry/span-writer.ts";
import { compile } from "../../edge/features/compile.ts";
import type { Assigned } from "../../edge/features/evaluate.ts";
import { PushMessage } from "../../shared/snapshot/push-message.ts";
import { encodeFeature } from "../../shared/features/encoded-feature.ts";
import { feature } from "./support/edge.ts";

const names = Array.from({ length: 40 }, (_, i) => `feat_${i}`);
const { revision, features } = PushMessage.parse({
  revision: 1,
  full: true,
  features: names.map((name) => feature(name)),
});
const assigned = compile(revision, features.map(encodeFeature)).features.map(
  (each): Assigned => each.as.treatment,
);

const seen = (fields: Partial<Observation> = {}): Observation => ({
  method: "GET",
  unitId: 'unit "7"',
  isKnownBot: false,
  captcha: null,
  traceparent: null,
  startMs: 1_790_000_000_123.25,
  durationMs: 12.5,
  status: 200,
  exposed: assigned,
  activated: [],
  inFull: false,
  ...fields,
});

const reported = (fields: Partial<Observation> = {}, random = Math.random): readonly ReportedFeature[] =>
  reportOf(seen(fields), random)?.features ?? [];

test("a full report names every compared feature, a usual one a few", () => {
  expect(reported({ inFull: true })).toHaveLength(40);
  expect(reported()).toHaveLength(SAMPLED);
  expect(reported({ exposed: assigned.slice(0, SAMPLED) })).toHaveLength(SAMPLED);
});

test("every compared feature is drawn equally often", () => {
  const counts = new Map<Uint8Array, number>();
  for (let i = 0; i < 40; i++)
    for (const { subject } of reported({}, () => i / 40)) counts.set(subject, (counts.get(subject) ?? 0) + 1);
  expect(counts.size).toBe(40);
  expect(new Set(counts.values())).toEqual(new Set([SAMPLED]));
});

test("actions are always sent, once, whatever was drawn", () => {
  for (let i = 0; i < 40; i++) {
    const spans = reported({ activated: assigned.slice(0, 2) }, () => i / 40);
    expect(spans.filter(({ actionTaken }) => actionTaken)).toHaveLength(2);
    expect(new Set(spans.map(({ subject }) => subject)).size).toBe(spans.length);
  }
});

test("a request that showed nothing is not reported", () => {
  expect(reportOf(seen({ exposed: [] }), Math.random)).toBe(null);
});

test("a bot is marked, and a trace context that is none begins a new trace", () => {
  expect(isKnownBot("Googlebot/2.1")).toBe(true);
  expect(isKnownBot("Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0")).toBe(false);
  expect(reportOf(seen({ isKnownBot: true }), Math.random)?.isBot).toBe(true);
  expect(reportOf(seen(), Math.random)?.isBot).toBe(false);
  for (const traceparent of ["", "00-xyz-b7ad6b7169203331-01", "00-0af7651916cd43dd8448eb211c80319c"])
    expect(reportOf(seen({ traceparent }), Math.random)?.parent).toBe(null);
});

test("a score below the threshold is a bot's; one above it does not make a person of what calls itself a bot", () => {
  const captcha = {
    provider: "recaptcha",
    secret: "s",
    verifyUrl: "https://a.test",
    threshold: 0.3,
  } as const;
  expect(captchaFinding(captcha, 0.29)).toEqual({ score: 0.29, isBot: true });
  expect(captchaFinding(captcha, 0.3)).toEqual({ score: 0.3, isBot: false });
  expect(captchaFinding(captcha, null)).toBe(null);
  expect(captchaFinding(null, 0.1)).toBe(null);
  const report = reportOf(seen({ isKnownBot: true, captcha: { score: 0.9, isBot: false } }), Math.random);
  expect(report).toMatchObject({ isBot: true, captchaScore: 0.9 });
});
