// Sluice's own routes, under /.sluice. Everything else is a visitor's request and does not come here.
import { Hono } from "hono";
import type { PushMessage } from "../shared/feature.ts";
import type { Refusal } from "../shared/ledger.ts";
import type { Result } from "../shared/result.ts";
import { explain, type Question } from "./explain.ts";
import type { SenderStats } from "./observe/sender.ts";
import type { PushRefusal } from "./push.ts";
import type { ReadClaims } from "./request/claims.ts";
import { factsOf } from "./request/facts.ts";
import { debugged } from "./request/respond.ts";
import type { Identity } from "./request/identify.ts";
import type { Receipt } from "./state/hub.ts";
import type { Seen, WaitUntil } from "./state/memory.ts";

type Dependencies = {
  readonly see: (waitUntil: WaitUntil) => Promise<Seen>;
  readonly identify: (request: Request) => Identity | Promise<Identity>;
  readonly readClaims: ReadClaims;
  readonly readPush: (request: Request) => Promise<Result<PushMessage, PushRefusal>>;
  readonly push: (
    message: PushMessage,
    waitUntil: WaitUntil,
  ) => Promise<Result<{ revision: number; regions: readonly Receipt[] }, Refusal>>;
  readonly stats: () => { telemetry: SenderStats; failures: number; stateCalls: number };
  readonly ofrep: Hono;
  readonly debugAlways: boolean;
  readonly now: () => number;
};

const problem = (status: 400 | 401 | 413, title: string, detail: string): Response =>
  new Response(JSON.stringify({ title, status, detail }), {
    status,
    headers: { "Content-Type": "application/problem+json" },
  });

const refused = (refusal: PushRefusal): Response => {
  switch (refusal.reason) {
    case "signature":
      return problem(401, "Unauthorized", refusal.detail);
    case "tooLarge":
      return problem(413, "Content Too Large", `a push has at most ${refusal.maxBytes} bytes`);
    case "malformed":
      return problem(400, "Bad Request", refusal.detail);
  }
};

export const makeApp = (dependencies: Dependencies) => {
  const { see, identify, readClaims, readPush, push, stats, ofrep, debugAlways, now } = dependencies;
  const app = new Hono().basePath("/.sluice");

  /** `?path=` (and `&method=`) asks about one page of the site; else about all of them. */
  const questionOf = async (request: Request, identity: Identity): Promise<Question> => {
    const { searchParams } = new URL(request.url);
    const path = searchParams.get("path");
    const facts = factsOf(request, path ?? "/", await readClaims(request));
    return { identity, facts, path, method: searchParams.get("method") ?? "GET" };
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
    });
    return debugAlways || c.req.header("Sluice-Debug") === "1"
      ? debugged(response, seen, now() - began)
      : response;
  });

  app.get("/explain", async (c) => {
    const seen = await see((promise) => c.executionCtx.waitUntil(promise));
    const identity = await identify(c.req.raw);
    return c.json({
      unit: identity.unitId,
      /** false: no cookie that could be believed was sent, and this unit was made up for the answer. */
      known: identity.signed !== null,
      revision: seen.snapshot.revision,
      features: explain(seen, await questionOf(c.req.raw, identity)),
    });
  });

  app.post("/push", async (c) => {
    const message = await readPush(c.req.raw);
    if (!message.ok) return refused(message.error);
    const pushed = await push(message.value, (promise) => c.executionCtx.waitUntil(promise));
    return pushed.ok ? c.json(pushed.value) : c.json({ revision: pushed.error.have }, 409);
  });

  app.route("/ofrep", ofrep);

  app.notFound((c) => c.json({ title: "Not Found", status: 404 }, 404));
  return app;
};
