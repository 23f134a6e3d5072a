// A shared cache before the gate and one behind it, with visitors of different cohorts taking turns: nobody ever gets
// a page that was made for somebody else's cohort, and pages that no feature concerns are cached as ever.
import { once } from "node:events";
import { createServer, request as httpRequest, type IncomingHttpHeaders, type Server } from "node:http";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startTestEdge, type TestEdge } from "../support/edge.ts";

const listen = async (server: Server): Promise<string> => {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return `http://127.0.0.1:${address.port}`;
};

type Page = { status: number; headers: IncomingHttpHeaders; body: string };

const ask = (url: string, path: string, headers: IncomingHttpHeaders): Promise<Page> =>
  new Promise((resolve, reject) => {
    const sent = httpRequest(url + path, { headers: { ...headers, host: "shop.test" } }, (response) => {
      let body = "";
      response.setEncoding("utf8").on("data", (part: string) => (body += part));
      response.on("end", () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body }),
      );
    });
    sent.on("error", reject).end();
  });

/** A shared cache by RFC 9111 as far as it matters here: keyed by URL, it keeps what is public and may be kept. */
const startCache = (target: () => string, hits: string[]): Server => {
  const kept = new Map<string, Page>();
  return createServer((request, response) => {
    const serve = async (): Promise<void> => {
      const path = request.url ?? "/";
      const asked = request.headers["cache-control"] ?? "";
      const found = asked.includes("no-cache") ? undefined : kept.get(path);
      if (found !== undefined) hits.push(path);
      const page = found ?? (await ask(target(), path, request.headers));
      const control = page.headers["cache-control"] ?? "";
      const mayKeep = /public|max-age/.test(control) && !/private|no-store/.test(control);
      if (found === undefined && mayKeep && !asked.includes("no-store"))
        kept.set(path, { ...page, headers: { ...page.headers, "set-cookie": undefined } });
      const headers = Object.entries(page.headers).filter(([, value]) => value !== undefined);
      response.writeHead(page.status, Object.fromEntries(headers)).end(page.body);
    };
    void serve();
  });
};

const site = createServer((request, response) => {
  response.setHeader("Cache-Control", "public, max-age=600, s-maxage=600");
  response.end(String(request.headers["sluice-features"] ?? "none"));
});
const hitsBehind: string[] = [];
const hitsBefore: string[] = [];
let siteUrl = "";
let edge: TestEdge;
let front = "";
const behind = startCache(() => siteUrl, hitsBehind);
const before = startCache(() => edge.url, hitsBefore);

beforeAll(async () => {
  siteUrl = await listen(site);
  edge = await startTestEdge({ UPSTREAM_URL: await listen(behind) });
  front = await listen(before);
  const shop = { enabled: true, version: 1, routes: [{ path: "/shop/*" }] };
  const features = [{ ...shop, featureId: "feat_half", rolloutBps: 4_000, holdoutBps: 3_000 }];
  await edge.push({ revision: 1, full: true, features });
});
afterAll(async () => {
  await edge.stop();
  for (const server of [site, behind, before]) {
    server.closeAllConnections();
    server.close();
  }
});

/** Visitors with their cookie and what the gate told of them on their first visit. */
const visitors = async (): Promise<{ cookie: string; told: string }[]> => {
  const found: { cookie: string; told: string }[] = [];
  for (let i = 0; i < 30; i++) {
    const { headers, body } = await ask(edge.url, `/shop/first-${i}`, {});
    found.push({ cookie: headers["set-cookie"]?.[0]?.split(";")[0] ?? "", told: body });
  }
  return found;
};

test("visitors of three cohorts who take turns each get their own page, through either cache", async () => {
  const all = await visitors();
  expect(new Set(all.map(({ told }) => told))).toEqual(
    new Set(["feat_half=treatment", "feat_half=holdout", "none"]),
  );
  for (let turn = 0; turn < 3; turn++)
    for (const { cookie, told } of all) {
      const page = await ask(edge.url, "/shop/page", { cookie });
      expect(page.body).toBe(told);
      expect(page.headers["cache-control"]).toBe("private, max-age=600");
    }
  for (const { cookie, told } of [...all, ...all])
    expect((await ask(front, "/shop/other", { cookie })).body).toBe(told);
});

test("pages that no feature concerns are cached before and behind the gate as ever", async () => {
  for (let i = 0; i < 3; i++) {
    expect((await ask(edge.url, "/about", {})).body).toBe("none");
    expect((await ask(front, "/terms", {})).headers["cache-control"]).toBe(
      "public, max-age=600, s-maxage=600",
    );
  }
  expect(hitsBehind.filter((path) => path === "/about")).toHaveLength(2);
  expect(hitsBefore.filter((path) => path === "/terms")).toHaveLength(2);
});
