// What the exporter is told of a request after its response: the features that its unit was exposed to, and those that it
// activated.
import type { CaptchaConfig } from "../config.ts";
import type { Assignment } from "../features/compiled-feature.ts";
import { evaluateActivations } from "../features/evaluate.ts";
import type { WaitUntil } from "../snapshot/cache.ts";
import type { Exporter } from "../telemetry/exporter.ts";
import type { IsKnownBot } from "../telemetry/known-bots.ts";
import { captchaFinding, FULL_EVERY_MS, spansOf } from "../telemetry/observation.ts";
import type { Identity } from "../visitor/identity.ts";
import type { GatedRequest } from "./gate-request.ts";

type Dependencies = {
  readonly captcha: CaptchaConfig | null;
  readonly exporter: Exporter;
  readonly isKnownBot: IsKnownBot;
  readonly random: () => number;
};

export type ObservedResponse = {
  readonly status: number;
  readonly startMs: number;
  /** Until the upstream's response headers; null: the gate answered by itself. */
  readonly durationMs: number | null;
};

export type Observe = (gated: GatedRequest, response: ObservedResponse, waitUntil: WaitUntil) => void;

/** Of a unit's last full report. */
type FullReport = { readonly atMs: number; readonly isKnownBot: boolean };

const activatedBy = ({ view, page, identity }: GatedRequest, status: number): readonly Assignment[] => {
  const { activatable } = view.snapshot;
  if (activatable.length === 0) return [];
  const { path, method } = page;
  const activated = activatable.filter((feature) => feature.isActivation?.(path, method, status));
  return activated.length === 0 ? [] : evaluateActivations(activated, page, identity);
};

export const makeObserve = ({ captcha, exporter, isKnownBot, random }: Dependencies): Observe => {
  const fullReports = new WeakMap<Identity, FullReport>();

  return (gated, { status, startMs, durationMs }, waitUntil) => {
    const { identity, isCounted } = gated;
    if (!isCounted || (identity.visitorId === null && identity.userId === null)) return;
    const { request } = gated.incoming;
    const last = fullReports.get(identity);
    const inFull = last === undefined || startMs - last.atMs > FULL_EVERY_MS;
    // Reading a header takes 0.2 µs (measured), so the User-Agent is read with full reports only.
    const isBot = inFull ? isKnownBot(request.headers.get("User-Agent")) : last.isKnownBot;
    if (inFull && identity.signed !== null) fullReports.set(identity, { atMs: startMs, isKnownBot: isBot });
    const exposed = gated.evaluation.compared;
    const activated = durationMs === null ? [] : activatedBy(gated, status);
    if (exposed.length === 0 && activated.length === 0) return;
    const spans = spansOf(
      {
        method: request.method,
        units: identity,
        isKnownBot: isBot,
        captcha: captchaFinding(captcha, identity.captchaScore),
        traceparent: request.headers.get("traceparent"),
        startMs,
        durationMs,
        status,
        exposed,
        activated,
        inFull,
      },
      random,
    );
    for (const each of spans) exporter.add(each, waitUntil);
  };
};
