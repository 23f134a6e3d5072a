// What `<sluice-feature>` elements ask the edge, in workerd. test/flow/elements.test.ts and test/frameworks have them in a
// browser.
import { describe, expect, test, beforeAll } from "vitest";
import { ELEMENTS_SCRIPT } from "../../edge/routes/elements-script.ts";
import { cookieOf, edge, feature, push, recorded } from "./support/edge.ts";

const CHROME =
  "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36";
const script = { "Sec-Fetch-Dest": "empty", "Sec-Fetch-Site": "same-origin", "User-Agent": CHROME };
const elements = { html: { elements: true } };
const routes = [{ path: "/elements-page/*" }];

const ask = (path: string, headers: Record<string, string> = script): Promise<Response> =>
  edge(`/.sluice/elements?path=${encodeURIComponent(path)}`, { headers });

type Span = { attributes: { key: string; value: { stringValue?: string } }[] };
type Traces = { resourceSpans: { scopeSpans: { spans: Span[] }[] }[] };

/** The features of the spans about this unit, in their order. */
const featuresReported = async (unit: string): Promise<string[]> => {
  const bodies = (await recorded(unit)).map(({ body }) => JSON.parse(body) as Traces);
  const spans = bodies.flatMap(({ resourceSpans }) =>
    resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap((scope) => scope.spans)),
  );
  const valueOf = ({ attributes }: Span, name: string): string =>
    attributes.find(({ key }) => key === name)?.value.stringValue ?? "";
  const ofUnit = spans.filter((span) => valueOf(span, "feature_flag.context.id") === unit);
  return [...new Set(ofUnit.map((span) => valueOf(span, "feature_flag.key")))].toSorted();
};

beforeAll(() =>
  push({
    revision: 1,
    full: true,
    features: [
      feature("feat_everywhere", { enabled: false, gate: elements }),
      feature("feat_flags", { routes, gate: { html: { flags: true } } }),
      feature("feat_here", { routes, gate: elements, failureMode: "closed" }),
      feature("feat_mobile", {
        routes,
        gate: elements,
        targeting: { attribute: "path", operator: "endsWith", value: "/mobile" },
      }),
    ],
  }),
);

test("the answer names the features whose elements the gate would edit on that page, and nothing else", async () => {
  const response = await ask("/elements-page/one");
  expect(response.status).toBe(200);
  expect(response.headers.get("Cache-Control")).toBe("no-store");
  expect(await response.json()).toEqual({
    revision: 1,
    elements: {
      feat_everywhere: { open: false, failureMode: "static" },
      feat_here: { open: true, failureMode: "closed" },
      feat_mobile: { open: false, failureMode: "static" },
    },
  });
  const elsewhere = await (await ask("/other")).json<{ elements: object }>();
  expect(Object.keys(elsewhere.elements)).toEqual(["feat_everywhere"]);
});

test("the page's path is targeted, and compared in its canonical form", async () => {
  for (const path of ["/elements-page/mobile", "/%65lements-page/x/../mobile", "/elements-page//mobile"])
    expect(await (await ask(path)).json()).toMatchObject({ elements: { feat_mobile: { open: true } } });
});

test.each([
  ["no path", ""],
  ["a path without its slash", "checkout"],
  ["an address", "https://shop.test/checkout"],
  ["a path with a query", "/checkout?a=b"],
  ["a path with a NUL", "/a%00"],
  ["a path of 5,000 characters", `/${"a".repeat(5_000)}`],
])("%s is refused, and the answer says what is allowed", async (_, path) => {
  const response = await ask(path);
  expect(response.status).toBe(400);
  expect(await response.json()).toMatchObject({ detail: expect.stringContaining("path must be a path") });
});

describe("entering a page counts as a request for it", () => {
  test("a browser without a cookie becomes a visitor, whose exposure is reported with the page's features", async () => {
    const response = await ask("/elements-page/counted");
    const cookie = cookieOf(response);
    expect((await ask("/elements-page/counted", { ...script, cookie })).headers.getSetCookie()).toEqual([]);
    const explained = await edge("/.sluice/explain", { headers: { cookie } });
    const { unit } = await explained.json<{ unit: string }>();
    await expect.poll(() => featuresReported(unit), { timeout: 5_000 }).toEqual(["feat_flags", "feat_here"]);
  });

  test.each([
    ["another site's page", { ...script, "Sec-Fetch-Site": "cross-site" }],
    ["a page that is prerendered", { ...script, "Sec-Purpose": "prefetch;prerender" }],
  ])("%s makes no visitor", async (_, headers) => {
    const response = await ask("/elements-page/one", headers);
    expect(response.status).toBe(200);
    expect(response.headers.getSetCookie()).toEqual([]);
  });

  test("a page on which no feature is open sets no cookie", async () => {
    expect((await ask("/other")).headers.getSetCookie()).toEqual([]);
  });
});

describe("the script", () => {
  test("is less than 1,500 bytes compressed, is cached, and is confirmed by its tag", async () => {
    const response = await edge("/.sluice/elements.js");
    expect(response.headers.get("Content-Type")).toBe("text/javascript; charset=utf-8");
    expect(response.headers.get("Cache-Control")).toMatch(/^public, max-age=300\b/);
    const gzipped = new Response(ELEMENTS_SCRIPT).body?.pipeThrough(new CompressionStream("gzip"));
    expect((await new Response(gzipped).arrayBuffer()).byteLength).toBeLessThan(1_500);
    const etag = response.headers.get("ETag") ?? "";
    const again = await edge("/.sluice/elements.js", { headers: { "If-None-Match": etag } });
    expect(again.status).toBe(304);
    expect(await again.text()).toBe("");
  });
});

describe("in the page", () => {
  const page = async (body: string): Promise<string> => {
    const response = await edge(`/elements-page/../as-told?body=${encodeURIComponent(body)}`);
    return response.text();
  };

  beforeAll(() =>
    push({
      revision: 2,
      full: true,
      features: [
        feature("feat_open", { gate: elements }),
        feature("feat_shut", { enabled: false, gate: elements }),
      ],
    }),
  );

  test.each([
    ['<sluice-feature name="feat_open" hidden>', '<sluice-feature name="feat_open" state="open">'],
    ['<sluice-feature name="feat_open">', '<sluice-feature name="feat_open" state="open">'],
    [
      '<sluice-feature name="feat_shut" hidden>',
      '<sluice-feature name="feat_shut" hidden="" state="closed">',
    ],
    ['<sluice-feature name="feat_shut">', '<sluice-feature name="feat_shut" state="closed" hidden="">'],
    [
      '<sluice-feature name="feat_open" otherwise>',
      '<sluice-feature name="feat_open" otherwise state="open" hidden="">',
    ],
    [
      '<sluice-feature name="feat_shut" otherwise hidden>',
      '<sluice-feature name="feat_shut" otherwise state="closed">',
    ],
    ['<sluice-feature name="feat_unknown" hidden>', '<sluice-feature name="feat_unknown" hidden>'],
    ["<sluice-feature>", "<sluice-feature>"],
  ])("%s becomes %s, and what it holds stays", async (tag, edited) => {
    const text = await page(`<body>${tag}<p>content</p></sluice-feature></body>`);
    expect(text).toBe(`<body>${edited}<p>content</p></sluice-feature></body>`);
  });
});
