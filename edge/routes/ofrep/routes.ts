// The OpenFeature Remote Evaluation Protocol: every OpenFeature client can ask the edge, and hears of a rollback.
import { Hono, type Context as Call } from "hono";
import { FeatureId } from "../../../shared/ids.ts";
import { err, ok, type Result } from "../../../shared/result.ts";
import type { Question } from "../explain.ts";
import type { ReadClaims } from "../../visitor/claims.ts";
import { factsOf } from "../../features/request-context.ts";
import { newIdentity, type Identity } from "../../visitor/cookie.ts";
import { isMadeUp, sentWith } from "../../visitor/identify.ts";
import type { Previews } from "../../visitor/preview.ts";
import type { Seen, WaitUntil } from "../../snapshot/cache.ts";
import { overlay, readContext, type Context, type Fault } from "./context.ts";
import { etagOf, evaluateFlag, isKnown } from "./flag.ts";
import { makeStream } from "./stream.ts";

type Dependencies = {
  readonly see: (waitUntil: WaitUntil) => Promise<Seen>;
  /** Asks for a newer state now. */
  readonly refresh: (waitUntil: WaitUntil) => Promise<boolean>;
  readonly changed: (ms: number) => Promise<void>;
  readonly identify: (request: Request) => Identity | Promise<Identity>;
  /** A Set-Cookie header that makes the browser keep this identity. */
  readonly remember: (url: string, identity: Identity) => Promise<string>;
  readonly readClaims: ReadClaims;
  readonly previews: Previews;
  readonly now: () => number;
};

type Asked = { readonly seen: Seen; readonly question: Question; readonly newcomer: Identity | null };

/** Browsers say so with every POST; servers do not. */
const isBrowser = (request: Request): boolean =>
  request.headers.has("Origin") || request.headers.has("Sec-Fetch-Site");

/**
 * A visitor's cookie or sign-in wins over the targeting key, so that the page's scripts see what the gate does to the page. Without
 * either, a browser is a new visitor; a server has forgotten something.
 */
const whoAsks = (
  request: Request,
  known: Identity,
  { targetingKey }: Context,
): Result<{ identity: Identity; isNew: boolean }, Fault> => {
  if (known.signed !== null || !isMadeUp(known.unitId)) return ok({ identity: known, isNew: false });
  if (targetingKey !== null)
    return ok({ identity: { ...newIdentity(), unitId: targetingKey }, isNew: false });
  if (isBrowser(request)) return ok({ identity: known, isNew: !known.isPassing });
  return err({ errorCode: "TARGETING_KEY_MISSING", errorDetails: "no cookie and no targetingKey" });
};

/** The revision that a stream told the client of; null: none. */
const toldRevision = (request: Request): number | null => {
  const match = /^r(\d{1,15})/.exec(new URL(request.url).searchParams.get("flagConfigEtag") ?? "");
  return match === null ? null : Number(match[1]);
};

export const makeOfrep = (dependencies: Dependencies): Hono => {
  const { see, refresh, changed, identify, remember, readClaims, previews, now } = dependencies;
  const app = new Hono();
  const stream = makeStream({ see, changed, now });

  const waiting =
    (call: Call): WaitUntil =>
    (promise) =>
      call.executionCtx.waitUntil(promise);

  /** Another isolate may have told the client of a change that this one has not heard of yet. */
  const seeFor = async (call: Call): Promise<Seen> => {
    const seen = await see(waiting(call));
    if ((toldRevision(call.req.raw) ?? 0) <= seen.snapshot.revision) return seen;
    await refresh(waiting(call));
    return see(waiting(call));
  };

  const ask = async (call: Call): Promise<Result<Asked, Fault>> => {
    const request = call.req.raw;
    const context = await readContext(request);
    if (!context.ok) return context;
    const who = whoAsks(request, await identify(request), context.value);
    if (!who.ok) return who;
    const { identity, isNew } = who.value;
    const facts = overlay(request, factsOf(request, "/", await readClaims(request)), context.value);
    const preview = await previews.read(sentWith(request));
    const question = { identity, facts, path: null, method: "GET", preview };
    return ok({ seen: await seeFor(call), question, newcomer: isNew ? identity : null });
  };

  const keepNewcomer = async (call: Call, { newcomer }: Asked): Promise<void> => {
    if (newcomer !== null)
      call.header("Set-Cookie", await remember(call.req.url, newcomer), { append: true });
  };

  app.post("/v1/evaluate/flags", async (call) => {
    const asked = await ask(call);
    if (!asked.ok) return call.json(asked.error, 400);
    const { snapshot, stale } = asked.value.seen;
    const flags = snapshot.features.map((feature) => evaluateFlag(feature, stale, asked.value.question));
    const etag = etagOf(snapshot.revision, flags);
    call.header("ETag", etag);
    if (isKnown(call.req.header("If-None-Match") ?? null, etag)) return call.body(null, 304);
    await keepNewcomer(call, asked.value);
    const url = new URL("/.sluice/ofrep/stream", call.req.url).href;
    return call.json({
      flags,
      metadata: { revision: snapshot.revision },
      eventStreams: [{ type: "sse", url, inactivityDelaySec: 120 }],
    });
  });

  app.post("/v1/evaluate/flags/:key{.+}", async (call) => {
    const key = call.req.param("key");
    const asked = await ask(call);
    if (!asked.ok) return call.json({ key, ...asked.error }, 400);
    const { snapshot, stale } = asked.value.seen;
    const featureId = FeatureId.safeParse(key);
    const feature = featureId.success ? snapshot.byId.get(featureId.data) : undefined;
    if (feature === undefined) {
      const errorDetails = `no feature ${key}`;
      return call.json({ key, errorCode: "FLAG_NOT_FOUND", errorDetails }, 404);
    }
    await keepNewcomer(call, asked.value);
    return call.json(evaluateFlag(feature, stale, asked.value.question));
  });

  app.get("/stream", (call) => stream(call.req.raw, waiting(call)));

  return app;
};
