// What the exporter is told of a visitor's request: exposures before the upstream is asked, since the worst failures never
// answer; activations when it has answered; and of a fair sample of requests, how they ended.
import type { CaptchaConfig } from "../config.ts";
import { evaluateActivations } from "../features/evaluate.ts";
import type { WaitUntil } from "../snapshot/cache.ts";
import type { Exporter } from "../telemetry/exporter.ts";
import type { IsKnownBot } from "../telemetry/known-bots.ts";
import { captchaFinding, spansOf, type Observation, type Sender } from "../telemetry/observation.ts";
import type { NetworkHash } from "../visitor/network.ts";
import { makeDrawSample } from "./draw-sample.ts";
import { makeDueExposures, partOf } from "./due-exposures.ts";
import type { GatedRequest } from "./gate-request.ts";
import type { Ending } from "./sampled-request.ts";

type Dependencies = {
  readonly captcha: CaptchaConfig | null;
  readonly exporter: Exporter;
  readonly isKnownBot: IsKnownBot;
  readonly networkHash: NetworkHash;
  readonly random: () => number;
};

export type Observe = {
  /** Reports exposures. Whether the request is sampled. */
  readonly begin: (gated: GatedRequest, nowMs: number, waitUntil: WaitUntil) => boolean;
  /** Reports activations: the upstream has answered with `status`. */
  readonly answered: (gated: GatedRequest, status: number, nowMs: number, waitUntil: WaitUntil) => void;
  /** Reports how a sampled request ended. */
  readonly ended: (gated: GatedRequest, ending: Ending, waitUntil: WaitUntil) => void;
};

const countsForUnit = ({ isCounted, identity }: GatedRequest): boolean =>
  isCounted && (identity.visitorId !== null || identity.userId !== null);

export const makeObserve = (dependencies: Dependencies): Observe => {
  const { captcha, exporter, isKnownBot, networkHash, random } = dependencies;
  const dueExposures = makeDueExposures(random);
  const drawSample = makeDrawSample();

  const senderOf = (
    { incoming: { method, headers }, identity }: GatedRequest,
    network: string | null,
  ): Sender => ({
    method,
    units: identity,
    isKnownBot: isKnownBot(headers.get("User-Agent")),
    captcha: captchaFinding(captcha, identity.captchaScore),
    network,
    traceparent: headers.get("traceparent"),
  });

  const report = (gated: GatedRequest, observation: Observation, waitUntil: WaitUntil): void => {
    const send = (network: string | null): void => {
      for (const spans of spansOf(senderOf(gated, network), observation)) exporter.add(spans, waitUntil);
    };
    const address = gated.incoming.headers.get("CF-Connecting-IP");
    const network = networkHash(address, observation.startMs);
    if (network instanceof Promise) waitUntil(network.then(send));
    else send(network);
  };

  return {
    begin: (gated, nowMs, waitUntil) => {
      const { evaluation, identity, incoming, outcome } = gated;
      if (evaluation.compared.length === 0 || !countsForUnit(gated)) return false;
      const isSampled = outcome.answer === null && drawSample(incoming, nowMs);
      const features = dueExposures(identity, evaluation, isSampled, nowMs);
      if (features.length > 0) report(gated, { startMs: nowMs, says: "exposure", features }, waitUntil);
      return isSampled;
    },

    answered: (gated, status, nowMs, waitUntil) => {
      const { activatable } = gated.view.snapshot;
      if (activatable.length === 0 || gated.outcome.answer !== null || !countsForUnit(gated)) return;
      const { path, method } = gated.page;
      const activated = activatable.filter((feature) => feature.isActivation?.(path, method, status));
      if (activated.length === 0) return;
      const features = evaluateActivations(activated, gated.page, gated.identity);
      report(gated, { startMs: nowMs, says: "activation", features }, waitUntil);
    },

    ended: (gated, { startMs, ...end }, waitUntil) => {
      const kind = gated.kind === "visit" ? "document" : "fetch";
      const features = partOf(gated.evaluation.compared, random);
      report(gated, { startMs, says: { kind, ...end }, features }, waitUntil);
    },
  };
};
