// What the gates of features do to requests and pages, with workerd's own HTMLRewriter.
import { inject, expect, test } from "vitest";
import { cookieOf, echoed, edge, feature, headerOf, push } from "./support/edge.ts";

let revision = 0;
const only = (...features: unknown[]): Promise<Response> =>
  push({ revision: ++revision, full: true, features });
const closed = { enabled: false };
const holdout = { rolloutBps: 0, holdoutBps: 10_000 };

type Told = { body?: string; type?: string; gzip?: string; status?: string };
const page = (told: Told, headers: readonly string[] = []): string => {
  const query = new URLSearchParams(told);
  for (const header of headers) query.append("header", header);
  return `/as-told?${query.toString()}`;
};

test("treatment is served from another path, filled in from the route, with its query", async () => {
  const routes = [{ path: "/p/:id/*" }, { path: "/old" }];
  await only(feature("feat_path", { routes, gate: { path: "/v2/items/:id/rest/*" } }));
  expect((await echoed(await edge("/p/7/a/b?x=1"))).url).toBe("/v2/items/7/rest/a/b?x=1");
  expect((await echoed(await edge("/old"))).url).toBe("/old");
  await only(feature("feat_path", { routes, gate: { path: "/v2/items/:id/rest/*" }, ...holdout }));
  expect((await echoed(await edge("/p/7/a/b?x=1"))).url).toBe("/p/7/a/b?x=1");
});

test("treatment is served by another upstream, which gets the visitor's host", async () => {
  const upstream = `${inject("outsideUrl")}/new-stack`;
  await only(feature("feat_up", { routes: [{ path: "/app/*", methods: ["POST"] }], gate: { upstream } }));
  const seen = await echoed(await edge("/app/x?q=1", { method: "POST", body: "hello" }));
  expect(seen).toMatchObject({ url: "/new-stack/app/x?q=1", method: "POST", body: "hello" });
  expect(headerOf(seen, "X-Forwarded-Host")).toBe("shop.test");
  expect(headerOf(seen, "Sluice-Features")).toBe("feat_up=treatment");
  expect((await echoed(await edge("/app/x"))).url).toBe("/app/x");
});

test("another upstream's redirects and cookies stay at the visitor's host", async () => {
  const upstream = inject("outsideUrl");
  const { host, hostname } = new URL(upstream);
  await only(feature("feat_up", { routes: [{ path: "/as-told" }], gate: { upstream } }));
  const answer = async (header: string) => (await edge(page({ status: "302" }, [header]))).headers;
  for (const [location, moved] of [
    [`${upstream}/next?x=1#y`, "http://shop.test/next?x=1#y"],
    [`https://${host}/next`, "http://shop.test/next"],
    [`//${hostname}:444/next`, "http://shop.test/next"],
    [upstream, "http://shop.test/"],
    ["/next", "/next"],
    ["next", "next"],
    ["https://other.test/next", "https://other.test/next"],
    [`https://other.test/${upstream}`, `https://other.test/${upstream}`],
  ])
    expect((await answer(`Location:${location}`)).get("Location")).toBe(moved);
  expect((await answer(`Content-Location:${upstream}/a`)).get("Content-Location")).toBe("http://shop.test/a");
  expect((await answer(`Refresh:0; url=${upstream}/a`)).get("Refresh")).toBe("0; url=http://shop.test/a");
  const cookieSet = async (cookie: string) => (await answer(`Set-Cookie:${cookie}`)).getSetCookie()[0];
  expect(await cookieSet(`a=1; Domain=${hostname}; HttpOnly`)).toBe("a=1; HttpOnly");
  expect(await cookieSet("a=1; Domain=.shop.test")).toBe("a=1; Domain=.shop.test");
  expect(await cookieSet("a=domain; Domain=other.test")).toBe("a=domain; Domain=other.test");
});

test("what another upstream serves from a folder is at the visitor's own path", async () => {
  const upstream = `${inject("outsideUrl")}/new-stack`;
  await only(feature("feat_up", { routes: [{ path: "/as-told" }], gate: { upstream } }));
  const answer = async (header: string) => (await edge(page({ status: "302" }, [header]))).headers;
  for (const [location, moved] of [
    [`${upstream}/next`, "http://shop.test/next"],
    ["/new-stack/next", "/next"],
    ["/new-stack", "/"],
    ["/new-stack2/next", "/new-stack2/next"],
  ])
    expect((await answer(`Location:${location}`)).get("Location")).toBe(moved);
  expect((await answer("Set-Cookie:a=1; Path=/new-stack/x")).getSetCookie()[0]).toBe("a=1; Path=/x");
});

test("without another upstream the site's redirects stay as they are", async () => {
  await only(feature("feat_up", { routes: [{ path: "/as-told" }] }));
  const location = `${inject("outsideUrl")}/next`;
  const response = await edge(page({ status: "302" }, [`Location:${location}`]));
  expect(response.headers.get("Location")).toBe(location);
});

test.each([
  ["closed", closed],
  ["in the holdout", holdout],
  ["not targeted", { targeting: { attribute: "country", operator: "equals", value: "XX" } }],
])("on a route a unit that is %s gets 404 or a redirect, and the upstream is not asked", async (_, state) => {
  const routes = [{ path: "/beta/*" }];
  await only(feature("feat_b", { routes, gate: { whenClosed: { action: "notFound" } }, ...state }));
  const missing = await edge("/beta/x");
  expect(missing.status).toBe(404);
  expect(missing.headers.get("Cache-Control")).toBe("private, no-store");
  expect(await missing.text()).toBe("Not Found\n");
  const redirect = { action: "redirect", to: "/beta/soon", status: 307 };
  await only(feature("feat_b", { routes, gate: { whenClosed: redirect }, ...state }));
  const moved = await edge("/beta/x");
  expect([moved.status, moved.headers.get("Location")]).toEqual([307, "/beta/soon"]);
  expect((await edge("/beta/soon")).status).toBe(200);
  expect((await edge("/other")).status).toBe(200);
});

test("treatment reaches the page where others get 404, until the feature closes", async () => {
  const fields = { routes: [{ path: "/beta/*" }], gate: { whenClosed: { action: "notFound" } } };
  await only(feature("feat_b", fields));
  const open = await edge("/beta/x");
  expect(open.status).toBe(200);
  await only(feature("feat_b", { ...fields, ...closed }));
  expect((await edge("/beta/x", { headers: { Cookie: cookieOf(open) } })).status).toBe(404);
});

test("a gate that would close the whole site closes nothing", async () => {
  await only(feature("feat_b", { gate: { whenClosed: { action: "notFound" } }, ...closed }));
  expect((await edge("/")).status).toBe(200);
});

const BODY =
  '<!doctype html><html><head><title>Shop</title></head><body><p data-feature="feat_new" hidden>new</p>' +
  '<p data-feature="feat_other">other</p><p>always</p></body></html>';
const html = { html: { elements: true, flags: true } };

test("a page shows the feature's elements to treatment and has its flags for scripts", async () => {
  await only(feature("feat_new", { gate: html }), feature("feat_gone", { gate: html, ...closed }));
  const text = await (await edge(page({ body: BODY }))).text();
  expect(text).toContain(
    '<head><script type="application/json" id="sluice-flags">{"feat_gone":false,"feat_new":true}</script><title>',
  );
  expect(text).toContain('<p data-feature="feat_new">new</p>');
  expect(text).toContain('<p data-feature="feat_other">other</p>');
});

test.each([
  ["closed", closed],
  ["in the holdout", holdout],
])("a page has no trace of the elements for a unit that is %s", async (_, state) => {
  await only(feature("feat_new", { gate: html, ...state }));
  const text = await (await edge(page({ body: BODY }))).text();
  expect(text).not.toContain("new</p>");
  expect(text).toContain('{"feat_new":false}');
  expect(text).toContain("always");
});

test("the script element carries the nonce of the page's policy", async () => {
  await only(feature("feat_new", { gate: html }));
  const policy = "Content-Security-Policy:default-src 'self'; script-src 'strict-dynamic' 'nonce-r4nd0m+/='";
  const response = await edge(page({ body: BODY }, [policy]));
  expect(await response.text()).toContain('id="sluice-flags" nonce="r4nd0m+/=">');
  expect(response.headers.get("Content-Security-Policy")).toContain("'nonce-r4nd0m+/='");
});

test.each([
  ["without a head", "<p>x</p>", /^<p>x<\/p><script/],
  ["with a body only", "<body class=a><p>x</p>", /^<body class=a><script/],
])("a page %s has the flags too", async (_, body, expected) => {
  await only(feature("feat_new", { gate: html }));
  expect(await (await edge(page({ body }))).text()).toMatch(expected);
});

test("a compressed page is edited", async () => {
  await only(feature("feat_new", { gate: html }));
  const response = await edge(page({ body: BODY, gzip: "1" }), {
    headers: { "Accept-Encoding": "br, zstd" },
  });
  expect(await response.text()).toContain('<p data-feature="feat_new">new</p>');
});

test("an edited page loses the headers of the unedited one, and no cache may bring an edit back", async () => {
  await only(feature("feat_new", { gate: html }));
  const described = [
    'ETag:"a"',
    "Last-Modified:Thu, 01 Jan 2026 00:00:00 GMT",
    "Cache-Control:public, max-age=600",
  ];
  const response = await edge(page({ body: BODY }, described));
  expect(response.headers.has("ETag")).toBe(false);
  expect(response.headers.has("Last-Modified")).toBe(false);
  expect(response.headers.get("Cache-Control")).toMatch(/private/);
  await response.text();
  const conditions = {
    Accept: "text/html",
    "If-None-Match": '"a"',
    "If-Modified-Since": "Thu, 01 Jan 2026 00:00:00 GMT",
  };
  const seen = await echoed(await edge("/echo", { headers: conditions }));
  expect([headerOf(seen, "If-None-Match"), headerOf(seen, "If-Modified-Since")]).toEqual([null, null]);
});

test("only text/html is edited, and only for a feature that asks for it", async () => {
  await only(feature("feat_new", { gate: html }));
  const json = await edge(page({ body: BODY, type: "application/xhtml+xml" }, ['ETag:"a"']));
  expect([await json.text(), json.headers.get("ETag")]).toEqual([BODY, '"a"']);
  await only(feature("feat_new", { gate: { path: "/as-told" } }), feature("feat_plain"));
  const plain = await edge(page({ body: BODY }, ['ETag:"a"']));
  expect([await plain.text(), plain.headers.get("ETag")]).toEqual([BODY, '"a"']);
});

test("the edited page keeps every Set-Cookie and gets ours", async () => {
  await only(feature("feat_new", { gate: html }));
  const response = await edge(page({ body: BODY }, ["Set-Cookie:a=1; Path=/"]));
  expect(response.headers.getSetCookie()).toEqual(["a=1; Path=/", expect.stringMatching(/^sluice=v1\./)]);
  await response.text();
});
