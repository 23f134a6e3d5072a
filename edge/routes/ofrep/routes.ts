// The OpenFeature Remote Evaluation Protocol: OpenFeature clients evaluate features at the edge and hear of changes.
import { Hono, type Context as Call } from "hono";
import { FeatureId } from "../../../shared/ids.ts";
import { err, ok, type Result } from "../../../shared/result.ts";
import { evaluationContextOf } from "../../features/evaluation-context.ts";
import type { EvaluationRequest } from "../../features/evaluate.ts";
import { readIncoming } from "../../incoming-request.ts";
import type { SnapshotCache, SnapshotView } from "../../snapshot/cache.ts";
import type { ReadClaims } from "../../visitor/claims.ts";
import type { Identify } from "../../visitor/identify.ts";
import type { WriteCookie } from "../../visitor/cookie.ts";
import { NOBODY, type Identity } from "../../visitor/identity.ts";
import type { Previews } from "../../visitor/preview.ts";
import { waitUntilOf } from "../wait-until.ts";
import { readClientContext, withAttributes, type ClientContext, type OfrepError } from "./context.ts";
import { etagOf, evaluateFlag, matchesEtag } from "./flag.ts";
import { makeStream } from "./stream.ts";

type Dependencies = {
  readonly cache: Omit<SnapshotCache, "calls">;
  readonly identify: Identify;
  readonly writeCookie: WriteCookie;
  readonly readClaims: ReadClaims;
  readonly previews: Previews;
  readonly now: () => number;
};

type FlagRequest = {
  readonly view: SnapshotView;
  readonly request: EvaluationRequest;
  readonly client: Client;
};

/** Whom the flags are evaluated for. `newVisitor`: the browser becomes this visitor by the answer. */
type Client = { readonly identity: Identity; readonly newVisitor: Identity["visitorId"] };

export const makeOfrepRoutes = (dependencies: Dependencies): Hono => {
  const { cache, identify, writeCookie, readClaims, previews, now } = dependencies;
  const route = new Hono();

  route.post("/v1/evaluate/flags", async (call) => {
    const read = await readFlagRequest(call);
    if (!read.ok) return call.json(read.error, 400);
    const { view, request, client } = read.value;
    const { snapshot } = view;
    const flags = snapshot.features.map((feature) => evaluateFlag(feature, request, client.identity));
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
    await setCookie(call, client);
    return call.json(evaluateFlag(feature, request, client.identity));
  });

  const stream = makeStream({ cache, now });
  route.get("/stream", (call) => stream(call.req.raw, waitUntilOf(call)));

  /** Routes do not limit flags: a client names the flag that it wants, whatever the page. */
  const readFlagRequest = async (call: Call): Promise<Result<FlagRequest, OfrepError>> => {
    const incoming = readIncoming(call.req.raw);
    const { request, url } = incoming;
    const context = await readClientContext(request);
    if (!context.ok) return context;
    const client = identifyClient(request, await identify(incoming), context.value);
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

/** Browsers send one of these headers with every POST; servers do not. */
const isBrowser = (request: Request): boolean =>
  request.headers.has("Origin") || request.headers.has("Sec-Fetch-Site");

/**
 * A visitor's cookie wins over the targeting key, and a sign-in too, so that the page's scripts see what the gate does to
 * the page. A key names a visitor or a user, whichever is a feature's unit. Without cookie and key a browser becomes a new
 * visitor, and a server has forgotten the key.
 */
const identifyClient = (
  request: Request,
  identity: Identity,
  { targetingKey }: ClientContext,
): Result<Client, OfrepError> => {
  const { signed, isEphemeral, userId } = identity;
  if (signed !== null) return ok({ identity, newVisitor: null });
  if (targetingKey !== null) {
    const named = { ...NOBODY, visitorId: targetingKey, userId: userId ?? targetingKey };
    return ok({ identity: named, newVisitor: null });
  }
  if (isBrowser(request)) return ok({ identity, newVisitor: isEphemeral ? null : identity.visitorId });
  if (userId !== null) return ok({ identity: { ...identity, visitorId: null }, newVisitor: null });
  return err({ errorCode: "TARGETING_KEY_MISSING", errorDetails: "no cookie and no targetingKey" });
};

/** The revision that a stream's event named to the client; null: none. */
const streamedRevision = (url: string): number | null => {
  const match = /^r(\d{1,15})/.exec(new URL(url).searchParams.get("flagConfigEtag") ?? "");
  return match === null ? null : Number(match[1]);
};
