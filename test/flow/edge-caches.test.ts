// A shared cache before the gate and one behind it, with visitors of different cohorts taking turns: nobody ever gets
// a page that was made for somebody else's cohort, and pages that no feature concerns are cached as ever.
import { createServer, request as httpRequest, type IncomingHttpHeaders, type Server } from "node:http";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startTestEdge, type TestEdge } from "../support/edge.ts";
import { listenOnLoopback } from "../support/listen.ts";

const listen = async (server: Server): Promise<string> => {
  const { url } = await listenOnLoopback(server);
  return url;
};

type Page = { status: number; headers: IncomingHttpHeaders; body: string };

const FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";

const ask = (url: string, path: string, headers: IncomingHttpHeaders): Promise<Page> =>
  new Promise((resolve, reject) => {
    const asked = { "user-agent": FIREFOX, ...headers, host: "shop.test" };
    const sent = httpRequest(url + path, { headers: asked }, (response) => {
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

const PUBLIC = "public, max-age=600, s-maxage=600";
const TYPES = [
  [/\.css$/, "text/css"],
  [/\.png$|^\/image/, "image/png"],
] as const;

const askedOfSite: string[] = [];
const site = createServer((request, response) => {
  askedOfSite.push(request.url ?? "/");
  const { pathname } = new URL(request.url ?? "/", "http://site");
  if (pathname !== "/says-nothing") response.setHeader("Cache-Control", PUBLIC);
  const [, type = "text/html"] = TYPES.find(([path]) => path.test(pathname)) ?? [];
  response.setHeader("Content-Type", type);
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
      expect(page.headers["cache-control"]).toBe("private, no-cache");
    }
  for (const { cookie, told } of [...all, ...all])
    expect((await ask(front, "/shop/other", { cookie })).body).toBe(told);
});

test("pages that no feature concerns are cached before and behind the gate as ever", async () => {
  for (let i = 0; i < 3; i++) {
    expect((await ask(edge.url, "/about", {})).body).toBe("none");
    expect((await ask(front, "/terms", {})).headers["cache-control"]).toBe(PUBLIC);
  }
  expect(hitsBehind.filter((path) => path === "/about")).toHaveLength(2);
  expect(hitsBefore.filter((path) => path === "/terms")).toHaveLength(2);
});

describe("a feature without routes, at 1 %", () => {
  beforeAll(async () => {
    const everywhere = { featureId: "feat_everywhere", enabled: true, rolloutBps: 100, version: 1 };
    expect((await edge.push({ revision: 2, full: true, features: [everywhere] })).status).toBe(200);
  });

  test.each([
    ["/logo.png", {}],
    ["/shop/style.css", { accept: "text/css,*/*;q=0.1" }],
    ["/robots.txt", {}],
    ["/image?id=7", { "sec-fetch-dest": "image" }],
    ["/image?id=8", { accept: "image/avif,image/webp,*/*;q=0.8" }],
  ])("%s of a visitor with %j is cached before and behind the gate as ever", async (path, headers) => {
    const [visitor] = await visitors();
    const cookie = visitor?.cookie ?? "";
    for (const sent of [headers, { ...headers, cookie }, headers]) {
      const page = await ask(front, path, sent);
      expect([page.headers["cache-control"], page.headers["set-cookie"], page.body]).toEqual([
        PUBLIC,
        undefined,
        "none",
      ]);
    }
    expect(hitsBefore.filter((hit) => hit === path)).toHaveLength(2);
    await ask(edge.url, path, headers);
    expect(hitsBehind.filter((hit) => hit === path)).toHaveLength(1);
  });

  test.each([
    ["/asked-as-a-picture", { "sec-fetch-dest": "image" }],
    ["/accepted-as-a-picture", { accept: "image/png" }],
    ["/says-nothing", {}],
  ])("a page, %s with %j, is for one visitor only", async (path, headers) => {
    expect((await ask(edge.url, path, headers)).headers["cache-control"]).toMatch(/^private\b/);
  });

  test("100 visitors of a public page make the site work for each cohort, and not for each of them", async () => {
    const askedBefore = askedOfSite.length;
    const cookies = new Set<string>();
    for (let i = 0; i < 100; i++) {
      const { headers, body } = await ask(edge.url, "/public-page", {});
      cookies.add(headers["set-cookie"]?.[0] ?? "");
      expect(["none", "feat_everywhere=treatment"]).toContain(body);
    }
    expect(cookies.size).toBe(100);
    expect(askedOfSite.length - askedBefore).toBeLessThanOrEqual(4);
  });

  test("a visitor of a page is a visitor of its feature, also where the site says nothing about caches", async () => {
    expect((await ask(edge.url, "/says-nothing", {})).headers["set-cookie"]).toHaveLength(1);
  });
});

test("a feature whose gate sends requests elsewhere, or that names a file, decides about assets too", async () => {
  const base = { enabled: true, version: 1, rolloutBps: 10_000 };
  const features = [
    { ...base, featureId: "feat_file", routes: [{ path: "/app/*.css" }] },
    { ...base, featureId: "feat_stack", gate: { upstream: siteUrl } },
    { ...base, featureId: "feat_pages", routes: [{ path: "/app/*" }] },
    { ...base, featureId: "feat_words" },
  ];
  expect((await edge.push({ revision: 3, full: true, features })).status).toBe(200);
  const told = async (path: string) => (await ask(edge.url, path, {})).body.split(", ").toSorted();
  expect(await told("/app/a.css")).toEqual(["feat_file=treatment", "feat_stack=treatment"]);
  expect(await told("/app/a.png")).toEqual(["feat_stack=treatment"]);
  expect(await told("/app/a")).toEqual([
    "feat_pages=treatment",
    "feat_stack=treatment",
    "feat_words=treatment",
  ]);
});
