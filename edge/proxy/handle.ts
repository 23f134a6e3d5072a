// A visitor's request: identify → gate → upstream → observe. Whatever goes wrong before the upstream is asked, the
// request is passed on ungated and counted; what goes wrong after it leaves the upstream's response as it is.
import type { Config } from "../config.ts";
import { captchaFinding, FULL_EVERY_MS, isKnownBot, reportOf } from "../telemetry/observation.ts";
import type { Sender } from "../telemetry/exporter.ts";
import type { Memory, Seen, WaitUntil } from "../snapshot/cache.ts";
import type { StickyCohort } from "../../shared/features/assign.ts";
import { addSticky } from "../../shared/signing/cookie.ts";
import { actionsOf, answerClosed, NO_ACTIONS, type Actions } from "./gate-outcome.ts";
import { isShared, UNSHARED_FETCH, unshare } from "./caching.ts";
import type { Claims, ReadClaims } from "../visitor/claims.ts";
import type { Place } from "../features/compile-gate.ts";
import type { CompiledFeature } from "../features/compile.ts";
import { dropConditions, editPage, preparePageRequest } from "./edit-page.ts";
import type { EvaluationContext } from "../../shared/features/compile-targeting.ts";
import { factsOf } from "../features/request-context.ts";
import {
  applicable,
  assign,
  gate,
  isClosed,
  NOTHING,
  type Assigned,
  type GateOutcome,
} from "../features/evaluate.ts";
import { dayOf, type Identity, type makeCookies } from "../visitor/cookie.ts";
import { markPreview, previewOn, withPreview, type Previews } from "../visitor/preview.ts";
import { nominatedBy, pathOf, toUpstream, unreachable, type Outgoing, type Told } from "./upstream.ts";
import type { Recognise, Sent } from "../visitor/identify.ts";
import { debugged } from "./debug-headers.ts";

export type Dependencies = {
  readonly config: Config;
  readonly memory: Memory;
  readonly cookies: ReturnType<typeof makeCookies>;
  readonly readClaims: ReadClaims;
  readonly previews: Previews;
  readonly recognise: Recognise;
  readonly sender: Sender;
  readonly now: () => number;
  /** Whether there is a cache of the platform's between the gate and the site. */
  readonly passesCache: () => boolean;
  readonly fetchUpstream: (outgoing: Outgoing) => Promise<Response>;
  readonly countFailure: (where: string, error: unknown) => void;
};

type Gated = {
  readonly seen: Seen;
  readonly url: string;
  readonly path: string;
  /** null when no feature concerns the request: then nobody needs to be known. */
  readonly identity: Identity | null;
  readonly outcome: GateOutcome;
  readonly actions: Actions;
  /** The feature that this request sees open by a preview; null: none. */
  readonly previewed: CompiledFeature | null;
};

type Asked = Sent & { readonly path: string };

type Served = {
  /** What the visitor's cookie holds from this response on; null: what it held. */
  readonly sticky: ReadonlyMap<number, StickyCohort> | null;
  readonly status: number;
  readonly startMs: number;
  /** Until the upstream's response headers; null: the gate answered by itself. */
  readonly durationMs: number | null;
};

/** `url` is the request's own, which every stage reads: the runtime makes a new string of it each time. */
export type Handle = (request: Request, url: string, waitUntil: WaitUntil) => Promise<Response>;

/** Only a unit that is sticky for a feature acts on it: who was never exposed cannot. */
const activated = (
  request: Request,
  status: number,
  { seen, path, identity, previewed }: Gated,
): Assigned[] =>
  identity === null || seen.snapshot.activatable.length === 0
    ? []
    : seen.snapshot.activatable
        .filter(
          (feature) =>
            feature !== previewed &&
            identity.sticky.has(feature.stickyKey) &&
            !isClosed(feature, seen.stale) &&
            feature.activatedBy?.(path, request.method, status),
        )
        .map((feature) => assign(feature, identity));

/** A unit whose cookie has no room for a feature is not counted for it: its actions would not be either. */
const stickyOnly = (
  compared: readonly Assigned[],
  sticky: ReadonlyMap<number, StickyCohort>,
): readonly Assigned[] => compared.filter(({ feature }) => sticky.has(feature.stickyKey));

const act = (
  method: string,
  { snapshot }: Seen,
  path: string,
  { outcome, previewed }: Pick<Gated, "outcome" | "previewed">,
): Actions => {
  if (snapshot.gated.length === 0) return NO_ACTIONS;
  const open = new Set(outcome.compared.filter((each) => each.open).map(({ feature }) => feature));
  if (previewed !== null) open.add(previewed);
  return actionsOf(snapshot.gated, { path, method, open });
};

export const makeHandle = (dependencies: Dependencies): Handle => {
  const { config, memory, cookies, readClaims, previews, recognise, sender, now } = dependencies;
  const { passesCache, fetchUpstream, countFailure } = dependencies;

  /** What the request gets, once all is known that has to be asked for elsewhere. */
  const decide = (
    asked: Asked,
    seen: Seen,
    claims: Claims | null,
    previewed: CompiledFeature | null,
  ): Gated | Promise<Gated> => {
    const { request, url, path } = asked;
    const { method } = request;
    const { snapshot, stale } = seen;
    const facts = (): EvaluationContext => factsOf(request, path, claims);
    const features = applicable(snapshot, { path, method, stale, facts });
    const mayActivate = snapshot.mayActivate(method);
    const isNeeded = features.length > 0 || mayActivate || previewed !== null;
    const complete = (identity: Identity | null): Gated => {
      const usual = identity === null ? NOTHING : gate(features, identity);
      const outcome = previewed === null ? usual : withPreview(usual, previewed);
      const actions = act(method, seen, path, { outcome, previewed });
      return { seen, url, path, identity, outcome, actions, previewed };
    };
    const found = isNeeded ? recognise(asked) : null;
    return found instanceof Promise ? found.then(complete) : complete(found);
  };

  const gateSeen = (asked: Asked, seen: Seen): Gated | Promise<Gated> => {
    const { request, path } = asked;
    const { snapshot } = seen;
    const preview = previews.read(asked);
    if (preview === null && !snapshot.asksForClaims) return decide(asked, seen, null, null);
    return (async () => {
      const claims = snapshot.asksForClaims ? await readClaims(request) : null;
      const previewed = preview === null ? null : previewOn(snapshot, await preview, path, request.method);
      return decide(asked, seen, claims, previewed);
    })();
  };

  /** No promise for the many requests for which nothing has to be waited. */
  const gateRequest = (request: Request, url: string, waitUntil: WaitUntil): Gated | Promise<Gated> => {
    const asked = { request, url, cookies: request.headers.get("Cookie"), path: pathOf(url) };
    const state = memory.see(waitUntil);
    return state instanceof Promise ? state.then((seen) => gateSeen(asked, seen)) : gateSeen(asked, state);
  };

  /** What the visitor's cookie has to hold from now on; null: what it holds, there being nothing new or no room. */
  const stickyAfter = ({ identity, outcome, seen }: Gated): ReadonlyMap<number, StickyCohort> | null => {
    const { newSticky } = outcome;
    if (identity === null || newSticky.size === 0) return null;
    const { stickyKeys: living, enabledStickyKeys: open } = seen.snapshot;
    const sticky = addSticky(identity.sticky, newSticky, { living, open });
    return [...newSticky.keys()].some((key) => sticky.has(key)) ? sticky : null;
  };

  /** A Set-Cookie header when there is something to tell the visitor's browser that it does not know. */
  const cookieFor = (
    { url, identity, outcome }: Gated,
    sticky: ReadonlyMap<number, StickyCohort> | null,
  ): Promise<string> | null => {
    if (identity === null || identity.isPassing || !outcome.meetsAny) return null;
    const day = dayOf(now());
    if (sticky === null && !cookies.isDue(identity, day)) return null;
    const { unitId, captchaScore } = identity;
    return cookies.write(url, { unitId, sticky: sticky ?? identity.sticky, captchaScore }, day);
  };

  const observe = (
    request: Request,
    gated: Gated,
    { sticky, status, startMs, durationMs }: Served,
    waitUntil: WaitUntil,
  ): void => {
    const { identity, outcome } = gated;
    if (identity === null || identity.isPassing) return;
    const exposed =
      outcome.newSticky.size === 0
        ? outcome.compared
        : stickyOnly(outcome.compared, sticky ?? identity.sticky);
    const inFull = sticky !== null || startMs - identity.reportedMs > FULL_EVERY_MS;
    if (inFull) {
      identity.reportedMs = startMs;
      identity.isKnownBot = isKnownBot(request.headers.get("User-Agent"));
    }
    const actions = durationMs === null ? [] : activated(request, status, gated);
    if (exposed.length === 0 && actions.length === 0) return;
    const report = reportOf(
      {
        method: request.method,
        unitId: identity.unitId,
        isKnownBot: identity.isKnownBot,
        captcha: captchaFinding(config.CAPTCHA, identity.captchaScore),
        traceparent: request.headers.get("traceparent"),
        startMs,
        durationMs,
        status,
        exposed,
        activated: actions,
        inFull,
      },
      Math.random,
    );
    if (report !== null) sender.add(report, waitUntil);
  };

  const askUpstream = (
    request: Request,
    url: string,
    { told, place, edit, anew }: { told: Told | null; place: Place | null; edit: boolean; anew: boolean },
  ): Promise<Response> => {
    const outgoing = toUpstream(request, url, { upstreamUrl: config.UPSTREAM_URL, told, place });
    if (told !== null && passesCache()) outgoing.init.cf = UNSHARED_FETCH;
    if (edit) preparePageRequest(outgoing.init.headers);
    if (anew) dropConditions(outgoing.init.headers);
    return fetchUpstream(outgoing);
  };

  return async (request, url, waitUntil) => {
    const arrivedMs = now();
    let gated: Gated | null = null;
    try {
      const found = gateRequest(request, url, waitUntil);
      gated = found instanceof Promise ? await found : found;
    } catch (error) {
      countFailure("gate", error);
    }
    const told: Told | null =
      gated === null || gated.identity === null || gated.outcome.header === ""
        ? null
        : { features: gated.outcome.header, unitId: gated.identity.unitId };
    const startMs = now();
    const { answer, place, edit } = gated?.actions ?? NO_ACTIONS;
    const previewed = gated?.previewed ?? null;
    let response: Response;
    try {
      response =
        answer === null
          ? await askUpstream(request, url, { told, place, edit: edit !== null, anew: previewed !== null })
          : answerClosed(answer);
    } catch (error) {
      countFailure("upstream", error);
      response = unreachable();
    }
    if (gated === null) return response;
    try {
      const gateMs = startMs - arrivedMs;
      const durationMs = answer === null ? now() - startMs : null;
      const sticky = stickyAfter(gated);
      observe(request, gated, { sticky, status: response.status, startMs, durationMs }, waitUntil);
      if (edit !== null) response = editPage(response, edit);
      if (previewed !== null) response = markPreview(response, previewed);
      const due = cookieFor(gated, sticky);
      const cookie = due === null ? null : await due;
      const wantsDebug = config.DEBUG_HEADERS === "always" || request.headers.get("Sluice-Debug") === "1";
      const unshares = gated.outcome.meetsAny && isShared(response.headers);
      const ofItsHop = nominatedBy(response.headers.get("Connection"));
      const changes = cookie !== null || wantsDebug || unshares || ofItsHop.length > 0;
      if (!changes || response.status === 101) return response;
      const changed = new Response(response.body, response);
      for (const name of ofItsHop) changed.headers.delete(name);
      if (unshares) unshare(changed.headers);
      if (cookie !== null) changed.headers.append("Set-Cookie", cookie);
      return wantsDebug ? debugged(changed, gated.seen, gateMs) : changed;
    } catch (error) {
      countFailure("respond", error);
      return response;
    }
  };
};
