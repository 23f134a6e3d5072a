// What may be kept, for how long and where: the parts of kept pages, in workerd. test/flow/kept-pages.test.ts has the whole.
import { expect, test } from "vitest";
import { keepableOf } from "../../edge/proxy/kept/freshness.ts";
import { keepBody, MOST_PAGE_BYTES } from "../../edge/proxy/kept/keep-body.ts";
import { keptResponse } from "../../edge/proxy/kept/kept-response.ts";
import { makePageMemory, type KeptPage } from "../../edge/proxy/kept/page-memory.ts";
import { makePageNotes } from "../../edge/proxy/kept/page-notes.ts";
import { makePageStore } from "../../edge/proxy/kept/page-store.ts";

const keepable = (headers: Record<string, string>, status = 200) =>
  keepableOf(new Response(null, { status, headers }));

const DATE = "Thu, 01 Jan 2026 00:00:00 GMT";
const LATER = "Thu, 01 Jan 2026 00:02:00 GMT";

test.each([
  [{ "Cache-Control": "max-age=60" }, 60, 0, 0],
  [{ "Cache-Control": "public, max-age=60, s-maxage=5" }, 5, 0, 0],
  [{ "Cache-Control": 'MAX-AGE = "60"' }, 60, 0, 0],
  [{ "Cache-Control": "max-age=60, max-age=5" }, 5, 0, 0],
  [{ "Cache-Control": "max-age=60", Age: "50" }, 10, 0, 0],
  [{ "Cache-Control": "max-age=99999999999999" }, 31_536_000, 0, 0],
  [{ Expires: LATER, Date: DATE }, 120, 0, 0],
  [{ Expires: LATER, Date: DATE, "Cache-Control": "max-age=7" }, 7, 0, 0],
  [{ "Cache-Control": "private", "CDN-Cache-Control": "max-age=9" }, 9, 0, 0],
  [{ "CDN-Cache-Control": "max-age=9", "Cloudflare-CDN-Cache-Control": "max-age=3" }, 3, 0, 0],
  [{ "Cache-Control": "max-age=1, stale-while-revalidate=30, stale-if-error=40" }, 1, 30, 40],
  [{ "Cache-Control": "max-age=1, stale-while-revalidate=30, stale-if-error=40, must-revalidate" }, 1, 0, 0],
  [{ "Cache-Control": "max-age=1, stale-while-revalidate=30, proxy-revalidate" }, 1, 0, 0],
])("a response with %j is fresh for %d s, then stale for %d s and %d s", (headers, fresh, stale, error) => {
  const found = keepable(headers);
  expect(found.ok && [found.value.freshMs, found.value.staleMs, found.value.errorMs]).toEqual([
    fresh * 1_000,
    stale * 1_000,
    error * 1_000,
  ]);
});

const PUBLIC = { "Cache-Control": "public, max-age=60" };

test.each([
  [{}, "lifetime"],
  [{ "Cache-Control": "public" }, "lifetime"],
  [{ "Cache-Control": "max-age=0" }, "lifetime"],
  [{ "Cache-Control": "max-age=-5" }, "lifetime"],
  [{ "Cache-Control": "max-age=soon" }, "lifetime"],
  [{ ...PUBLIC, Age: "60" }, "lifetime"],
  [{ Expires: "0", Date: DATE }, "lifetime"],
  [{ Expires: DATE, Date: LATER }, "lifetime"],
  [{ "Last-Modified": DATE }, "lifetime"],
  [{ "Cache-Control": "max-age=60, PRIVATE" }, "control"],
  [{ "Cache-Control": 'max-age=60, no-cache="Set-Cookie"' }, "control"],
  [{ "Cache-Control": "max-age=60,no-store" }, "control"],
  [{ ...PUBLIC, "CDN-Cache-Control": "no-store" }, "control"],
  [{ ...PUBLIC, "Set-Cookie": "a=1" }, "cookie"],
  [{ ...PUBLIC, Vary: "Accept-Encoding, cookie" }, "vary"],
  [{ ...PUBLIC, Vary: "*" }, "vary"],
  [{ ...PUBLIC, Vary: "a,b,c,d,e,f,g,h,i" }, "vary"],
  [{ ...PUBLIC, "Content-Security-Policy-Report-Only": "script-src 'nonce-x'" }, "personal"],
  [{ ...PUBLIC, "Clear-Site-Data": '"cookies"' }, "personal"],
  [{ ...PUBLIC, "Access-Control-Allow-Origin": "https://a.test" }, "personal"],
  [{ ...PUBLIC, "Content-Encoding": "zstd" }, "form"],
  [{ ...PUBLIC, "Content-Type": "text/event-stream" }, "form"],
])("a response with %j is not kept: %s", (headers, reason) => {
  expect(keepable(headers as Record<string, string>)).toEqual({ ok: false, error: { reason } });
});

test.each([201, 206, 301, 404, 410, 500])("a response of status %d is not kept", (status) => {
  expect(keepable(PUBLIC, status)).toEqual({ ok: false, error: { reason: "status" } });
});

test("the request headers that a page depends on are those of its Vary that its key does not say anyhow", () => {
  const found = keepable({
    ...PUBLIC,
    Vary: "X-B, Accept-Encoding, Sluice-Features, origin, x-a, X-B",
    "Access-Control-Allow-Origin": "https://a.test",
  });
  expect(found.ok && found.value.vary).toEqual(["origin", "x-a", "x-b"]);
});

const pageOf = (bytes: number, etag = "e"): KeptPage => ({
  headers: [["content-type", "text/html"]],
  body: new Uint8Array(bytes).fill(7),
  isGzipped: false,
  etag,
  bornMs: 0,
  freshUntilMs: 60_000,
  staleUntilMs: 60_000,
  errorUntilMs: 60_000,
});

test.each([
  ["max-age=60", ["cookie"]],
  ["max-age=60, must-revalidate", ["cookie"]],
  ["max-age=60, public", []],
  ["s-maxage=60", []],
])(
  "of a response with Cache-Control: %s those with a cookie of the site get the kept one: %j",
  (control, vary) => {
    const found = keepable({ "Cache-Control": control });
    expect(found.ok && found.value.vary).toEqual(vary);
  },
);

test("memory forgets what was not asked for longest, and never holds more than it may", () => {
  const memory = makePageMemory(10_000);
  for (const key of ["a", "b", "c"]) memory.set(key, pageOf(1_000));
  expect([memory.get("a") !== undefined, memory.size().pages]).toEqual([true, 3]);
  memory.set("d", pageOf(1_000));
  expect(["a", "b", "c", "d"].filter((key) => memory.get(key) !== undefined)).toEqual(["a", "c", "d"]);
  memory.set("d", pageOf(20_000));
  expect(memory.size()).toEqual({ pages: 0, bytes: 0 });
  memory.set("e", pageOf(10));
  memory.remove("e");
  memory.remove("e");
  expect(memory.size()).toEqual({ pages: 0, bytes: 0 });
});

test("what is learned of URLs is bounded, and a URL that is set apart is asked about again in time", () => {
  const notes = makePageNotes();
  notes.share("/a", ["b"]);
  notes.share("/a", ["a"]);
  expect(notes.get("/a", 0)).toEqual({ kind: "shared", vary: ["a", "b"] });
  notes.setApart("/a", 10);
  expect([notes.get("/a", 9)?.kind, notes.get("/a", 10)]).toEqual(["apart", null]);
  notes.share("/kept", []);
  for (let i = 0; i < 5_000; i++) notes.share(`/flood-${i}`, []);
  expect(notes.get("/kept", 0)).not.toBe(null);
  for (let i = 0; i < 20_000; i++) notes.share(`/more-${i}`, []);
  expect(notes.get("/kept", 0)).toBe(null);
});

test("the store of the data centre gives back what was kept under a key, and nothing under another", async () => {
  const store = makePageStore(
    () => caches.open("kept-pages-test"),
    () => 0,
  );
  const url = "https://shop.test/page";
  await store.keepPage(url, "key\nfeat_a=treatment", pageOf(5_000, 'W/"x"'));
  expect(await store.findPage(url, "key\nfeat_a=treatment")).toEqual(pageOf(5_000, 'W/"x"'));
  expect(await store.findPage(url, "key\nfeat_a=holdout")).toBe(null);
  expect(await store.findNote(url)).toBe(null);
  await store.keepNote(url, ["x-theme"]);
  expect([await store.findNote(url), await store.findNote(`${url}?`)]).toEqual([["x-theme"], null]);
  expect(await store.findPage(url, `note ${url}`)).toBe(null);
});

test("a page under the name of another key is no page", async () => {
  const names: string[] = [];
  let swapped: Response | undefined;
  const cache = {
    match: async () => swapped?.clone(),
    put: async (name: RequestInfo | URL, response: Response) => {
      names.push(new Request(name).url);
      swapped = response;
    },
  };
  const store = makePageStore(
    async () => cache,
    () => 0,
  );
  await store.keepPage("https://shop.test/page", "one", pageOf(10));
  expect(await store.findPage("https://shop.test/page", "one")).toEqual(pageOf(10));
  expect(await store.findPage("https://shop.test/page", "two")).toBe(null);
  expect(names[0]).toMatch(/^https:\/\/shop\.test\/\.sluice\/kept\/[\w-]{43}$/);
});

const KEEPING = {
  key: "k",
  keepable: { freshMs: 10_000, staleMs: 1_000, errorMs: 2_000, ageMs: 500, vary: [] },
  wasCompressed: false,
  nowMs: 1_000,
};

test("a page is kept with its own headers, and without those of one response", async () => {
  const headers = {
    "Content-Type": "text/html",
    Link: "</a.css>; rel=preload",
    ETag: '"site"',
    Age: "3",
    Date: DATE,
    "CF-Ray": "1",
    "X-Cache": "HIT",
    "Content-Encoding": "gzip",
    "Cache-Control": "public, max-age=9",
  };
  const page = await keepBody(new Response("<p>", { headers }), KEEPING);
  expect(page).toMatchObject({
    bornMs: 500,
    freshUntilMs: 11_000,
    staleUntilMs: 12_000,
    errorUntilMs: 13_000,
  });
  expect(page?.headers).toEqual([
    ["content-type", "text/html"],
    ["link", "</a.css>; rel=preload"],
    ["Cache-Control", "private, no-cache"],
  ]);
  const other = await keepBody(new Response("<p>", { headers }), { ...KEEPING, key: "l" });
  expect(other?.etag).not.toBe(page?.etag);
});

test("a page that is longer than one may be is not kept, and one of that length is", async () => {
  const fits = await keepBody(new Response(new Uint8Array(MOST_PAGE_BYTES)), KEEPING);
  expect(fits?.body.length).toBe(MOST_PAGE_BYTES);
  expect(await keepBody(new Response(new Uint8Array(MOST_PAGE_BYTES + 1)), KEEPING)).toBe(null);
});

test.each([
  ["bytes=0-0", 206, "bytes 0-0/10", 1],
  ["bytes=9-", 206, "bytes 9-9/10", 1],
  ["bytes=5-99", 206, "bytes 5-9/10", 5],
  ["bytes=-99", 206, "bytes 0-9/10", 10],
  ["bytes=-0", 416, "bytes */10", 0],
  ["bytes=10-", 416, "bytes */10", 0],
  ["bytes=5-4", 200, null, 10],
  ["bytes=-", 200, null, 10],
])("of a kept page of ten bytes, %s is answered with %d", async (range, status, contentRange, length) => {
  const request = new Request("https://shop.test/", { headers: { Range: range } });
  const response = keptResponse(pageOf(10), request, { nowMs: 2_500, isStale: false });
  expect([response.status, response.headers.get("Content-Range"), response.headers.get("Age")]).toEqual([
    status,
    contentRange,
    "2",
  ]);
  expect((await response.arrayBuffer()).byteLength).toBe(length);
});
