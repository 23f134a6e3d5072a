// The gate between nginx and a PHP site, as docs/before-a-site.md has it: nginx with its defaults, and nginx as a cache with a
// lifetime of its own, as a CDN is.
import { request as httpRequest, type IncomingHttpHeaders } from "node:http";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startTestEdge, type TestEdge } from "../support/edge.ts";
import { startApache, startNginxInFront, type Upstream } from "../support/upstreams.ts";

const CHROME =
  "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36";

let site: Upstream;
let edge: TestEdge;
let proxy: Upstream;
let cdn: Upstream;
let revision = 0;

const set = async (fields: object): Promise<void> => {
  const feature = {
    featureId: "feat_new",
    enabled: true,
    rolloutBps: 5_000,
    holdoutBps: 5_000,
    version: revision + 1,
    routes: [{ path: "/gamma" }, { path: "/beta" }],
    ...fields,
  };
  expect((await edge.push({ revision: ++revision, full: true, features: [feature] })).status).toBe(200);
};

beforeAll(async () => {
  site = await startApache();
  edge = await startTestEdge({ UPSTREAM_URL: site.url });
  proxy = await startNginxInFront(edge.url, { caches: false });
  cdn = await startNginxInFront(edge.url, { caches: true });
});
afterAll(async () => {
  await cdn.stop();
  await proxy.stop();
  await edge.stop();
  await site.stop();
});

type Page = { status: number; headers: IncomingHttpHeaders; body: string };

const ask = (server: Upstream, path: string, headers: IncomingHttpHeaders = {}): Promise<Page> =>
  new Promise((resolve, reject) => {
    const sent = httpRequest(
      server.url + path,
      { headers: { host: "shop.test", "user-agent": CHROME, ...headers } },
      (response) => {
        let body = "";
        response.setEncoding("utf8").on("data", (part: string) => (body += part));
        response.on("end", () =>
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body }),
        );
      },
    );
    sent.on("error", reject).end();
  });

const cohortTold = ({ body }: Page): string => /^HTTP_SLUICE_FEATURES=(.*)$/m.exec(body)?.[1] ?? "";

test("PHP learns features, host and scheme from the edge, whatever the visitor says", async () => {
  await set({ rolloutBps: 10_000, holdoutBps: 0 });
  const { body } = await ask(proxy, "/gamma?server=1", {
    "sluice-features": "feat_forged=treatment",
    "x-forwarded-host": "evil.test",
    "x-real-ip": "6.6.6.6",
  });
  expect(body).toContain("HTTP_SLUICE_FEATURES=feat_new=treatment");
  expect(body).toContain("HTTP_X_FORWARDED_HOST=shop.test");
  expect(body).toContain("HTTP_X_FORWARDED_PROTO=http");
  expect(body).not.toMatch(/feat_forged|evil\.test|6\.6\.6\.6/);
});

test("a cache with a lifetime of its own keeps no cohort's page, and every page without a feature", async () => {
  await set({});
  const told = new Set<string>();
  for (let i = 0; i < 30; i++) {
    const page = await ask(cdn, "/gamma?server=1");
    expect(page.headers["x-cache"]).toBe("MISS");
    const again = await ask(cdn, "/gamma?server=1", {
      cookie: page.headers["set-cookie"]?.[0]?.split(";")[0],
    });
    expect(again.headers["x-cache"]).toBe("MISS");
    expect(cohortTold(again)).toBe(cohortTold(page));
    told.add(cohortTold(page));
  }
  expect(told).toEqual(new Set(["feat_new=treatment", "feat_new=holdout"]));
  for (const path of ["/elsewhere", "/shop/delta"]) {
    expect((await ask(cdn, path)).headers["x-cache"]).toBe("MISS");
    expect((await ask(cdn, path, { cookie: "sluice=anything" })).headers["x-cache"]).toBe("HIT");
  }
});

test("the cache keeps neither a closed page's answer nor an edited page", async () => {
  await set({ enabled: false, rolloutBps: 0, holdoutBps: 0, gate: { whenClosed: { action: "notFound" } } });
  expect((await ask(cdn, "/beta")).status).toBe(404);
  await set({ rolloutBps: 10_000, holdoutBps: 0, gate: { html: { elements: true } } });
  for (let i = 0; i < 2; i++) expect((await ask(cdn, "/beta")).headers["x-cache"]).toBe("MISS");
  await set({ enabled: false, rolloutBps: 0, holdoutBps: 0, gate: { html: { elements: true } } });
  for (let i = 0; i < 2; i++) expect((await ask(cdn, "/gamma")).headers["x-cache"]).toBe("MISS");
});

test("the stream of changes passes nginx with its defaults as it comes", async () => {
  const response = await fetch(`${proxy.url}/.sluice/ofrep/stream`, { signal: AbortSignal.timeout(5_000) });
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  while (!text.includes("refetchEvaluation")) text += (await reader?.read())?.value ?? "";
  await set({});
  while (!text.includes(`"r${revision}`)) text += (await reader?.read())?.value ?? "";
  await reader?.cancel();
  expect(text).toContain(`"r${revision}`);
});
