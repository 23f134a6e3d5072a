// Tells the exporter what happened to a unit outside of a request to the site.
import type { CaptchaConfig } from "../config.ts";
import type { Assignment } from "../features/compiled-feature.ts";
import type { WaitUntil } from "../snapshot/cache.ts";
import type { Exporter } from "../telemetry/exporter.ts";
import type { IsKnownBot } from "../telemetry/known-bots.ts";
import { captchaFinding, spansOf } from "../telemetry/observation.ts";
import type { Identity } from "../visitor/identity.ts";
import type { NetworkHash } from "../visitor/network.ts";

export type ReportEvent = (
  request: Request,
  identity: Identity,
  event: { readonly says: "exposure" | "activation"; readonly features: readonly Assignment[] },
  waitUntil: WaitUntil,
) => void;

type Dependencies = {
  readonly captcha: CaptchaConfig | null;
  readonly exporter: Exporter;
  readonly isKnownBot: IsKnownBot;
  readonly networkHash: NetworkHash;
  readonly now: () => number;
};

export const makeReportEvent =
  ({ captcha, exporter, isKnownBot, networkHash, now }: Dependencies): ReportEvent =>
  ({ method, headers }, identity, event, waitUntil) => {
    const startMs = now();
    const sender = {
      method,
      units: identity,
      isKnownBot: isKnownBot(headers.get("User-Agent")),
      captcha: captchaFinding(captcha, identity.captchaScore),
      traceparent: headers.get("traceparent"),
    };
    const send = (network: string | null): void => {
      for (const spans of spansOf({ ...sender, network }, { startMs, ...event }))
        exporter.add(spans, waitUntil);
    };
    const network = networkHash(headers.get("CF-Connecting-IP"), startMs);
    if (network instanceof Promise) waitUntil(network.then(send));
    else send(network);
  };
