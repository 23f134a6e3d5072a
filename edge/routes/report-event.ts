// Tells the exporter what happened to a unit outside of a request to the site.
import type { CaptchaConfig } from "../config.ts";
import type { Assignment } from "../features/compiled-feature.ts";
import type { WaitUntil } from "../snapshot/cache.ts";
import type { Exporter } from "../telemetry/exporter.ts";
import type { IsKnownBot } from "../telemetry/known-bots.ts";
import { captchaFinding, spansOf } from "../telemetry/observation.ts";
import type { Identity } from "../visitor/identity.ts";

export type ReportEvent = (
  request: Request,
  identity: Identity,
  event: { readonly exposed: readonly Assignment[]; readonly activated: readonly Assignment[] },
  waitUntil: WaitUntil,
) => void;

type Dependencies = {
  readonly captcha: CaptchaConfig | null;
  readonly exporter: Exporter;
  readonly isKnownBot: IsKnownBot;
  readonly now: () => number;
  readonly random: () => number;
};

export const makeReportEvent =
  ({ captcha, exporter, isKnownBot, now, random }: Dependencies): ReportEvent =>
  ({ method, headers }, identity, event, waitUntil) => {
    const spans = spansOf(
      {
        method,
        units: identity,
        isKnownBot: isKnownBot(headers.get("User-Agent")),
        captcha: captchaFinding(captcha, identity.captchaScore),
        traceparent: headers.get("traceparent"),
        startMs: now(),
        durationMs: null,
        status: 204,
        ...event,
        inFull: true,
      },
      random,
    );
    for (const each of spans) exporter.add(each, waitUntil);
  };
