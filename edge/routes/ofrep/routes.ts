// The OpenFeature Remote Evaluation Protocol: OpenFeature clients evaluate features at the edge and hear of changes.
import { Hono, type Context as Call } from "hono";
import type { EvaluationContext } from "../../../shared/features/compile-targeting.ts";
import {
  evaluateFeature,
  type EvaluationRequest,
  type FeatureEvaluation,
} from "../../../shared/features/evaluate-feature.ts";
import { FeatureId } from "../../../shared/ids.ts";
import { err, ok, type Result } from "../../../shared/result.ts";
import { evaluationContextOf } from "../../features/evaluation-context.ts";
import type { CompiledFeature, FeatureList } from "../../features/compiled-feature.ts";
import { mayHearOf, previewedId } from "../../features/evaluate.ts";
import { readIncoming } from "../../incoming-request.ts";
import type { SnapshotCache, SnapshotView } from "../../snapshot/cache.ts";
import type { ReadClaims } from "../../visitor/claims.ts";
import type { Identify } from "../../visitor/identify.ts";
import type { WriteCookie } from "../../visitor/cookie.ts";
import { networkOf } from "../../visitor/network.ts";
import type { AllowNewUnit } from "../../visitor/new-units.ts";
import type { Previews } from "../../visitor/preview.ts";
import type { ReadAuthority } from "../../visitor/server-key.ts";
import { makeCors } from "../cors.ts";
import type { ReadPageOrigin } from "../page-origin.ts";
import { problem } from "../problem.ts";
import type { ReportEvent } from "../report-event.ts";
import { waitUntilOf } from "../wait-until.ts";
import { identifyClient, missingKey, type Client } from "./client.ts";
import { readClientContext, withAttributes, type ClientContext, type OfrepError } from "./context.ts";
import { etagOf, flagOf, matchesEtag } from "./flag.ts";
import { makeStream, readAsNewAs } from "./stream.ts";
import { makeTakePlace, STREAM_LIMITS } from "./stream-limit.ts";

type Dependencies = {
  readonly cache: Omit<SnapshotCache, "stats">;
  readonly identify: Identify;
  readonly readAuthority: ReadAuthority;
  readonly readPageOrigin: ReadPageOrigin;
  readonly writeCookie: WriteCookie;
  readonly reportEvent: ReportEvent;
  readonly allowNewUnit: AllowNewUnit;
  readonly readClaims: ReadClaims;
  readonly previews: Previews;
  readonly now: () => number;
};

/** A refused client evaluates by itself meanwhile. */
const RETRY_AFTER_S = 30;

type FlagRequest = {
  readonly view: SnapshotView;
  readonly request: ClientRequest;
  readonly client: Client;
  readonly context: ClientContext;
};

/** `context` names the page that the client is on. */
type ClientRequest = EvaluationRequest & { readonly context: EvaluationContext };

export const makeOfrepRoutes = (dependencies: Dependencies): Hono => {
  const { cache, identify, readAuthority, readPageOrigin, writeCookie } = dependencies;
  const { reportEvent, allowNewUnit, readClaims, previews, now } = dependencies;
  const route = new Hono();
  route.use(makeCors(readPageOrigin));

  route.post("/v1/evaluate/flags", async (call) => {
    const read = await readFlagRequest(call);
    if (!read.ok) return refuse(call, read.error);
    const { view, request, client, context } = read.value;
    const { snapshot } = view;
    const features = snapshot.features.filter((feature) => isListed(feature, client, request));
    const evaluations = evaluateBulk(client, features, request);
    report(
      call,
      client,
      evaluations.filter(({ feature }) => isOnPage(feature, request)),
    );
    const answer = (evaluation: FeatureEvaluation<CompiledFeature>): object => {
      const missing = missingKey(client, context, evaluation);
      return missing === null
        ? flagOf(evaluation, request)
        : { key: evaluation.feature.featureId, ...missing };
    };
    const flags = evaluations.map(answer);
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
    if (!read.ok) return refuse(call, { key, ...read.error });
    const { view, request, client, context } = read.value;
    const featureId = FeatureId.safeParse(key);
    const feature = featureId.success ? view.snapshot.byId.get(featureId.data) : undefined;
    if (feature === undefined || !isListed(feature, client, request)) {
      const errorDetails = `no feature ${key}`;
      return call.json({ key, errorCode: "FLAG_NOT_FOUND", errorDetails }, 404);
    }
    const evaluation = evaluateFeature(feature, request, client.identity);
    const missing = missingKey(client, context, evaluation);
    if (missing !== null) return refuse(call, { key, ...missing });
    report(call, client, [evaluation]);
    await setCookie(call, client);
    return call.json(flagOf(evaluation, request));
  });

  const stream = makeStream({ cache, now });
  const takePlace = makeTakePlace(STREAM_LIMITS);
  route.get("/stream", async (call) => {
    const { raw: request } = call.req;
    const { signed, visitorId } = await identify(readIncoming(request));
    const network = networkOf(request.headers.get("CF-Connecting-IP"));
    const place = takePlace({ visitor: signed === null ? null : visitorId, network });
    if (typeof place === "object") return stream(request, waitUntilOf(call), place);
    const refusal =
      place === "full"
        ? problem(503, "this isolate holds as many streams as it can; clients ask for flags meanwhile")
        : problem(429, "too many streams of one visitor or network");
    refusal.headers.set("Retry-After", String(RETRY_AFTER_S));
    return refusal;
  });

  /** Routes do not limit flags: a client names the flag that it wants, whatever the page. */
  const readFlagRequest = async (call: Call): Promise<Result<FlagRequest, OfrepError>> => {
    const incoming = readIncoming(call.req.raw);
    const { request, url } = incoming;
    const context = await readClientContext(request);
    if (!context.ok) return context;
    const authority = await readAuthority(request.headers);
    if (authority === "wrong")
      return err({ errorCode: "GENERAL", errorDetails: "X-API-Key is none of SERVER_KEYS" });
    const asking = {
      headers: request.headers,
      page: readPageOrigin(request),
      isServer: authority === "server",
      mayBeNew: () => allowNewUnit(request, now()),
    };
    const client = identifyClient(asking, await identify(incoming), context.value);
    const own = evaluationContextOf(incoming, "/", await readClaims(request));
    const tag = new URL(url).searchParams.get("flagConfigEtag");
    const view = await readAsNewAs(tag, cache, waitUntilOf(call));
    const previewId = previewedId(view.snapshot, await previews.read(incoming));
    return ok({
      view,
      request: {
        path: null,
        method: "GET",
        context: withAttributes(own, context.value, {
          referer: request.headers.get("Referer"),
          isServer: client.isServer,
        }),
        stale: view.stale,
        previewId,
      },
      client,
      context: context.value,
    });
  };

  /**
   * A browser's evaluation is an exposure. Of a bulk answer that is the part that the page's routes name; a client that
   * names a flag means it, whatever the page.
   */
  const report = (
    call: Call,
    client: Client,
    evaluations: readonly FeatureEvaluation<CompiledFeature>[],
  ): void => {
    if (!client.isBrowser) return;
    const features = evaluations.filter(({ reason }) => reason === "bucket");
    reportEvent(call.req.raw, client.identity, { says: "exposure", features }, waitUntilOf(call));
  };

  const setCookie = async (call: Call, { newVisitor: visitorId }: Client): Promise<void> => {
    if (visitorId === null) return;
    const cookie = await writeCookie(call.req.url, { visitorId, captchaScore: null });
    call.header("Set-Cookie", cookie, { append: true });
  };

  return route;
};

/** 401 where a server key is missing or wrong. */
const refuse = (call: Call, error: OfrepError & { readonly key?: string }): Response => {
  if (error.errorCode !== "GENERAL") return call.json(error, 400);
  call.header("WWW-Authenticate", "Bearer");
  return call.json(error, 401);
};

const isListed = (
  feature: CompiledFeature,
  { isServer }: Client,
  { previewId }: EvaluationRequest,
): boolean => mayHearOf(feature, { isServer, previewId });

const isOnPage = (feature: CompiledFeature, { context, method }: ClientRequest): boolean =>
  feature.appliesTo(context.path(), method);

/** A new visitor is told no cohort that is not counted with this answer: what is not on the page is off for now. */
const evaluateBulk = (
  { identity, newVisitor }: Client,
  features: FeatureList,
  request: ClientRequest,
): FeatureEvaluation<CompiledFeature>[] => {
  const elsewhere = newVisitor === null ? identity : { ...identity, visitorId: null };
  return features.map((feature) =>
    evaluateFeature(feature, request, isOnPage(feature, request) ? identity : elsewhere),
  );
};
