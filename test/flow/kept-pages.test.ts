// Pages that the edge keeps for a cohort, on real workerd: whom a page is for, how long it is kept, and what of a visitor's
// request can reach a page that others get.
import { setTimeout as sleep } from "node:timers/promises";
import * as fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startTestEdge, type TestEdge } from "../support/edge.ts";
import { get, page, PUBLIC, startKeptSite, type Got, type KeptSite } from "../support/kept-site.ts";

const shop = {
  enabled: true,
  version: 1,
  epoch: 1,
  rolloutBps: 4_000,
  holdoutBps: 3_000,
  routes: [{ path: "/shop/*" }],
};
type Feature = typeof shop & { featureId: string; gate?: object };
const open: Feature[] = [
  { ...shop, featureId: "feat_a", gate: { html: { elements: true, flags: true } } },
  { ...shop, featureId: "feat_b" },
  { ...shop, featureId: "feat_c" },
];

type Visitor = { cookie: string; told: string };

let site: KeptSite;
let edge: TestEdge;
let visitors: Visitor[] = [];

const visit = (path: string, { cookie }: Partial<Visitor> = {}, headers = {}, method = "GET"): Promise<Got> =>
  get(edge.url + path, { ...(cookie === undefined ? {} : { cookie }), ...headers }, method);

/** A visitor with a cookie, and what the upstream is told of them. */
const arrive = async (): Promise<Visitor> => {
  const { headers, shown } = await visit("/shop/uncached");
  return { cookie: headers["set-cookie"]?.[0]?.split(";")[0] ?? "", told: shown?.features ?? "" };
};

beforeAll(async () => {
  site = await startKeptSite();
  edge = await startTestEdge({ UPSTREAM_URL: site.url }, { morePorts: [0] });
  expect((await edge.push({ revision: 1, full: true, features: open })).status).toBe(200);
  visitors = await Promise.all(Array.from({ length: 60 }, arrive));
});
afterAll(async () => {
  await edge.stop();
  await site.stop();
});

/** Two visitors of the same cohorts, and one of others. */
const threeVisitors = (): [Visitor, Visitor, Visitor] => {
  for (const one of visitors) {
    const same = visitors.find(({ told, cookie }) => told === one.told && cookie !== one.cookie);
    const other = visitors.find(({ told }) => told !== one.told && told !== "");
    if (one.told !== "" && same !== undefined && other !== undefined) return [one, same, other];
  }
  throw new Error("no two visitors have the same cohorts");
};

/** The site has learned that the URL's pages are kept, and keeps that of the visitor's cohorts. */
const warm = async (path: string, visitor: Visitor): Promise<Got> => {
  await visit(path, visitor);
  await visit(path, visitor);
  return visit(path, visitor);
};

const HIT = "sluice; hit";

describe("a page that the site lets shared caches keep", () => {
  test("is asked for once for visitors of the same cohorts, and made for nobody", async () => {
    const [one, same, other] = threeVisitors();
    const path = page("/shop/once");
    await warm(path, one);
    const asked = site.count(path);
    const got = await visit(path, same);
    expect([
      got.headers["cache-status"],
      got.shown?.features,
      got.shown?.unit,
      got.shown?.headers.cookie,
    ]).toEqual([HIT, one.told, null, undefined]);
    expect(site.count(path)).toBe(asked);
    expect((await visit(path, other)).shown?.features).toBe(other.told);
    expect(site.count(path)).toBe(asked + 1);
  });

  test("is edited for the cohort, told the browser as private, and answered with 304 by the edge", async () => {
    const treated = visitors.find(({ told }) => told.includes("feat_a=treatment"));
    const others = visitors.find(({ told }) => told !== "" && !told.includes("feat_a=treatment"));
    const path = page("/shop/edited");
    const shown = await warm(path, treated!);
    const removed = await warm(path, others!);
    expect(shown.text).toMatch(/"feat_a":true.*<p data-feature="feat_a">/);
    expect(removed.text).not.toContain("<p data-feature");
    expect(shown.headers["cache-control"]).toBe("private, no-cache");
    const { etag = "" } = shown.headers;
    expect(etag).not.toBe(removed.headers.etag);
    const asked = site.count(path);
    for (const known of [etag, `"x", ${etag}`, "*"])
      expect((await visit(path, treated, { "if-none-match": known })).status).toBe(304);
    expect((await visit(path, others, { "if-none-match": etag })).text).toBe(removed.text);
    expect(site.count(path)).toBe(asked);
  });

  test("makes a visitor of somebody new, and only their answer has their cookie", async () => {
    const path = page("/shop/new-visitors");
    await Promise.all(visitors.slice(0, 40).map((visitor) => warm(path, visitor)));
    const asked = site.count(path);
    const cookies = new Set<string>();
    for (let i = 0; i < 20; i++) {
      const { headers, shown } = await visit(path);
      const [cookie = ""] = headers["set-cookie"] ?? [];
      cookies.add(cookie);
      const again = await visit(path, { cookie: cookie.split(";")[0] ?? "" });
      expect([again.shown?.features, again.headers["set-cookie"]]).toEqual([shown?.features, undefined]);
    }
    expect(cookies.size).toBe(20);
    expect(site.count(path) - asked).toBeLessThan(15);
  });

  test.each([
    ["gzip", "&gzip"],
    ["nothing", ""],
  ])("compressed with %s, comes to browsers that read gzip and to those that do not", async (_, more) => {
    const [one] = threeVisitors();
    const path = page("/shop/coded", PUBLIC, more);
    const coding = { "accept-encoding": "gzip, br" };
    const first = await visit(path, one, coding);
    for (const headers of [coding, {}, coding, {}, { "accept-encoding": "br" }]) {
      const got = await visit(path, one, headers);
      expect(got.headers["content-encoding"]).toBe(
        headers === coding ? first.headers["content-encoding"] : undefined,
      );
      expect(got.shown?.features).toBe(one.told);
      if (more !== "") expect(got.headers.vary).toMatch(/accept-encoding/i);
    }
    expect(first.headers["content-encoding"]).toBe(more === "" ? undefined : "gzip");
  });

  test("answers HEAD and single ranges of bytes itself", async () => {
    const [one] = threeVisitors();
    const path = page("/shop/parts");
    const whole = await warm(path, one);
    const asked = site.count(path);
    const head = await visit(path, one, {}, "HEAD");
    expect([head.status, head.text, head.headers.etag]).toEqual([200, "", whole.headers.etag]);
    const length = Buffer.byteLength(whole.text);
    for (const [range, status, text] of [
      ["bytes=0-9", 206, whole.text.slice(0, 10)],
      ["bytes=-7", 206, whole.text.slice(-7)],
      [`bytes=${length - 3}-`, 206, whole.text.slice(-3)],
      [`bytes=${length}-`, 416, ""],
      ["bytes=0-1,3-4", 200, whole.text],
      ["lines=0-1", 200, whole.text],
    ] as const) {
      const got = await visit(path, one, { range });
      expect([range, got.status, got.text]).toEqual([range, status, text]);
    }
    expect((await visit(path, one, { range: "bytes=0-9", "if-range": '"old"' })).status).toBe(200);
    expect(site.count(path)).toBe(asked);
  });

  test("is asked for again when it is too old, meanwhile answered with where the site allows that", async () => {
    const [one] = threeVisitors();
    const short = page("/shop/short", { "Cache-Control": "max-age=1" });
    const lasting = page("/shop/lasting", { "Cache-Control": "s-maxage=1, stale-while-revalidate=60" });
    const before = [(await warm(short, one)).shown?.count, (await warm(lasting, one)).shown?.count];
    await sleep(1_100);
    expect((await visit(short, one)).shown?.count).toBe(before[0]! + 1);
    const stale = await visit(lasting, one);
    expect([stale.shown?.count, stale.headers["cache-status"]]).toEqual([before[1], `${HIT}; detail=stale`]);
    await expect.poll(async () => (await visit(lasting, one)).shown?.count).toBe(before[1]! + 1);
  });

  test("is answered with while the site fails, for as long as the site allows that", async () => {
    const [one] = threeVisitors();
    const lasting = page("/shop/if-error", { "Cache-Control": "max-age=1, stale-if-error=60" });
    const strict = page("/shop/must", { "Cache-Control": "max-age=1, stale-if-error=60, must-revalidate" });
    await warm(lasting, one);
    await warm(strict, one);
    await sleep(1_100);
    for (const fails of [503, 0]) {
      site.fails = fails;
      expect([(await visit(lasting, one)).status, (await visit(strict, one)).status]).toEqual([
        200,
        fails === 0 ? 502 : 503,
      ]);
    }
    site.fails = null;
  });

  test("differs by the request headers that its Vary names", async () => {
    const [one, same] = threeVisitors();
    const path = page("/shop/varied", { ...PUBLIC, Vary: "Accept-Language, X-Theme" });
    for (const visitor of [one, same, one])
      for (const language of ["de", "en"])
        for (const theme of ["dark", undefined]) {
          const sent = { "accept-language": language, ...(theme === undefined ? {} : { "x-theme": theme }) };
          const { shown } = await visit(path, visitor, sent);
          expect([shown?.headers["accept-language"], shown?.headers["x-theme"]]).toEqual([language, theme]);
        }
    expect(site.count(path)).toBe(5);
  });

  test("whose cohorts differ by different headers is nobody's wrong page, also before that is known", async () => {
    const treated = visitors.filter(({ told }) => told.includes("feat_a=treatment")).slice(0, 2);
    const held = visitors.filter(({ told }) => told.includes("feat_a=holdout")).slice(0, 2);
    const path = page("/shop/varies", PUBLIC, "&varies=feat_a%3Dtreatment");
    await warm(path, held[0]!);
    for (const theme of ["dark", "light", "dark"])
      for (const visitor of [...treated, ...held]) {
        const { shown } = await visit(path, visitor, { "x-theme": theme });
        expect(shown?.features).toBe(visitor.told);
        if (visitor.told.includes("feat_a=treatment")) expect(shown?.headers["x-theme"]).toBe(theme);
      }
    expect(site.count(path)).toBeLessThan(14);
  });

  test("asked for by many at once is asked for once", async () => {
    const [one, same] = threeVisitors();
    const path = page("/shop/at-once", PUBLIC, "&ms=100");
    await visit(path, one);
    const all = await Promise.all(
      Array.from({ length: 20 }, (_, i) => visit(path, i % 2 === 0 ? one : same)),
    );
    expect(all.every(({ shown }) => shown?.features === one.told)).toBe(true);
    expect(site.count(path)).toBe(2);
  });
});

test("another isolate of the data centre finds what one has kept, and what one has learned", async () => {
  const [one, same] = threeVisitors();
  const other = edge.moreUrls[0] ?? "";
  const path = page("/shop/elsewhere", { ...PUBLIC, Vary: "X-Theme" }, "&gzip");
  await warm(path, one);
  const asked = site.count(path);
  await expect
    .poll(async () => (await get(other + path, { cookie: same.cookie })).headers["cache-status"])
    .toBe(HIT);
  const got = await get(other + path, { cookie: same.cookie, "accept-encoding": "gzip" });
  expect([got.shown?.features, got.headers["content-encoding"]]).toEqual([one.told, "gzip"]);
  expect(site.count(path)).toBe(asked);
  const themed = { cookie: one.cookie, "x-theme": "dark" };
  expect((await get(other + path, themed)).shown?.headers["x-theme"]).toBe("dark");
});

describe("a page that is not kept", () => {
  const personal: [string, string][] = [
    ["that sets a cookie", page("/shop/c", { ...PUBLIC, "Set-Cookie": "session=1" })],
    ["that is private", page("/shop/c", { "Cache-Control": "private, max-age=60" })],
    ["that is private for a header", page("/shop/c", { "Cache-Control": 'max-age=60, private="X-Name"' })],
    ["that no cache may store", page("/shop/c", { "Cache-Control": "No-Store, max-age=60" })],
    [
      "that is to be asked for each time",
      page("/shop/c", { "Cache-Control": "public, max-age=60, no-cache" }),
    ],
    ["without a lifetime", page("/shop/c", { "Cache-Control": "public" })],
    ["that says nothing", page("/shop/c", {})],
    ["that is too old already", page("/shop/c", { ...PUBLIC, Age: "600" })],
    ["of another lifetime for CDNs", page("/shop/c", { ...PUBLIC, "CDN-Cache-Control": "no-store" })],
    ["that differs by cookie", page("/shop/c", { ...PUBLIC, Vary: "Cookie" })],
    ["that differs by anything", page("/shop/c", { ...PUBLIC, Vary: "*" })],
    ["that differs by unit", page("/shop/c", { ...PUBLIC, Vary: "Sluice-Unit" })],
    ["with a nonce", page("/shop/c", { ...PUBLIC, "Content-Security-Policy": "script-src 'nonce-abc'" })],
    ["for another origin", page("/shop/c", { ...PUBLIC, "Access-Control-Allow-Origin": "https://a.test" })],
    ["that is an error", page("/shop/c", PUBLIC, "&status=404")],
    ["that has failed", page("/shop/c", PUBLIC, "&status=500")],
    ["that is in part", page("/shop/c", { ...PUBLIC, "Content-Range": "bytes 0-9/100" }, "&status=206")],
    ["that is a redirect", page("/shop/c", { ...PUBLIC, Location: "/shop/d" }, "&status=301")],
    ["that is too long", page("/shop/c", PUBLIC, "&bytes=1200000")],
  ];

  test.each(personal)("%s reaches each visitor as the site made it for them", async (_, path) => {
    const [one, same] = threeVisitors();
    for (const visitor of [one, same, one, same]) {
      const { shown, headers } = await visit(path, visitor);
      expect([shown?.features, headers["cache-status"] ?? ""]).toEqual([
        one.told,
        expect.not.stringContaining("hit"),
      ]);
      expect(headers["cache-control"]).toMatch(/private|no-store/i);
    }
    expect(site.count(path)).toBeGreaterThanOrEqual(4);
  });

  test("that breaks off is nobody else's", async () => {
    const [one, same] = threeVisitors();
    const path = page("/shop/breaks", PUBLIC, "&breaks");
    for (const visitor of [one, same, one, same]) await expect(visit(path, visitor)).rejects.toThrow();
    expect(site.count(path)).toBe(4);
  });

  test("that begins a session for nobody reaches those who have one as the site made it for them", async () => {
    const [one, same] = threeVisitors();
    const path = page("/shop/session", PUBLIC, "&session");
    for (const [visitor, session] of [
      [one, "7"],
      [same, "8"],
      [one, "7"],
      [same, "8"],
    ] as const) {
      const got = await visit(path, { cookie: `${visitor.cookie}; session=${session}` });
      expect([got.shown?.headers.cookie, got.headers["set-cookie"]]).toEqual([
        `${visitor.cookie}; session=${session}`,
        undefined,
      ]);
    }
  });

  test("that may be shared but does not say that it is for everybody is kept for those without a cookie of the site", async () => {
    const [one, same] = threeVisitors();
    const path = page("/shop/signed-in", { "Cache-Control": "max-age=600" });
    const signedIn = { cookie: `${one.cookie}; session=7` };
    await warm(path, one);
    for (let i = 0; i < 3; i++)
      expect((await visit(path, signedIn)).shown?.headers.cookie).toBe(signedIn.cookie);
    const { headers, shown } = await visit(path, same);
    expect([headers["cache-status"], shown?.headers.cookie]).toEqual([HIT, undefined]);
  });

  test.each([
    ["credentials", { authorization: "Bearer x" }],
    ["an upgrade", { upgrade: "h2c", connection: "upgrade" }],
  ])("a request with %s reaches the site, although the page is kept", async (_, headers) => {
    const [one] = threeVisitors();
    const path = page("/shop/own");
    await warm(path, one);
    const asked = site.count(path);
    const { shown } = await visit(path, one, headers);
    expect(site.count(path)).toBe(asked + 1);
    expect(shown?.unit).not.toBe(null);
  });
});

/** What an attacker sends so that a page which others get shows it, or is another page. */
const POISON = {
  "x-forwarded-host": "evil.test",
  "x-forwarded-scheme": "evil",
  "x-forwarded-proto": "evil",
  "x-forwarded-for": "evil",
  "x-forwarded-prefix": "/evil",
  "x-forwarded-server": "evil",
  "x-host": "evil.test",
  "x-original-url": "/evil",
  "x-rewrite-url": "/evil",
  "x-http-method-override": "EVIL",
  "x-middleware-prefetch": "evil",
  forwarded: "host=evil.test",
  "x-unknown": "evil",
  "user-agent": "evil",
  "accept-language": "evil",
  origin: "https://evil.test",
  referer: "https://evil.test/",
  "cache-control": "max-age=evil",
  pragma: "evil",
  "sluice-features": "feat_a=evil",
  sluice_features: "feat_a=evil",
  "sluice-unit": "evil",
  traceparent: "evil",
  te: "evil",
  via: "1.1 evil",
  cookie2: "evil",
  "cf-connecting-ip": "192.0.2.1",
  "true-client-ip": "evil",
  "if-none-match": '"evil"',
  "if-modified-since": "evil",
  range: "bytes=0-0",
  expect: "",
};

describe("somebody who wants another page to be kept", () => {
  test.each(Object.entries(POISON))("by %s: %s is in nobody else's page", async (name, value) => {
    const [one, same] = threeVisitors();
    const path = page(`/shop/poison-${name}`);
    for (let i = 0; i < 3; i++) await visit(path, one, value === "" ? {} : { [name]: value });
    const { shown, status, headers, text } = await visit(path, same);
    expect([status, shown?.features, headers["cache-status"]]).toEqual([200, one.told, HIT]);
    expect(text.replaceAll(`/shop/poison-${name}`, "")).not.toMatch(/evil|192\.0\.2\.1/i);
    expect(shown?.headers["x-forwarded-host"]).toBe("shop.test");
  });

  test("by a cookie, a body of a GET, another host, a fragment or a query gets a page for nobody else", async () => {
    const [one, same] = threeVisitors();
    const path = page("/shop/poison");
    for (let i = 0; i < 3; i++) {
      await visit(path, { cookie: `theme=evil; ${one.cookie}` });
      await visit(path, one, { host: "evil.test" });
      await visit(`${path}&utm=evil`, one);
      await visit(`${path}#evil`, one);
    }
    const { shown, text, headers } = await visit(path, same);
    expect([shown?.features, headers["cache-status"]]).toEqual([one.told, HIT]);
    expect(text).not.toContain("evil");
  });

  test("by a header that the site refuses takes nobody else's page away", async () => {
    const [one, same] = threeVisitors();
    const path = page("/shop/refused", { ...PUBLIC, Vary: "X-Theme" }, "&refuses=evil");
    await warm(path, one);
    for (let i = 0; i < 3; i++) {
      expect((await visit(path, one, { "x-theme": "evil" })).status).toBe(400);
      expect((await visit(path, one, { accept: "x/evil" })).status).toBe(400);
    }
    const fresh = page("/shop/refused-first", PUBLIC, "&refuses=evil");
    expect((await visit(fresh, one, { accept: "x/evil" })).status).toBe(400);
    await warm(fresh, one);
    for (const each of [path, fresh]) expect((await visit(each, same)).headers["cache-status"]).toBe(HIT);
  });

  test.each(["POST", "PUT", "DELETE", "OPTIONS", "PROPFIND"])(
    "by %s changes nothing that is kept",
    async (method) => {
      const [one, same] = threeVisitors();
      const path = page(`/shop/method-${method}`);
      const kept = await warm(path, one);
      await visit(path, one, {}, method);
      const { headers, text } = await visit(path, same);
      expect([headers["cache-status"], text]).toEqual([HIT, kept.text]);
    },
  );

  test("by very many URLs takes no more memory than there is for pages, and no page of others' for long", async () => {
    const [one] = threeVisitors();
    const big = (i: number) => page("/shop/flood", PUBLIC, `&bytes=900000&i=${i}`);
    for (let i = 0; i < 30; i++) await warm(big(i), one);
    const { keptPages } = JSON.parse((await get(`${edge.url}/.sluice/health`)).text);
    expect(keptPages.bytes).toBeGreaterThan(10_000_000);
    expect(keptPages.bytes).toBeLessThanOrEqual(16 * 1_024 * 1_024);
    const asked = site.count(big(0));
    expect((await visit(big(0), one)).headers["cache-status"]).toBe(HIT);
    expect(site.count(big(0))).toBe(asked);
  });
});

test("visitors who take turns in any order never see a page of other cohorts", async () => {
  const pages = [
    page("/shop/p1"),
    page("/shop/p2", PUBLIC, "&gzip"),
    page("/shop/p3", { "Cache-Control": "s-maxage=1, stale-while-revalidate=1" }, "&ms=20"),
    page("/shop/p4", { ...PUBLIC, Vary: "Accept-Language" }),
    page("/shop/p5", { ...PUBLIC, Vary: "Cookie" }),
  ];
  const madeFor = new Map<string, string>();
  const request = fc.record({
    visitor: fc.nat(visitors.length - 1),
    path: fc.constantFrom(...pages),
    method: fc.constantFrom("GET", "GET", "GET", "HEAD"),
    headers: fc.record(
      {
        accept: fc.constantFrom("text/html", "*/*", "application/json"),
        "accept-encoding": fc.constantFrom("gzip", "br", "identity"),
        "accept-language": fc.constantFrom("de", "en"),
        "cache-control": fc.constantFrom("no-cache", "max-age=0", "only-if-cached"),
        range: fc.constant("bytes=0-"),
        known: fc.nat(100),
      },
      { requiredKeys: [] },
    ),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(fc.array(request, { maxLength: 8 }), { maxLength: 12 }), async (rounds) => {
      for (const round of rounds)
        await Promise.all(
          round.map(async ({ visitor, path, method, headers: { known, ...headers } }) => {
            const who = visitors[visitor]!;
            const etag = known === undefined ? undefined : [...madeFor.keys()][known];
            const sent = { ...headers, ...(etag === undefined ? {} : { "if-none-match": etag }) };
            const got = await visit(path, who, sent, method);
            if (got.status === 304) expect(madeFor.get(etag ?? "")).toBe(who.told);
            else if (method === "GET") {
              expect(got.shown?.features).toBe(who.told);
              expect(got.text.includes("<p data-feature")).toBe(who.told.includes("feat_a=treatment"));
              if (got.headers.etag !== undefined) madeFor.set(got.headers.etag, who.told);
            }
            expect(got.headers["set-cookie"]).toBe(undefined);
          }),
        );
    }),
    { numRuns: 25 },
  );
  expect(madeFor.size).toBeGreaterThan(10);
});

describe("when a feature changes", () => {
  test("a page that was asked for before is kept for those who were asked for, and nobody sees it afterwards", async () => {
    const treated = visitors.filter(({ told }) => told.includes("feat_a=treatment"));
    const paths = [
      page("/shop/c1"),
      page("/shop/c2", PUBLIC, "&ms=60"),
      page("/shop/c3", PUBLIC, "&gzip&ms=30"),
    ];
    const over = new AbortController();
    const wrong: unknown[] = [];
    const look = async (who: Visitor, at: number): Promise<void> => {
      for (let i = at; !over.signal.aborted; i++) {
        const { shown, headers, text } = await visit(paths[i % paths.length]!, who, { "sluice-debug": "1" });
        const isOpen = Number(headers["sluice-revision"]) % 2 === 1;
        const isTold = shown?.features.includes("feat_a=treatment");
        if (isTold !== isOpen || text.includes("<p data-feature") !== isOpen)
          wrong.push([headers["sluice-revision"], headers["cache-status"], shown?.features]);
      }
    };
    const looking = treated.slice(0, 6).map(look);
    for (let revision = 2; revision <= 21; revision++) {
      const isOpen = revision % 2 === 1;
      const features = open.map((each) =>
        each.featureId === "feat_a"
          ? { ...each, enabled: isOpen, epoch: Math.ceil(revision / 2), version: revision }
          : each,
      );
      expect((await edge.push({ revision, full: true, features })).status).toBe(200);
      await sleep(40);
    }
    over.abort();
    await Promise.all(looking);
    expect(wrong).toEqual([]);
  });

  test("the first request after a rollback is of the closed feature, whatever is kept", async () => {
    const treated = visitors.filter(({ told }) => told.includes("feat_a=treatment"));
    const paths = Array.from({ length: 20 }, (_, i) => page(`/shop/rolled-back-${i}`));
    for (const path of paths) await warm(path, treated[0]!);
    for (const path of paths) expect((await visit(path, treated[1])).headers["cache-status"]).toBeDefined();
    const features = open
      .filter(({ featureId }) => featureId !== "feat_a")
      .concat({ ...open[0]!, enabled: false, version: 22, epoch: 11 });
    expect((await edge.push({ revision: 22, full: true, features })).status).toBe(200);
    for (const path of paths)
      for (const who of [treated[0], treated[0]]) {
        const { text, headers } = await visit(path, who);
        expect(text).not.toContain("<p data-feature");
        expect(headers["cache-control"]).toBe("private, no-cache");
      }
  });
});
