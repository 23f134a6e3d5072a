// The OpenFeature Remote Evaluation Protocol, in workerd.
import { createExecutionContext } from "cloudflare:test";
import { beforeEach, describe, expect, test } from "vitest";
import { makeOfrepRoutes } from "../../edge/routes/ofrep/routes.ts";
import { compileSnapshot } from "../../edge/features/compile-snapshot.ts";
import { newIdentity } from "../../edge/visitor/identity.ts";
import { bucketOf } from "../../shared/features/assign.ts";
import { FeatureState } from "../../shared/features/feature.ts";
import { encodeFeature } from "../../shared/features/encoded-feature.ts";
import { Revision, UnitId } from "../../shared/ids.ts";
import { err } from "../../shared/result.ts";
import { cookieOf, echoed, edge, feature, headerOf, push, recorded, SERVER } from "./support/edge.ts";

const BULK = "/.sluice/ofrep/v1/evaluate/flags";

let revision = 0;
const only = (...features: unknown[]): Promise<Response> =>
  push({ revision: ++revision, full: true, features });

const post = (path: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> =>
  edge(path, {
    method: "POST",
    headers: { "Content-Type": "application/json", ...headers },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });

const asServer = (path: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> =>
  post(path, body, { ...SERVER, ...headers });

const context = (targetingKey: string, more = {}) => ({ context: { targetingKey, ...more } });

beforeEach(async () => {
  await only(
    feature("feat_all", { epoch: 3, version: 7 }),
    feature("feat_half", { rolloutBps: 5_000, holdoutBps: 1_000 }),
    feature("feat_closed", { enabled: false }),
    feature("feat_pro", { targeting: { attribute: "header:x-plan", operator: "equals", value: "pro" } }),
    feature("team/checkout", {}),
  );
});

test("bulk evaluation has every flag with value, variant and reason, and the address of the event stream", async () => {
  const response = await asServer(BULK, context("user-1"));
  expect(response.status).toBe(200);
  expect(response.headers.get("Content-Type")).toMatch(/^application\/json/);
  const { flags, eventStreams } = await response.json<{ flags: { key: string }[]; eventStreams: unknown }>();
  expect(eventStreams).toEqual([
    { type: "sse", url: "http://shop.test/.sluice/ofrep/stream", inactivityDelaySec: 120 },
  ]);
  const byKey = Object.fromEntries(flags.map((flag) => [flag.key, flag]));
  expect(byKey["feat_all"]).toMatchObject({
    value: true,
    variant: "treatment",
    reason: "SPLIT",
    metadata: { epoch: 3, version: 7 },
  });
  expect(byKey["feat_closed"]).toMatchObject({ value: false, variant: "off", reason: "DISABLED" });
  expect(byKey["feat_pro"]).toMatchObject({ value: false, variant: "off", reason: "DEFAULT" });
});

test("a targeting key is assigned by the same bucket as a visitor", async () => {
  for (let i = 0; i < 20; i++) {
    const bucket = bucketOf("feat_half", `user-${i}`);
    const variant = bucket < 5_000 ? "treatment" : bucket >= 9_000 ? "holdout" : "off";
    const flag = await (await asServer(`${BULK}/feat_half`, context(`user-${i}`))).json();
    expect(flag).toMatchObject({ key: "feat_half", value: variant === "treatment", variant });
  }
});

test("a server's context is the evaluation context of its visitor", async () => {
  const asked = context("user-1", { "header:x-plan": "pro" });
  expect(await (await asServer(`${BULK}/feat_pro`, asked)).json()).toMatchObject({ value: true });
});

test("a visitor's cookie decides, so that scripts see what the gate does to the page", async () => {
  const first = await edge("/");
  const unit = headerOf(await echoed(first), "Sluice-Unit") ?? "";
  const Cookie = cookieOf(first);
  const bucket = bucketOf("feat_half", unit);
  const response = await post(`${BULK}/feat_half`, context("somebody-else"), { Cookie });
  expect(await response.json()).toMatchObject({ value: bucket < 5_000 });
  expect(response.headers.getSetCookie()).toEqual([]);
});

test("a browser without a cookie becomes a visitor, and a server without a targeting key gets an error", async () => {
  const browser = await post(BULK, {}, { Origin: "http://shop.test" });
  expect(browser.status).toBe(200);
  const again = await post(BULK, {}, { Origin: "http://shop.test", Cookie: cookieOf(browser) });
  expect(again.headers.getSetCookie()).toEqual([]);
  const server = await asServer(`${BULK}/feat_half`, {});
  expect(server.status).toBe(400);
  expect(await server.json()).toMatchObject({ errorCode: "TARGETING_KEY_MISSING" });
});

test("a signed-in user decides over the targeting key in a feature whose units are users", async () => {
  const states = [
    encodeFeature(FeatureState.parse(feature("feat_half", { rolloutBps: 5_000, unit: "user" }))),
  ];
  const snapshot = compileSnapshot(Revision.parse(1), states);
  const app = makeOfrepRoutes({
    cache: {
      read: () => ({ snapshot, source: "memory", ageMs: 0, stale: false }),
      refresh: async () => true,
      changed: async () => undefined,
    },
    identify: () => ({ ...newIdentity(), userId: UnitId.parse("user-9") }),
    writeCookie: async () => "unit=remembered",
    reportEvent: () => undefined,
    readAuthority: () => "none",
    readPageOrigin: () => "own",
    allowNewUnit: () => true,
    readClaims: async () => null,
    previews: { verify: async () => err({ reason: "malformed" }), read: () => null },
    now: () => 0,
  });
  const request = new Request("http://shop.test/v1/evaluate/flags/feat_half", {
    method: "POST",
    headers: { Origin: "http://shop.test" },
    body: JSON.stringify(context("somebody-else")),
  });
  const response = await app.fetch(request, {}, createExecutionContext());
  expect(await response.json()).toMatchObject({ value: bucketOf("feat_half", "user-9") < 5_000 });
});

const OWN = { Origin: "http://shop.test", Referer: "http://shop.test/start" };

/** The features of which the origin was told an exposure of the unit. */
const exposuresOf = async (unit: string): Promise<string[]> => {
  const posts = (await recorded(unit)).filter(({ url }) => url === "/v1/traces");
  const names = posts.flatMap(({ body }) =>
    JSON.parse(body).resourceSpans[0].scopeSpans[0].spans.filter((span: object) =>
      JSON.stringify(span).includes(unit),
    ),
  );
  return names.flatMap(
    (span: object) =>
      /"feature_flag.key","value":{"stringValue":"([^"]*)"/.exec(JSON.stringify(span))?.[1] ?? [],
  );
};

const unitOf = (cookie: string): string => /v1\.c2\.([^~]+)~/.exec(cookie)?.[1] ?? "";

describe("a browser without a cookie", () => {
  beforeEach(() =>
    only(
      feature("feat_here"),
      feature("feat_control", { rolloutBps: 0, holdoutBps: 10_000 }),
      feature("feat_off", { rolloutBps: 0 }),
      feature("feat_elsewhere", { routes: [{ path: "/checkout" }], rolloutBps: 0, holdoutBps: 10_000 }),
    ),
  );

  test("is counted with the answer that tells its cohorts, and told no others", async () => {
    const response = await post(BULK, {}, OWN);
    const { flags } = await response.json<{ flags: { key: string; variant: string; reason: string }[] }>();
    const variants = Object.fromEntries(flags.map(({ key, variant, reason }) => [key, [variant, reason]]));
    expect(variants).toEqual({
      feat_here: ["treatment", "SPLIT"],
      feat_control: ["holdout", "SPLIT"],
      feat_off: ["off", "SPLIT"],
      feat_elsewhere: ["off", "DEFAULT"],
    });
    const unit = unitOf(cookieOf(response));
    await expect.poll(() => exposuresOf(unit), { timeout: 10_000 }).toEqual(["feat_here", "feat_control"]);
  });

  test("is counted with the one flag that it names, whatever the page", async () => {
    const response = await post(`${BULK}/feat_elsewhere`, {}, OWN);
    expect(await response.json()).toMatchObject({ variant: "holdout" });
    const unit = unitOf(cookieOf(response));
    await expect.poll(() => exposuresOf(unit), { timeout: 10_000 }).toEqual(["feat_elsewhere"]);
  });

  test("that is on another site's page becomes no visitor: it would not keep the cookie", async () => {
    const Origin = "https://partner.test:8443";
    const response = await post(BULK, {}, { Origin, "Sec-Fetch-Site": "cross-site" });
    expect(response.headers.getSetCookie()).toEqual([]);
    const { flags } = await response.json<{ flags: { key: string; variant: string }[] }>();
    expect(flags.find(({ key }) => key === "feat_control")?.variant).toBe("off");
  });
});

test("a known browser's evaluation is seen again, and a server's is not reported", async () => {
  const cookie = cookieOf(await post(BULK, {}, OWN));
  const unit = unitOf(cookie);
  const reported = async (): Promise<number> =>
    (await exposuresOf(unit)).filter((name) => name === "feat_all").length;
  await expect.poll(reported, { timeout: 10_000 }).toBe(1);
  await post(BULK, {}, { ...OWN, Cookie: cookie });
  await expect.poll(reported, { timeout: 10_000 }).toBe(2);
  await asServer(BULK, context("server-unit-1"));
  await post(BULK, {}, { ...OWN, Cookie: cookie });
  await expect.poll(reported, { timeout: 10_000 }).toBe(3);
  expect(await exposuresOf("server-unit-1")).toEqual([]);
});

test("an unchanged answer is 304, and an answer with any change is not", async () => {
  const etag = (await asServer(BULK, context("user-1"))).headers.get("ETag") ?? "";
  const same = await asServer(BULK, context("user-1"), { "If-None-Match": `"x", W/${etag}` });
  expect([same.status, await same.text()]).toEqual([304, ""]);
  expect(
    (await asServer(BULK, context("user-1", { "header:x-plan": "pro" }), { "If-None-Match": etag })).status,
  ).toBe(200);
  await push({ revision: ++revision, full: false, features: [feature("feat_all", { enabled: false })] });
  const changed = await asServer(BULK, context("user-1"), { "If-None-Match": etag });
  expect(changed.status).toBe(200);
});

test.each([
  ["no JSON", "{nope", "PARSE_ERROR"],
  ["a list", "[]", "PARSE_ERROR"],
  ["too much", JSON.stringify({ context: { targetingKey: "u", x: "x".repeat(70_000) } }), "PARSE_ERROR"],
  ["a context that is none", { context: "user-1" }, "INVALID_CONTEXT"],
  ["a key that is no text", { context: { targetingKey: 7 } }, "INVALID_CONTEXT"],
])("%s is 400 with the protocol's code, for one flag and for all", async (_, body, errorCode) => {
  const bulk = await post(BULK, body);
  expect([bulk.status, await bulk.json()]).toEqual([400, { errorCode, errorDetails: expect.any(String) }]);
  const single = await post(`${BULK}/feat_all`, body);
  const answer = { key: "feat_all", errorCode, errorDetails: expect.any(String) };
  expect([single.status, await single.json()]).toEqual([400, answer]);
});

test("a flag that does not exist is 404, and a flag with a slash in its key is found", async () => {
  const missing = await asServer(`${BULK}/feat_nowhere`, context("user-1"));
  expect(missing.status).toBe(404);
  expect(await missing.json()).toMatchObject({ key: "feat_nowhere", errorCode: "FLAG_NOT_FOUND" });
  const found = await asServer(`${BULK}/team%2Fcheckout`, context("user-1"));
  expect(await found.json()).toMatchObject({ key: "team/checkout", value: true });
});
