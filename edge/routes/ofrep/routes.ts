// The OpenFeature Remote Evaluation Protocol: OpenFeature clients evaluate features at the edge and hear of changes.
import { Hono, type Context as Call } from "hono";
import type { EvaluationContext } from "../../../shared/features/compile-targeting.ts";
import { FeatureId } from "../../../shared/ids.ts";
import { err, ok, type Result } from "../../../shared/result.ts";
import { evaluationContextOf } from "../../features/evaluation-context.ts";
import type { CompiledFeature, FeatureList } from "../../features/compiled-feature.ts";
import { evaluateFeature, type EvaluationRequest, type FeatureEvaluation } from "../../features/evaluate.ts";
import { readIncoming } from "../../incoming-request.ts";
import type { SnapshotCache, SnapshotView } from "../../snapshot/cache.ts";
import type { ReadClaims } from "../../visitor/claims.ts";
import type { Identify } from "../../visitor/identify.ts";
import type { WriteCookie } from "../../visitor/cookie.ts";
import { NOBODY, type Identity } from "../../visitor/identity.ts";
import type { AllowNewUnit } from "../../visitor/new-units.ts";
import type { Previews } from "../../visitor/preview.ts";
import type { ReportEvent } from "../report-event.ts";
import { waitUntilOf } from "../wait-until.ts";
import { readClientContext, withAttributes, type ClientContext, type OfrepError } from "./context.ts";
import { etagOf, flagOf, matchesEtag } from "./flag.ts";
import { makeStream } from "./stream.ts";

type Dependencies = {
  readonly cache: Omit<SnapshotCache, "calls">;
  readonly identify: Identify;
  readonly writeCookie: WriteCookie;
  readonly reportEvent: ReportEvent;
  readonly allowNewUnit: AllowNewUnit;
  readonly readClaims: ReadClaims;
  readonly previews: Previews;
  readonly now: () => number;
};

type FlagRequest = {
  readonly view: SnapshotView;
  readonly request: ClientRequest;
  readonly client: Client;
};

/** `context` names the page that the client is on. */
type ClientRequest = EvaluationRequest & { readonly context: EvaluationContext };

/**
 * Whom the flags are evaluated for. `newVisitor`: the browser becomes this visitor by the answer. `isBrowser`: the
 * evaluation is an exposure. A server reports exposures itself: it may ask ahead, and for many.
 */
type Client = {
  readonly identity: Identity;
  readonly newVisitor: Identity["visitorId"];
  readonly isBrowser: boolean;
};

export const makeOfrepRoutes = (dependencies: Dependencies): Hono => {
  const { cache, identify, writeCookie, reportEvent, allowNewUnit, readClaims, previews, now } = dependencies;
  const route = new Hono();

  route.post("/v1/evaluate/flags", async (call) => {
    const read = await readFlagRequest(call);
    if (!read.ok) return call.json(read.error, 400);
    const { view, request, client } = read.value;
    const { snapshot } = view;
    const evaluations = evaluateBulk(client, snapshot.features, request);
    report(
      call,
      client,
      evaluations.filter(({ feature }) => isOnPage(feature, request)),
    );
    const flags = evaluations.map((evaluation) => flagOf(evaluation, request));
    const etag = etagOf(snapshot.revision, flags);
    call.header("ETag", etag);
    if (matchesEtag(call.req.header("If-None-Match") ?? null, etag)) return call.body(null, 304);
    await setCookie(call, client);
    const url = new URL("/.sluice/ofrep/stream", call.req.url).href;
    return call.json({
      flags,
      metadata: { revision: snapshot.revision },
      eventStreams: [{ type: "sse", url, inactivityDelaySec: 120 }],
    });
  });

  route.post("/v1/evaluate/flags/:key{.+}", async (call) => {
    const key = call.req.param("key");
    const read = await readFlagRequest(call);
    if (!read.ok) return call.json({ key, ...read.error }, 400);
    const { view, request, client } = read.value;
    const featureId = FeatureId.safeParse(key);
    const feature = featureId.success ? view.snapshot.byId.get(featureId.data) : undefined;
    if (feature === undefined) {
      const errorDetails = `no feature ${key}`;
      return call.json({ key, errorCode: "FLAG_NOT_FOUND", errorDetails }, 404);
    }
    const evaluation = evaluateFeature(feature, request, client.identity);
    report(call, client, [evaluation]);
    await setCookie(call, client);
    return call.json(flagOf(evaluation, request));
  });

  const stream = makeStream({ cache, now });
  route.get("/stream", (call) => stream(call.req.raw, waitUntilOf(call)));

  /** Routes do not limit flags: a client names the flag that it wants, whatever the page. */
  const readFlagRequest = async (call: Call): Promise<Result<FlagRequest, OfrepError>> => {
    const incoming = readIncoming(call.req.raw);
    const { request, url } = incoming;
    const context = await readClientContext(request);
    if (!context.ok) return context;
    const mayBeNew = (): boolean => !isCrossSite(request) && allowNewUnit(request, now());
    const client = identifyClient(request, await identify(incoming), context.value, mayBeNew);
    if (!client.ok) return client;
    const own = evaluationContextOf(incoming, "/", await readClaims(request));
    const previewId = await previews.read(incoming);
    const view = await readView(call, url);
    return ok({
      view,
      request: {
        path: null,
        method: "GET",
        context: withAttributes(own, context.value, request.headers.get("Referer")),
        stale: view.stale,
        previewId,
      },
      client: client.value,
    });
  };

  /**
   * A browser's evaluation is an exposure. Of a bulk answer that is the part that the page's routes name; a client that
   * names a flag means it, whatever the page.
   */
  const report = (call: Call, client: Client, evaluations: readonly FeatureEvaluation[]): void => {
    if (!client.isBrowser) return;
    const features = evaluations.filter(({ reason }) => reason === "bucket");
    reportEvent(call.req.raw, client.identity, { says: "exposure", features }, waitUntilOf(call));
  };

  /** A stream of another isolate may have told the client of a revision that this isolate does not have yet. */
  const readView = async (call: Call, url: string): Promise<SnapshotView> => {
    const waitUntil = waitUntilOf(call);
    const view = await cache.read(waitUntil);
    if ((streamedRevision(url) ?? 0) <= view.snapshot.revision) return view;
    await cache.refresh(waitUntil);
    return cache.read(waitUntil);
  };

  const setCookie = async (call: Call, { newVisitor: visitorId }: Client): Promise<void> => {
    if (visitorId === null) return;
    const cookie = await writeCookie(call.req.url, { visitorId, captchaScore: null });
    call.header("Set-Cookie", cookie, { append: true });
  };

  return route;
};

const isOnPage = (feature: CompiledFeature, { context, method }: ClientRequest): boolean =>
  feature.appliesTo(context.path(), method);

/** A new visitor is told no cohort that is not counted with this answer: what is not on the page is off for now. */
const evaluateBulk = (
  { identity, newVisitor }: Client,
  features: FeatureList,
  request: ClientRequest,
): FeatureEvaluation[] => {
  const elsewhere = newVisitor === null ? identity : { ...identity, visitorId: null };
  return features.map((feature) =>
    evaluateFeature(feature, request, isOnPage(feature, request) ? identity : elsewhere),
  );
};

/** Browsers send one of these headers with every POST; servers do not. */
const isFromBrowser = (request: Request): boolean =>
  request.headers.has("Origin") || request.headers.has("Sec-Fetch-Site");

/** A browser neither sends nor keeps the cookie with a request of another site. */
const isCrossSite = (request: Request): boolean => request.headers.get("Sec-Fetch-Site") === "cross-site";

/**
 * A visitor's cookie wins over the targeting key, and a sign-in too, so that the page's scripts see what the gate does to
 * the page. A key names a visitor or a user, whichever is a feature's unit, and whoever names one reports exposures
 * itself. Without cookie and key a browser becomes a new visitor, and a server has forgotten the key.
 */
const identifyClient = (
  request: Request,
  identity: Identity,
  { targetingKey }: ClientContext,
  mayBeNew: () => boolean,
): Result<Client, OfrepError> => {
  const { signed, isEphemeral, visitorId, userId } = identity;
  const isBrowser = isFromBrowser(request);
  const known = { newVisitor: null, isBrowser: isBrowser && !isEphemeral };
  if (signed !== null) return ok({ identity, ...known });
  if (targetingKey !== null) {
    const named = { ...NOBODY, visitorId: targetingKey, userId: userId ?? targetingKey };
    return ok({ identity: named, newVisitor: null, isBrowser: false });
  }
  if (isBrowser && mayBeNew()) return ok({ identity, ...known, newVisitor: isEphemeral ? null : visitorId });
  if (isBrowser || userId !== null) return ok({ identity: { ...identity, visitorId: null }, ...known });
  return err({ errorCode: "TARGETING_KEY_MISSING", errorDetails: "no cookie and no targetingKey" });
};

/** The revision that a stream's event named to the client; null: none. */
const streamedRevision = (url: string): number | null => {
  const match = /^r(\d{1,15})/.exec(new URL(url).searchParams.get("flagConfigEtag") ?? "");
  return match === null ? null : Number(match[1]);
};
