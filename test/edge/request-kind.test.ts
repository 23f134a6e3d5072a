// Which requests are a visit, and what becomes of those that are none: no cookie, no exposure, no activation.
import { beforeAll, describe, expect, test } from "vitest";
import { requestKind } from "../../edge/visitor/request-kind.ts";
import { cookieOf, echoed, edge, feature, headerOf, push, recorded } from "./support/edge.ts";

const FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
const navigation = { "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document", "User-Agent": FIREFOX };
const to = (destination: string) => ({ "Sec-Fetch-Dest": destination, "User-Agent": FIREFOX });

const ASIDE: [string, string, Record<string, string>][] = [
  ["a picture", "GET", to("image")],
  ["a style sheet", "GET", to("style")],
  ["a script", "GET", to("script")],
  ["a manifest", "GET", to("manifest")],
  ["a service worker", "GET", to("serviceworker")],
  ["a HEAD request", "HEAD", {}],
  ["an OPTIONS request", "OPTIONS", to("empty")],
  ["a prefetched page", "GET", { ...navigation, "Sec-Purpose": "prefetch" }],
  ["a prerendered page", "GET", { ...navigation, "Sec-Purpose": "prefetch;prerender" }],
  ["a page that Safari prefetches", "GET", { ...navigation, Purpose: "prefetch" }],
  ["what Next.js prefetches for a link", "GET", { ...to("empty"), "Next-Router-Prefetch": "1" }],
  [
    "what a prerendered page's script asks for",
    "GET",
    { ...to("empty"), "Sec-Purpose": "prefetch;prerender" },
  ],
  ["a page that an older Firefox prefetches", "GET", { "X-Moz": "prefetch", "User-Agent": FIREFOX }],
  ["a page for a client that does not name itself", "GET", { "User-Agent": "" }],
  ["a navigation without a User-Agent", "GET", { ...navigation, "User-Agent": "" }],
  ["a script's call without a User-Agent", "GET", { "Sec-Fetch-Dest": "empty", "User-Agent": "" }],
];

const kindOf = (method: string, headers: Record<string, string>, path = "/"): string =>
  requestKind(new Request(`https://shop.test${path}`, { method, headers }), path);

test.each([
  ["GET", navigation],
  ["POST", navigation],
  ["GET", to("iframe")],
  ["GET", { "User-Agent": FIREFOX }],
  ["PUT", { "User-Agent": FIREFOX }],
])("a %s request with %j is a visit", (method, headers) => {
  expect(kindOf(method, headers)).toBe("visit");
});

test("what a script asks for is a call", () => {
  expect(kindOf("GET", to("empty"))).toBe("call");
});

test.each(ASIDE)("%s is no visit", (_, method, headers) => {
  expect(kindOf(method, headers)).toBe("aside");
});

test.each([
  "/robots.txt",
  "/shop/robots.txt",
  "/manifest.json",
  "/site.webmanifest",
  "/favicon.ico",
  "/sitemap_index.xml",
  "/apple-touch-icon-120x120-precomposed.png",
  "/.well-known/change-password",
  "/sw.js",
])("the well-known file %s is no visit, whoever asks for it", (path) => {
  for (const headers of [{}, { "User-Agent": FIREFOX }, navigation, { Accept: "*/*" }])
    expect(kindOf("GET", headers, path)).toBe("aside");
});

test.each([
  ["/style.css", {}],
  ["/a/picture.WEBP", { Accept: "*/*" }],
  ["/app.mjs", {}],
  ["/picture", { Accept: "image/avif,image/webp,*/*;q=0.8" }],
  ["/style", { Accept: "text/css,*/*;q=0.1" }],
])("without fetch metadata %s with %j is an asset", (path, headers) => {
  expect(kindOf("GET", headers, path)).toBe("aside");
});

test.each([
  ["GET", "/page", { Accept: "*/*" }],
  ["GET", "/page", { Accept: "text/html,image/webp,*/*" }],
  ["GET", "/robots", {}],
  ["GET", "/robots.txt/more", {}],
  ["GET", "/v1.0/list", {}],
  ["GET", "/api/products.json", {}],
  ["POST", "/upload.png", {}],
  ["GET", "/picture.png", navigation],
])("a %s of %s with %j is still a visit", (method, path, headers) => {
  expect(kindOf(method, { "User-Agent": FIREFOX, ...headers }, path)).toBe("visit");
});

describe("at the edge", () => {
  beforeAll(() =>
    push({
      revision: 1,
      full: true,
      features: [
        feature("feat_half", {
          rolloutBps: 5_000,
          holdoutBps: 5_000,
          routes: [{ path: "/kind/*" }],
          activation: { path: "/kind/act", method: "GET" },
        }),
        feature("feat_all", { routes: [{ path: "/kind/*" }] }),
      ],
    }),
  );

  const spansOf = async (unit: string): Promise<number> => (await recorded(unit)).length;

  test.each([
    ...ASIDE.filter(([, method]) => method === "GET"),
    ["a script's call", "GET", to("empty")] as const,
  ])("%s without a cookie makes no unit, and only gets what everybody gets", async (_, method, headers) => {
    for (let i = 0; i < 5; i++) {
      const response = await edge("/kind/page", { method, headers });
      expect(response.headers.getSetCookie()).toEqual([]);
      const upstream = await echoed(response);
      expect(headerOf(upstream, "Sluice-Features")).toBe("feat_all=treatment");
      expect(headerOf(upstream, "Sluice-Unit")).toBe(null);
    }
  });

  test("nobody's request cannot pose as somebody's", async () => {
    const headers = { ...to("image"), "Sluice-Unit": "somebody", "Sluice-Features": "feat_half=treatment" };
    const upstream = await echoed(await edge("/kind/page", { headers }));
    expect(headerOf(upstream, "Sluice-Unit")).toBe(null);
    expect(headerOf(upstream, "Sluice-Features")).toBe("feat_all=treatment");
  });

  test("with a cookie all of them get the visitor's own cohorts, and no new cookie", async () => {
    const first = await edge("/kind/page", { headers: navigation });
    const Cookie = cookieOf(first);
    const cohorts = headerOf(await echoed(first), "Sluice-Features");
    expect(cohorts).toMatch(/feat_half=(treatment|holdout)/);
    for (const [, method, headers] of ASIDE.filter(([, verb]) => verb === "GET")) {
      const response = await edge("/kind/page", { method, headers: { ...headers, Cookie } });
      expect(response.headers.getSetCookie()).toEqual([]);
      expect(headerOf(await echoed(response), "Sluice-Features")).toBe(cohorts);
    }
  });

  test("a visit is reported, and so is a call with its cookie; nothing aside is, not even an activation", async () => {
    const first = await edge("/kind/page", { headers: navigation });
    const Cookie = cookieOf(first);
    const unit = headerOf(await echoed(first), "Sluice-Unit") ?? "";
    const reported = async (): Promise<number> => {
      let before = -1;
      for (let now = await spansOf(unit); now !== before;) {
        before = now;
        await new Promise((resolve) => setTimeout(resolve, 1_500));
        now = await spansOf(unit);
      }
      return before;
    };
    const afterVisit = await reported();
    expect(afterVisit).toBeGreaterThan(0);
    for (const [, method, headers] of ASIDE)
      await edge("/kind/act", { method, headers: { ...headers, Cookie } });
    expect(await reported()).toBe(afterVisit);
    await edge("/kind/act", { headers: { ...to("empty"), Cookie } });
    expect(await reported()).toBeGreaterThan(afterVisit);
  });
});
