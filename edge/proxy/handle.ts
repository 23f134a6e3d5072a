// The way of a visitor's request: read the snapshot, identify, evaluate, decide the gate outcome (all in gate-request.ts),
// report exposures, ask the upstream or answer, respond. A request whose gate fails is passed on ungated and counted; a failure
// after the upstream's answer leaves that answer as it is.
import type { WhenClosed } from "../../shared/features/gate.ts";
import type { Config } from "../config.ts";
import { readIncoming, type SentRequest } from "../incoming-request.ts";
import type { WaitUntil } from "../snapshot/cache.ts";
import type { Cookies } from "../visitor/cookie.ts";
import { UNSHARED_FETCH } from "./caching.ts";
import { askForPage, dropConditions, preparePageRequest } from "./edit-page.ts";
import type { IsClosedWithoutState } from "./closed-without-state.ts";
import { answerWhenClosed, CLOSED } from "./gate-outcome.ts";
import type { GatedRequest, GateRequest } from "./gate-request.ts";
import type { Observe } from "./observe.ts";
import type { KeptPages } from "./kept/kept-pages.ts";
import { asSent, type Served, type Site } from "./kept/served.ts";
import { renewCookie } from "./renew-cookie.ts";
import { respond, respondKept } from "./respond.ts";
import { toUpstream, unreachable, type UpstreamRequest } from "./upstream.ts";
import { followRequest, type SampledRequest } from "./sampled-request.ts";

type Dependencies = {
  readonly config: Pick<Config, "UPSTREAM_URL" | "UNFINISHED_AFTER_MS" | "DEBUG_HEADERS">;
  readonly gateRequest: GateRequest;
  readonly cookies: Cookies;
  readonly observe: Observe;
  readonly now: () => number;
  /** Whether there is a cache of the platform's between the gate and the site. */
  readonly passesCache: () => boolean;
  readonly isClosedWithoutState: IsClosedWithoutState;
  /** null: no page is kept. */
  readonly keptPages: KeptPages | null;
  readonly fetchUpstream: (request: UpstreamRequest) => Promise<Response>;
  readonly countFailure: (where: string, error: unknown) => void;
};

export type Handle = (sent: SentRequest, waitUntil: WaitUntil) => Promise<Response>;

const isEdited = (gated: GatedRequest | null): boolean => gated?.outcome.edit != null;

export const makeHandle = (dependencies: Dependencies): Handle => {
  const { config, gateRequest, cookies, observe, now } = dependencies;
  const { passesCache, isClosedWithoutState, keptPages, fetchUpstream, countFailure } = dependencies;

  const handle: Handle = async (sent, waitUntil) => {
    const arrivedMs = now();
    let startMs = arrivedMs;
    let gated: GatedRequest | null = null;
    try {
      const gating = gateRequest(readIncoming(sent.request, sent.address), waitUntil);
      gated = gating instanceof Promise ? await gating : gating;
      // The platform's clock stands while nothing is waited for, and a look at it is a call of the runtime.
      if (gating instanceof Promise) startMs = now();
    } catch (error) {
      countFailure("gate", error);
    }

    const answer = gated === null ? answerUngated(sent) : gated.outcome.answer;
    const sampled = gated === null ? null : beginObserving(gated, startMs, waitUntil);
    let served: Served;
    try {
      served =
        answer === null ? await askSite(sent, gated, sampled, waitUntil) : asSent(answerWhenClosed(answer));
    } catch (error) {
      countFailure("upstream", error);
      served = asSent(unreachable());
      sampled?.answeredHere(served.response.status);
    }

    if (gated === null) return served.response;
    try {
      const answeredMs = now();
      observe.answered(gated, served.pageStatus, answeredMs, waitUntil);
      const renewing = renewCookie(cookies, gated, answeredMs);
      const cookie = renewing === null ? null : await renewing;
      const additions = {
        cookie,
        wantsDebug: wantsDebug(gated.incoming.headers),
        gateMs: startMs - arrivedMs,
      };
      return served.isKept ? respondKept(served, gated, additions) : respond(served, gated, additions);
    } catch (error) {
      countFailure("respond", error);
      return served.response;
    }
  };

  /** From the pages that the edge keeps, else from the site. A failure to keep pages leaves the request as it is. */
  const askSite = async (
    sent: SentRequest,
    gated: GatedRequest | null,
    sampled: SampledRequest | null,
    waitUntil: WaitUntil,
  ): Promise<Served> => {
    if (gated === null || keptPages === null || !keptPages.mayServe(gated))
      return asSent(await askAsSent(sent, gated, sampled));
    const site = makeSite(sent, gated, sampled);
    try {
      const serving = keptPages.serve(gated, site, waitUntil);
      const served = serving instanceof Promise ? await serving : serving;
      if (served !== null) return served;
    } catch (error) {
      if (site.hasFailed()) throw error;
      countFailure("pages", error);
    }
    return asSent(await askAsSent(sent, gated, sampled));
  };

  /** `isDecoded`: the body is read here, so it comes without its coding. */
  const ask = (
    upstream: UpstreamRequest,
    isDecoded: boolean,
    { gated, sampled }: { gated: GatedRequest | null; sampled: SampledRequest | null },
  ): Promise<Response> => {
    const sending = sampled === null ? upstream : sampled.sending(upstream, isDecoded);
    return isEdited(gated) ? askForPage(sending, fetchUpstream) : fetchUpstream(sending);
  };

  const askAsSent = (
    sent: SentRequest,
    gated: GatedRequest | null,
    sampled: SampledRequest | null,
  ): Promise<Response> => {
    const asking = ask(upstreamRequest(sent, gated), isEdited(gated), { gated, sampled });
    return sampled === null ? asking : asking.then(sampled.answered);
  };

  const makeSite = (sent: SentRequest, gated: GatedRequest | null, sampled: SampledRequest | null): Site => {
    let hasFailed = false;
    const noteFailure = async (asking: Promise<Response>): Promise<Response> => {
      try {
        return await asking;
      } catch (error) {
        hasFailed = true;
        throw error;
      }
    };
    return {
      askAsSent: () => noteFailure(askAsSent(sent, gated, sampled)),
      askToKeep: (upstream) => noteFailure(ask(upstream, true, { gated, sampled })),
      answered: (response) => (sampled === null ? response : sampled.answered(response)),
      answeredHere: (status) => sampled?.answeredHere(status),
      hasFailed: () => hasFailed,
    };
  };

  /** Of a request whose gate failed. */
  const answerUngated = ({ address }: SentRequest): WhenClosed | null =>
    isClosedWithoutState(address.path) ? CLOSED.answer : null;

  /** null: the request is not sampled. */
  const beginObserving = (
    gated: GatedRequest,
    nowMs: number,
    waitUntil: WaitUntil,
  ): SampledRequest | null => {
    try {
      if (!observe.begin(gated, nowMs, waitUntil)) return null;
      return followRequest({
        now,
        limitMs: config.UNFINISHED_AFTER_MS,
        request: gated.incoming.request,
        ended: (ending) => observe.ended(gated, ending, waitUntil),
        waitUntil,
      });
    } catch (error) {
      countFailure("observe", error);
      return null;
    }
  };

  /** `gated` null: the gate failed, and the request goes upstream as if Sluice were not there. */
  const upstreamRequest = (sent: SentRequest, gated: GatedRequest | null): UpstreamRequest => {
    const { UPSTREAM_URL: upstreamUrl } = config;
    if (gated === null) return toUpstream(sent, { upstreamUrl, evaluated: null, destination: null });
    const { identity, evaluation, outcome, preview } = gated;
    const { header: features } = evaluation;
    const evaluated = features === "" ? null : { features, visitorId: identity.visitorId };
    const upstream = toUpstream(sent, { upstreamUrl, evaluated, destination: outcome.destination });
    if (evaluated !== null && passesCache()) upstream.init.cf = UNSHARED_FETCH;
    if (outcome.edit !== null) preparePageRequest(upstream.init.headers);
    if (preview !== null) dropConditions(upstream.init.headers);
    return upstream;
  };

  const wantsDebug = (headers: Headers): boolean =>
    config.DEBUG_HEADERS === "always" || headers.get("Sluice-Debug") === "1";

  return handle;
};
