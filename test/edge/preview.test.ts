// Previews: an operator looks at a closed feature, and nobody else can.
import { expect, test, beforeAll } from "vitest";
import { encodeFeatureAttributes } from "../../edge/telemetry/otlp-encoding.ts";
import { echoed, edge, feature, headerOf, nowSeconds, push, PUSH_KEY, recorded } from "./support/edge.ts";
import { OLD_PREVIEW_KEY, previewToken } from "./support/preview-token.ts";

let revision = 0;
const only = (...features: unknown[]): Promise<Response> =>
  push({ revision: ++revision, full: true, features });

beforeAll(async () => {
  await only(
    feature("feat.closed", {
      enabled: false,
      routes: [{ path: "/beta/*" }, { path: "/as-told" }],
      gate: { whenClosed: { action: "notFound" }, html: { elements: true, flags: true } },
    }),
    feature("feat_control", { rolloutBps: 0, holdoutBps: 10_000 }),
    feature("feat_all"),
  );
});

const open = (text: string, to = "/beta/x", scheme = "http"): Promise<Response> =>
  edge(`/.sluice/preview?token=${encodeURIComponent(text)}&to=${encodeURIComponent(to)}`, {}, scheme);

const cookieFrom = (response: Response): string => response.headers.getSetCookie()[0]?.split(";")[0] ?? "";

test("a preview link leads to the page and sets a cookie that lives as long as the link", async () => {
  const response = await open(await previewToken("feat.closed"));
  expect([response.status, response.headers.get("Location")]).toEqual([303, "/beta/x"]);
  expect(response.headers.getSetCookie()).toEqual([
    expect.stringMatching(/^sluice-preview=p2\.[^;]+; Path=\/; Max-Age=(600|59\d); HttpOnly; SameSite=Lax$/),
  ]);
  const secure = await open(await previewToken("feat.closed"), "/", "https");
  expect(secure.headers.getSetCookie()[0]).toMatch(/^__Host-sluice-preview=.*; Secure$/);
});

test("a visitor with the preview cookie sees the closed feature open, on its routes only, and others do not", async () => {
  const Cookie = cookieFrom(await open(await previewToken("feat.closed", { key: OLD_PREVIEW_KEY })));
  expect((await edge("/beta/x")).status).toBe(404);
  const shown = await edge("/beta/x", { headers: { Cookie, "If-None-Match": '"a"' } });
  expect(shown.status).toBe(200);
  expect(shown.headers.get("Cache-Control")).toBe("private, no-store");
  expect(shown.headers.get("Sluice-Preview")).toBe("feat.closed");
  const seen = await echoed(shown);
  expect(headerOf(seen, "Sluice-Features")).toBe(
    "feat_control=holdout, feat_all=treatment, feat.closed=treatment",
  );
  expect(headerOf(seen, "If-None-Match")).toBe(null);
  const elsewhere = await edge("/other", { headers: { Cookie } });
  expect(elsewhere.headers.has("Sluice-Preview")).toBe(false);
});

test("page edits and OpenFeature clients see the previewed feature open too", async () => {
  const Cookie = cookieFrom(await open(await previewToken("feat.closed")));
  const body = '<head></head><p data-feature="feat.closed" hidden>new</p>';
  const page = await edge(`/as-told?body=${encodeURIComponent(body)}`, { headers: { Cookie } });
  expect(await page.text()).toMatch(/"feat.closed":true.*<p data-feature="feat.closed">new<\/p>/);
  const flag = await edge("/.sluice/ofrep/v1/evaluate/flags/feat.closed", {
    method: "POST",
    headers: { Cookie },
    body: JSON.stringify({ context: { targetingKey: "operator" } }),
  });
  expect(await flag.json()).toMatchObject({ value: true, reason: "TARGETING_MATCH" });
});

test("a preview of a feature whose holdout the operator is in is neither held nor counted", async () => {
  const preview = cookieFrom(await open(await previewToken("feat_control")));
  const response = await edge("/", { headers: { Cookie: preview } });
  const unit = headerOf(await echoed(response), "Sluice-Unit") ?? "";
  const visitor = cookieFrom(response);
  const explained = await edge("/.sluice/explain", { headers: { Cookie: `${visitor}; ${preview}` } });
  const { features } = await explained.json<{ features: object[] }>();
  expect(features).toContainEqual(
    expect.objectContaining({ featureId: "feat_control", open: true, why: "preview" }),
  );
  const after = await edge("/", { headers: { Cookie: visitor } });
  expect(headerOf(await echoed(after), "Sluice-Features")).toContain("feat_control=holdout");
  await expect
    .poll(async () => (await recorded(`"${unit}"`)).filter(({ url }) => url === "/v1/traces").length, {
      timeout: 10_000,
    })
    .toBeGreaterThan(0);
  const bodies = (await recorded(`"${unit}"`)).map(({ body }) => body);
  expect(bodies.join("\n")).not.toContain(encodeFeatureAttributes("feat_control", "treatment", 1));
});

test.each([
  ["forged", async () => (await previewToken("feat_all")).replace("feat_all", "feat%2Eclosed"), "not signed"],
  [
    "of an unknown key",
    () =>
      previewToken("feat.closed", {
        key: { kid: "x", secret: "not-ours-at-all-0123456789abcdefghijklmnop" },
      }),
    "not signed",
  ],
  ["of a push key", () => previewToken("feat.closed", { key: PUSH_KEY }), "not signed"],
  ["of an epoch to come", () => previewToken("feat.closed", { epoch: 2 }), "has ended"],
  ["for a feature that does not exist", () => previewToken("feat.other"), "has ended"],
  ["expired", () => previewToken("feat.closed", { expires: nowSeconds() - 1 }), "not valid now"],
  [
    "too long-lived",
    () => previewToken("feat.closed", { expires: nowSeconds() + 8 * 86_400 }),
    "not valid now",
  ],
  ["rubbish", async () => "p2.x", "malformed"],
])("a link that is %s is 403, and its token as a cookie shows nothing", async (_, make, words) => {
  const text = await make();
  const response = await open(text);
  expect([response.status, response.headers.getSetCookie()]).toEqual([403, []]);
  expect((await response.json<{ detail: string }>()).detail).toContain(words);
  expect((await edge("/beta/x", { headers: { Cookie: `sluice-preview=${text}` } })).status).toBe(404);
});

test.each(["//evil.test/", "https://evil.test/", "/\\evil.test", "javascript:alert(1)"])(
  "a preview link does not lead to %s",
  async (to) => {
    const response = await open(await previewToken("feat.closed"), to);
    expect(response.headers.get("Location")).toBe("/");
  },
);

test("a link ends the preview", async () => {
  const response = await edge("/.sluice/preview/end?to=/beta/x");
  expect(response.headers.getSetCookie()[0]).toMatch(/^sluice-preview=; Path=\/; Max-Age=0/);
});

test("opening a feature ends the links that were made for it before, and those of no other", async () => {
  const before = await previewToken("feat.closed");
  const other = cookieFrom(await open(await previewToken("feat_control")));
  const Cookie = cookieFrom(await open(before));
  expect((await edge("/beta/x", { headers: { Cookie } })).status).toBe(200);
  const changed = (fields: object): Promise<Response> =>
    only(
      feature("feat.closed", {
        routes: [{ path: "/beta/*" }],
        gate: { whenClosed: { action: "notFound" } },
        ...fields,
      }),
      feature("feat_control", { rolloutBps: 0, holdoutBps: 10_000 }),
    );
  await changed({ epoch: 2, enabled: true, version: 2 });
  await changed({ epoch: 2, enabled: false, version: 3 });
  expect((await edge("/beta/x", { headers: { Cookie } })).status).toBe(404);
  const opened = await open(before);
  expect([opened.status, opened.headers.getSetCookie()]).toEqual([403, []]);
  const explained = await (await edge("/.sluice/explain", { headers: { Cookie } })).text();
  expect(explained).not.toContain('"preview"');
  expect((await edge("/", { headers: { Cookie: other } })).headers.get("Sluice-Preview")).toBe(
    "feat_control",
  );
  const fresh = cookieFrom(await open(await previewToken("feat.closed", { epoch: 2 })));
  expect((await edge("/beta/x", { headers: { Cookie: fresh } })).status).toBe(200);
});
