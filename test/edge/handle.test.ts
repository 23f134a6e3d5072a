// One visitor's way through the gate: cookie and cohorts, the headers that the upstream gets, the spans that the origin
// gets.
import { beforeAll, expect, test, vi } from "vitest";
import { cookieOf, echoed, edge, feature, headerOf, push, recorded } from "./support/edge.ts";

const features = [
  feature("feat_all"),
  feature("feat_half", { rolloutBps: 5_000 }),
  feature("feat_control", { rolloutBps: 0, holdoutBps: 10_000 }),
  feature("feat_closed", { enabled: false }),
  feature("feat_shop", { routes: [{ path: "/shop/*", methods: ["GET"] }, { path: "/p/:id" }] }),
  feature("feat_buy", { activation: { path: "/checkout", method: "POST" } }),
];

beforeAll(async () => {
  await push({ revision: 1, full: true, features });
});

const cohorts = async (cookie: string | null, path = "/"): Promise<string | null> =>
  headerOf(
    await echoed(await edge(path, cookie === null ? {} : { headers: { Cookie: cookie } })),
    "Sluice-Features",
  );

test("the upstream gets the cohorts treatment and holdout, and nothing of closed features or of cohort off", async () => {
  const heard = (await cohorts(null))?.replace("feat_half=treatment, ", "");
  expect(heard).toBe("feat_all=treatment, feat_control=holdout, feat_buy=treatment");
});

type Attribute = { key: string; value: { stringValue?: string; intValue?: string; boolValue?: boolean } };
type Span = {
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  startTimeUnixNano: string;
  endTimeUnixNano?: string;
  attributes: Attribute[];
};
type Heard = { span: Span; named: Record<string, unknown> };

const named = (span: Span): Record<string, unknown> =>
  Object.fromEntries(span.attributes.map(({ key, value }) => [key, Object.values(value)[0]]));

const spansOf = async (unit: string): Promise<Heard[]> => {
  const requests = (await recorded(`"${unit}"`)).filter(({ url }) => url === "/v1/traces");
  for (const { headers } of requests)
    expect(headers).toContainEqual(["Authorization", "Bearer test-ingest-token"]);
  return requests
    .flatMap(({ body }): Span[] => JSON.parse(body).resourceSpans[0].scopeSpans[0].spans)
    .map((span) => ({ span, named: named(span) }))
    .filter(({ named: { "feature_flag.context.id": id } }) => id === unit);
};

const FIREFOX = { "User-Agent": "Mozilla/5.0 (X11; Linux) Firefox/140.0" };

const spansAfter = (unit: string, atLeast: number): Promise<Heard[]> =>
  vi.waitUntil(async () => {
    const all = await spansOf(unit);
    return all.length >= atLeast ? all : null;
  }, 10_000);

test("the origin gets an exposure and how the request ended of each compared feature, and the activation", async () => {
  const first = await edge("/", { headers: FIREFOX });
  const unit = headerOf(await echoed(first), "Sluice-Unit") ?? "";
  const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  const bought = await edge("/checkout", {
    method: "POST",
    headers: { Cookie: cookieOf(first), ...FIREFOX, traceparent },
  });
  await bought.text();
  const spans = await spansAfter(unit, 10);
  expect(new Set(spans.map(({ span }) => span.spanId)).size).toBe(spans.length);
  expect(spans[0]?.span).toMatchObject({
    traceId: expect.stringMatching(/^[0-9a-f]{32}$/),
    spanId: expect.stringMatching(/^[0-9a-f]{16}$/),
  });
  const ofAll = spans.filter((each) => each.named["feature_flag.key"] === "feat_all");
  const [exposure, request] = ofAll;
  expect(exposure?.named).toEqual({
    "feature_flag.key": "feat_all",
    "feature_flag.result.variant": "treatment",
    "feature_flag.context.id": unit,
    "sluice.epoch": "1",
  });
  expect(exposure?.span.endTimeUnixNano ?? "0").toBe("0");
  expect(request?.named).toEqual({
    ...exposure?.named,
    "sluice.exposure": false,
    "sluice.request": "document",
    "http.response.status_code": "200",
  });
  expect(Number(request?.span.endTimeUnixNano)).toBeGreaterThanOrEqual(
    Number(request?.span.startTimeUnixNano),
  );
  const acted = spans.filter((each) => each.named["action_taken"] === true);
  expect(acted).toHaveLength(1);
  expect(acted[0]?.named).toMatchObject({ "feature_flag.key": "feat_buy", "sluice.exposure": false });
  expect(acted[0]?.span).toMatchObject({
    traceId: "0af7651916cd43dd8448eb211c80319c",
    parentSpanId: "b7ad6b7169203331",
  });
});

test("a new visitor gets one signed cookie with the attributes that protect it", async () => {
  const plain = await edge("/");
  expect(plain.headers.getSetCookie()).toEqual([
    expect.stringMatching(
      /^sluice=v1\.c2\.[^.]+\.[A-Za-z0-9_-]{43}; Path=\/; Max-Age=34560000; HttpOnly; SameSite=Lax$/,
    ),
  ]);
  const secure = await edge("/", {}, "https");
  expect(secure.headers.getSetCookie()).toEqual([
    expect.stringMatching(/^__Host-sluice=v1\.c2\.[^.]+\.[^;]+; Path=\/; .*HttpOnly; SameSite=Lax; Secure$/),
  ]);
});

test("a visitor keeps unit and cohorts over 1,000 requests, and the cookie is not sent again", async () => {
  const first = await edge("/");
  const cookie = cookieOf(first);
  const seen = await echoed(first);
  for (let i = 0; i < 1_000; i++) {
    const response = await edge("/", { headers: { Cookie: cookie } });
    expect(response.headers.getSetCookie()).toEqual([]);
    const again = await echoed(response);
    expect(headerOf(again, "Sluice-Unit")).toBe(headerOf(seen, "Sluice-Unit"));
    expect(headerOf(again, "Sluice-Features")).toBe(headerOf(seen, "Sluice-Features"));
  }
});

test.each([
  ["altered payload", (value: string) => value.replace(/~/, "x~")],
  ["altered MAC", (value: string) => value.replace(/.{4}$/, "AAAA")],
  ["unknown key", (value: string) => value.replace("v1.c2.", "v1.c9.")],
  ["another version", (value: string) => value.replace("v1.", "v2.")],
  ["no MAC", (value: string) => value.slice(0, value.lastIndexOf("."))],
  ["rubbish", () => "sluice=%00%ff;;;==v1...."],
  ["an empty value", () => "sluice="],
])("a cookie with %s gives a new identity and a new cookie, not an error", async (_, forge) => {
  const cookie = cookieOf(await edge("/"));
  const { unit } = await (
    await edge("/.sluice/explain", { headers: { Cookie: cookie } })
  ).json<{ unit: string }>();
  const response = await edge("/", { headers: { Cookie: forge(cookie) } });
  expect(response.status).toBe(200);
  expect(headerOf(await echoed(response), "Sluice-Unit")).not.toBe(unit);
  expect(cookieOf(response)).not.toBe(cookie);
});

test("headers of Sluice's names that a visitor sends never reach the upstream", async () => {
  const posing = { "Sluice-Features": "feat_closed=treatment", "sluice-unit": "admin" };
  const gated = await echoed(await edge("/", { headers: posing }));
  expect(headerOf(gated, "Sluice-Features")).not.toContain("feat_closed");
  expect(headerOf(gated, "Sluice-Unit")).not.toBe("admin");
});

test("a lowered rollout takes the feature away with the next request, and raising it brings it back to the same visitors", async () => {
  const visitors: string[] = [];
  while (visitors.length < 5) {
    const response = await edge("/");
    if (headerOf(await echoed(response), "Sluice-Features")?.includes("feat_half=treatment"))
      visitors.push(cookieOf(response));
  }
  for (const [revision, rolloutBps, gets] of [
    [2, 6_000, true],
    [3, 0, false],
    [4, 5_000, true],
  ] as const) {
    await push({ revision, full: false, features: [feature("feat_half", { rolloutBps })] });
    for (const cookie of visitors)
      expect((await cohorts(cookie))?.includes("feat_half=treatment")).toBe(gets);
  }
});

test("a feature that is opened again has the same visitors: the hash knows no epoch", async () => {
  let cookie = "";
  while (cookie === "") {
    const response = await edge("/");
    if (headerOf(await echoed(response), "Sluice-Features")?.includes("feat_half=treatment"))
      cookie = cookieOf(response);
  }
  const reopened = feature("feat_half", { rolloutBps: 5_000, epoch: 2 });
  await push({ revision: 5, full: false, features: [reopened] });
  expect(await cohorts(cookie)).toContain("feat_half=treatment");
});

test("routes limit a feature to paths and methods", async () => {
  expect(await cohorts(null, "/shop/list?x=1")).toContain("feat_shop=treatment");
  expect(await cohorts(null, "/p/7")).toContain("feat_shop=treatment");
  expect(await cohorts(null, "/p/7/more")).not.toContain("feat_shop");
  const post = await edge("/shop/list", { method: "POST", body: "x" });
  expect(headerOf(await echoed(post), "Sluice-Features")).not.toContain("feat_shop");
});

test("explain tells a caller without a cookie no cohort and makes nobody a visitor", async () => {
  const response = await edge("/.sluice/explain");
  expect(response.headers.getSetCookie()).toEqual([]);
  const {
    unit,
    known,
    features: explained,
  } = await response.json<{
    unit: string | null;
    known: boolean;
    features: { featureId: string; bucket: number | null; cohort: string; why: string }[];
  }>();
  expect([unit, known]).toEqual([null, false]);
  const byId = Object.fromEntries(explained.map((each) => [each.featureId, each]));
  const nobody = { bucket: null, cohort: "off", why: "noUnit" };
  expect(byId["feat_half"]).toMatchObject(nobody);
  expect(byId["feat_control"]).toMatchObject(nobody);
  expect(byId["feat_all"]).toMatchObject({ bucket: null, cohort: "treatment", open: true, why: "noUnit" });
});

test("explain says why each feature is on or off for the visitor of the cookie", async () => {
  const cookie = cookieOf(await edge("/"));
  const response = await edge("/.sluice/explain", { headers: { Cookie: cookie } });
  const { known, features: explained } = await response.json<{
    known: boolean;
    features: { featureId: string; cohort: string; open: boolean; reason: string }[];
  }>();
  expect(known).toBe(true);
  const byId = Object.fromEntries(explained.map((each) => [each.featureId, each]));
  expect(byId["feat_all"]).toMatchObject({
    cohort: "treatment",
    open: true,
    reason: expect.stringMatching(/^bucket \d+ is below the rollout of 10000$/),
  });
  expect(byId["feat_control"]).toMatchObject({ cohort: "holdout", open: false });
  expect(byId["feat_closed"]).toMatchObject({ open: false, reason: "the feature is closed" });
});

test("a bot is served like anyone, and its spans say that it is one", async () => {
  const response = await edge("/", {
    headers: { "User-Agent": "Googlebot/2.1 (+http://www.google.com/bot.html)" },
  });
  const unit = headerOf(await echoed(response), "Sluice-Unit") ?? "";
  expect(response.status).toBe(200);
  const spans = await vi.waitUntil(async () => {
    const all = await spansOf(unit);
    return all.length > 0 ? all : null;
  }, 10_000);
  expect(spans.every((each) => each.named["is_bot"] === true)).toBe(true);
});

test("debug headers are there only on request", async () => {
  expect((await edge("/")).headers.has("Sluice-Revision")).toBe(false);
  const { headers } = await edge("/", { headers: { "Sluice-Debug": "1" } });
  expect(headers.get("Sluice-Revision")).toBe("5");
  expect(headers.get("Sluice-Age")).toMatch(/^\d+$/);
  expect(headers.get("Server-Timing")).toMatch(/sluice;dur=\d/);
});
