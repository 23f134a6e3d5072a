// Sluice's own routes, under /.sluice. Everything else is a visitor's request and does not come here.
import { Hono, type Context } from "hono";
import type { Push, ApplyPushError } from "../../shared/snapshot/versioned-snapshot.ts";
import type { Result } from "../../shared/result.ts";
import type { Captcha } from "./captcha.ts";
import { activatedBy, makeEventLimit, readEvent, type EventRefusal } from "./events.ts";
import { explain, type Question } from "./explain.ts";
import type { SenderStats } from "../telemetry/exporter.ts";
import { overlayHeaders, renderOverlay, type Explained } from "./overlay.ts";
import { problem } from "./problem.ts";
import type { PushRefusal } from "./read-push.ts";
import type { ReadClaims } from "../visitor/claims.ts";
import { factsOf } from "../features/request-context.ts";
import { previewCookie, type PreviewFault, type Previews } from "../visitor/preview.ts";
import { isMadeUp, sentWith } from "../visitor/identify.ts";
import { debugged } from "../proxy/debug-headers.ts";
import type { Assigned } from "../features/evaluate.ts";
import type { Identity } from "../visitor/cookie.ts";
import type { Receipt } from "../snapshot/hub.ts";
import type { Seen, WaitUntil } from "../snapshot/cache.ts";

type Dependencies = {
  readonly see: (waitUntil: WaitUntil) => Promise<Seen>;
  readonly identify: (request: Request) => Identity | Promise<Identity>;
  readonly readClaims: ReadClaims;
  readonly previews: Previews;
  readonly readPush: (request: Request) => Promise<Result<Push, PushRefusal>>;
  readonly push: (
    message: Push,
    waitUntil: WaitUntil,
  ) => Promise<Result<{ revision: number; regions: readonly Receipt[] }, ApplyPushError>>;
  readonly stats: () => { telemetry: SenderStats; failures: number; stateCalls: number };
  /** Reports what the unit was exposed to and acted on. */
  readonly tell: (
    request: Request,
    identity: Identity,
    shown: { readonly exposed: readonly Assigned[]; readonly activated: readonly Assigned[] },
    waitUntil: WaitUntil,
  ) => void;
  /** null: none is configured. */
  readonly captcha: Captcha | null;
  readonly ofrep: Hono;
  readonly debugAlways: boolean;
  readonly now: () => number;
};

const faultWords = {
  malformed: "malformed",
  expired: "not valid now",
  signature: "not signed with a key of this installation",
} as const satisfies Record<PreviewFault, string>;

/** A path of the site itself: nobody is sent elsewhere by a link that looks like ours. */
const ownPath = (to: string | undefined): string =>
  to !== undefined && /^\/(?![/\\])[^\s\\]*$/.test(to) ? to : "/";

const refused = (refusal: PushRefusal): Response => {
  switch (refusal.reason) {
    case "signature":
      return problem(401, refusal.detail);
    case "tooLarge":
      return problem(413, `a push has at most ${refusal.maxBytes} bytes`);
    case "malformed":
      return problem(400, refusal.detail);
  }
};

const refusedEvent = (refusal: EventRefusal): Response => {
  switch (refusal) {
    case "foreign":
      return problem(403, "events are taken from the site's own pages only");
    case "tooLarge":
      return problem(413, "an event has at most 1024 characters");
    case "malformed":
      return problem(400, 'an event is {"type": "activation", "featureId"?: "…"}');
    case "tooMany":
      return problem(429, "one visitor sent too many events");
  }
};

export const makeApp = (dependencies: Dependencies) => {
  const {
    see,
    identify,
    readClaims,
    previews,
    readPush,
    push,
    stats,
    ofrep,
    tell,
    captcha,
    debugAlways,
    now,
  } = dependencies;
  const mayTell = makeEventLimit();
  const app = new Hono().basePath("/.sluice");

  /** `?path=` (and `&method=`) asks about one page of the site; else about all of them. */
  const questionOf = async (request: Request, identity: Identity): Promise<Question> => {
    const { searchParams } = new URL(request.url);
    const path = searchParams.get("path") || null;
    const facts = factsOf(request, path ?? "/", await readClaims(request));
    const preview = await previews.read(sentWith(request));
    return { identity, facts, path, method: searchParams.get("method") ?? "GET", preview };
  };

  app.use(async (c, next) => {
    await next();
    c.header("Cache-Control", "no-store");
  });

  app.get("/health", async (c) => {
    const began = now();
    const seen = await see((promise) => c.executionCtx.waitUntil(promise));
    const { snapshot, ageMs, source } = seen;
    const response = c.json({
      revision: snapshot.revision,
      ageMs: Math.round(ageMs),
      source,
      features: snapshot.features.length,
      ...stats(),
      ...(captcha === null ? {} : { captcha: captcha.stats() }),
    });
    return debugAlways || c.req.header("Sluice-Debug") === "1"
      ? debugged(response, seen, now() - began)
      : response;
  });

  const explainFor = async (c: Context): Promise<Explained> => {
    const seen = await see((promise) => c.executionCtx.waitUntil(promise));
    const identity = await identify(c.req.raw);
    const question = await questionOf(c.req.raw, identity);
    return {
      unit: identity.unitId,
      known: identity.signed !== null || !isMadeUp(identity.unitId),
      captchaScore: identity.captchaScore,
      revision: seen.snapshot.revision,
      features: explain(seen, question),
    };
  };

  app.get("/explain", async (c) => c.json(await explainFor(c)));

  app.get("/overlay", async (c) => {
    const path = c.req.query("path") ?? "";
    for (const [name, value] of Object.entries(await overlayHeaders())) c.header(name, value);
    return c.html(renderOverlay(await explainFor(c), path));
  });

  /** The link that an operator opens: from now on, and until it expires, their browser sees the feature open. */
  app.get("/preview", async (c) => {
    const preview = await previews.verify(c.req.query("token") ?? "");
    if (!preview.ok) return problem(403, `the preview link is ${faultWords[preview.error]}`);
    const maxAgeS = Math.floor(preview.value.expires - now() / 1_000);
    c.header("Set-Cookie", previewCookie(c.req.url, c.req.query("token") ?? "", maxAgeS));
    return c.redirect(ownPath(c.req.query("to")), 303);
  });

  app.get("/preview/end", (c) => {
    c.header("Set-Cookie", previewCookie(c.req.url, null, 0));
    return c.redirect(ownPath(c.req.query("to")), 303);
  });

  app.post("/push", async (c) => {
    const message = await readPush(c.req.raw);
    if (!message.ok) return refused(message.error);
    const pushed = await push(message.value, (promise) => c.executionCtx.waitUntil(promise));
    return pushed.ok ? c.json(pushed.value) : c.json({ revision: pushed.error.have }, 409);
  });

  app.post("/events", async (c) => {
    const event = await readEvent(c.req.raw);
    if (!event.ok) return refusedEvent(event.error);
    const identity = await identify(c.req.raw);
    if (identity.signed === null || identity.isPassing) return c.body(null, 204); // nobody who could have acted
    if (!mayTell(identity.unitId, now())) return refusedEvent("tooMany");
    const waitUntil: WaitUntil = (promise) => c.executionCtx.waitUntil(promise);
    const seen = await see(waitUntil);
    const activated = activatedBy(event.value, seen, identity);
    tell(c.req.raw, identity, { exposed: [], activated }, waitUntil);
    return c.body(null, 204);
  });

  app.route("/ofrep", ofrep);
  if (captcha !== null) app.route("/captcha", captcha.route);

  app.notFound((c) => c.json({ title: "Not Found", status: 404 }, 404));
  return app;
};
