// Every operation of the OpenAPI document with wrong and hostile input: the answer is one that the document names, never a 5xx.
// FUZZED_BODIES sets how many bodies each operation gets; the answers are held to the document by the test's own client.
import { assert, asyncProperty, constantFrom, infiniteStream, nat } from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { makeAdminApp } from "../../support/admin-app.ts";
import { makeTestDatabase } from "../../support/database.ts";

const database = await makeTestDatabase();
afterAll(() => database.drop());
const { document, request } = makeAdminApp({ pool: database.pool });
const RUNS = Number(process.env["FUZZED_BODIES"] ?? 40);

const Operation = z.looseObject({
  operationId: z.string(),
  requestBody: z.unknown().optional(),
  parameters: z.array(z.looseObject({ name: z.string(), in: z.string() })).default([]),
});
const OpenApi = z.object({ paths: z.record(z.string(), z.record(z.string(), Operation)) });
const operations = Object.entries(OpenApi.parse(JSON.parse(JSON.stringify(document))).paths).flatMap(
  ([path, methods]) =>
    Object.entries(methods).map(([method, operation]) =>
      Object.assign(operation, { path, method: method.toUpperCase() }),
    ),
);
const withBody = operations.filter(({ requestBody }) => requestBody !== undefined);

const rule = {
  activationThreshold: 0.15,
  retentionThreshold: 0.4,
  latencyP95Threshold: 200,
  minCohortSize: 500,
  evaluationWindowSeconds: 1_209_600,
};
const feature = {
  rolloutBps: 1000,
  holdoutBps: 1000,
  targeting: { operator: "and", conditions: [{ attribute: "country", operator: "in", values: ["DE"] }] },
  routes: [{ path: "/a/:b?", methods: ["GET"] }],
  gate: { path: "/c/:b", whenClosed: { action: "redirect", to: "/d" }, html: { flags: true } },
  activation: { path: "/buy", method: "POST" },
  tags: ["a"],
  requires: [],
  owner: "Team Checkout",
  description: "one page",
  link: "https://wiki.example/checkout",
  removeAfter: "2099-12-31",
  lockdown: false,
  reason: "tried",
};
const inFiles = {
  source: "shop",
  features: [{ file: "a.yaml", featureId: "feat_filed", enabled: true, ...feature, reason: undefined, rule }],
  removed: "release",
};
const ALERTS = {
  version: "4",
  alerts: [
    {
      status: "firing",
      labels: { alertname: "Errors", sluice_feature: "feat_target" },
      annotations: { summary: "too many" },
      startsAt: "2026-01-01T00:00:00Z",
      fingerprint: "a1b2",
    },
  ],
};
const segment = {
  condition: {
    operator: "or",
    conditions: [{ segment: "target" }, { attribute: "path", operator: "contains", value: "a" }],
  },
  description: "tried",
  reason: "tried",
};
/** A good body of each operation that takes one; what is tried are neighbours of it. */
const GOOD: Readonly<Record<string, object>> = {
  createFeature: { featureId: "feat_new", ...feature },
  createSegment: { segmentId: "hostile", ...segment },
  updateSegment: segment,
  evaluateFeature: {
    visitor: "anon-1",
    user: "ann",
    path: "/a",
    method: "GET",
    country: "DE",
    device: "mobile",
    headers: { "x-a": "b" },
    cookies: { a: "b" },
    claims: { plan: "pro", list: ["a", 1], deep: { a: { b: true } } },
    feature: {
      enabled: true,
      rolloutBps: 100,
      holdoutBps: 100,
      unit: "user",
      targeting: segment.condition,
      routes: feature.routes,
      gate: feature.gate,
    },
  },
  updateFeature: feature,
  putRule: rule,
  rollbackFeature: { reason: "tried" },
  enableFeature: { rolloutBps: 100, reason: "tried" },
  setRollout: { rolloutBps: 100, holdoutBps: 100, reason: "tried" },
  restartTrial: { reason: "tried" },
  rollbackTag: { tag: "a", reason: "tried" },
  forecastRule: { rule: { featureId: "feat_a", ...rule }, usersPerDay: 100, holdoutUsersPerDay: 100 },
  pauseRamp: { paused: true, reason: "tried" },
  forgetUnit: { unit: "anon-hostile", reason: "tried" },
  annotate: {
    title: "Deploy 4711",
    at: "2026-11-01T09:00:00Z",
    link: "https://ci.example/4711",
    tags: ["shop"],
    features: ["feat_target"],
  },
  makePreviewLink: { minutes: 60, to: "/", site: "https://shop.example" },
  setApprovalPolicy: { tags: ["a"], reason: "tried" },
  approveChange: { hash: "0".repeat(64) },
  makeSchedule: {
    featureId: "feat_target",
    change: { kind: "update", edit: { ...feature, reason: undefined } },
    at: "2027-12-01T09:00",
    zone: "Europe/Berlin",
    graceSeconds: 60,
    reason: "tried",
  },
  rejectChange: { reason: "tried" },
  createHook: {
    name: "new-hook",
    source: "grafana",
    authentication: "secret",
    mode: "enforce",
    featureId: null,
    tag: null,
    featureLabel: "feature",
    tagLabel: "tag",
    allowedFeatures: ["feat_target"],
    allowedTags: ["a"],
    secret: "the-secret-of-a-new-hook",
  },
  updateHook: {
    mode: "shadow",
    featureLabel: "feature",
    allowedFeatures: ["feat_target"],
    allowedTags: ["a"],
  },
  replaceHookSecret: { secret: "the-secret-of-the-hooks-now", keepOldSeconds: 60 },
  testHook: ALERTS,
  receiveAlerts: ALERTS,
  createNotificationTarget: {
    name: "x",
    type: "webhook",
    url: "https://8.8.8.8/x",
    events: ["feature.kept"],
    tags: ["a"],
  },
  updateNotificationTarget: {
    type: "webhook",
    url: "https://8.8.8.8/y",
    features: ["feat_a"],
    enabled: false,
  },
  changeNotificationSecret: { keepPreviousSeconds: 60 },
  redeliverNotifications: { since: "2026-11-26T05:00:00Z" },
  createToken: { name: "x", scope: "viewer", tags: ["a"], expiresAt: "2099-01-01T00:00:00Z" },
  planConfig: inFiles,
  applyConfig: {
    ...inFiles,
    hash: "0".repeat(64),
    base: [{ featureId: "feat_filed", version: null }],
    reason: "tried",
  },
};

/** Bodies of these have a larger limit. */
const LARGE: ReadonlySet<string> = new Set(["planConfig", "applyConfig"]);

const HOSTILE: readonly unknown[] = [
  "\u0000", "a\u0000b", "\ud800", "\udfff", "..", ".", "", " ", "__proto__", "constructor", "toString",
  "a".repeat(5_000), "🦥".repeat(200), "'; drop table feature_flags; --", "%2e%2e", "1e400",
  0, -0, -1, 0.1, 1e308, 5e-324, 2 ** 31, 2 ** 53, -(2 ** 53), 1e21,
  null, true, false, [], {}, [[]], [null], { "": null }, { constructor: { prototype: {} } },
]; // prettier-ignore

/** The body with one of its values, at any depth, taken away, doubled, or replaced. */
const spoil = (json: unknown, pick: (upTo: number) => number, hostile: unknown): unknown => {
  if (Array.isArray(json) && json.length > 0 && pick(3) > 0) {
    const at = pick(json.length);
    return json.map((item, i) => (i === at ? spoil(item, pick, hostile) : item));
  }
  if (typeof json === "object" && json !== null && !Array.isArray(json)) {
    const names = Object.keys(json);
    const name = names[pick(names.length)] ?? "x";
    const rest = Object.fromEntries(Object.entries(json).filter(([key]) => key !== name));
    switch (pick(4)) {
      case 0:
        return rest;
      case 1:
        return { ...json, [typeof hostile === "string" ? hostile : "surprise"]: hostile };
      default:
        return { ...rest, [name]: spoil((json as Record<string, unknown>)[name], pick, hostile) };
    }
  }
  return hostile;
};

const HOOK_SECRET = "the-secret-of-the-hooks";
const asHook = { authorization: `Bearer ${HOOK_SECRET}` };
const send = (
  operation: (typeof operations)[number],
  featureId: string,
  body: string | null,
  hook = "target",
) =>
  request(
    operation.path
      .replace("{featureId}", encodeURIComponent(featureId))
      .replace("{tokenId}", "tok_x")
      .replace("{sessionId}", "ses_x")
      .replace("{approvalId}", "apr_0")
      .replace("{name}", hook)
      .replace("{segmentId}", "hostile")
      .replace("{scheduleId}", "sch_0"),
    {
      method: operation.method,
      body,
      headers: { "if-match": "*", ...(operation.operationId === "receiveAlerts" ? asHook : {}) },
    },
  );

await request("/features", { method: "POST", body: JSON.stringify({ featureId: "feat_target" }) });
for (const name of ["target", "target-of-texts"])
  await request("/notifications", {
    method: "POST",
    body: JSON.stringify({ name, type: "webhook", url: "https://8.8.8.8/x" }),
  });
const hookOf = (name: string) => ({
  name,
  source: "alertmanager",
  secret: HOOK_SECRET,
  allowedFeatures: ["feat_target"],
});
for (const name of ["target", "target-of-texts"])
  await request("/hooks", { method: "POST", body: JSON.stringify(hookOf(name)) });
for (const segmentId of ["target", "hostile"])
  await request("/segments", {
    method: "POST",
    body: JSON.stringify({ segmentId, condition: { attribute: "path", operator: "equals", value: "/" } }),
  });

test("each operation that takes a body has a good one here", () => {
  expect(withBody.map(({ operationId }) => operationId).toSorted()).toEqual(Object.keys(GOOD).toSorted());
});

describe("a spoiled body", () => {
  test.each(withBody)("of $operationId is answered as the document says", async (operation) => {
    const good = GOOD[operation.operationId];
    await assert(
      asyncProperty(infiniteStream(nat()), constantFrom(...HOSTILE), async (numbers, hostile) => {
        const pick = (upTo: number): number => Number(numbers.next().value) % upTo;
        const body = JSON.stringify(spoil(good, pick, hostile)) ?? "null";
        expect((await send(operation, "feat_target", body)).status).toBeLessThan(500);
      }),
      { numRuns: RUNS },
    );
  });

  test.each(withBody)("of $operationId that is no JSON is 400", async (operation) => {
    for (const body of ["", "{", "undefined", "NaN", '{"a":1}{', "[", '"', "\u0000", '{"reason": 1e400}'])
      expect((await send(operation, "feat_target", body, "target-of-texts")).status).toBe(400);
  });

  test.each(withBody)("of $operationId that is nested without end is 400", async (operation) => {
    const deep = `${"[".repeat(100_000)}${"]".repeat(100_000)}`;
    const [name = "reason"] = Object.keys(GOOD[operation.operationId] ?? {});
    for (const body of [deep, `{"${name}":${deep}}`])
      expect((await send(operation, "feat_target", body, "target-of-texts")).status).toBe(400);
  });

  test.each(withBody)("of $operationId above its limit is 413", async (operation) => {
    const limit = LARGE.has(operation.operationId) ? 2 ** 24 : 2 ** 20;
    expect((await send(operation, "feat_target", JSON.stringify({ reason: "x".repeat(limit) }))).status).toBe(
      413,
    );
  });
});

const named = operations.filter(({ path }) => path.includes("{featureId}"));
test.each(named)(
  "$operationId of an id that no feature can have is refused, and never a 5xx",
  async (operation) => {
    const body = operation.requestBody === undefined ? null : JSON.stringify(GOOD[operation.operationId]);
    const ids = [
      "feat_unknown",
      "ü",
      "a b",
      "\u0000",
      "%",
      "a".repeat(200),
      "%2e%2e",
      "..",
      "hasOwnProperty",
    ];
    for (const id of ids) {
      const { status } = await send(operation, id, body);
      expect([400, 404]).toContain(status);
    }
  },
);

const queried = operations.filter(({ parameters }) => parameters.some((one) => one.in === "query"));
test.each(queried)(
  "$operationId with a hostile query is answered as the document says",
  async (operation) => {
    for (const { name } of operation.parameters.filter((one) => one.in === "query"))
      for (const value of [
        "",
        "x",
        "-1",
        "0",
        "1e400",
        "9007199254740993",
        "%00",
        "%ED%A0%80",
        "..",
        "a".repeat(3000),
      ]) {
        const path = operation.path.replace("{featureId}", "feat_target").replace("{name}", "target");
        const response = await request(`${path}?${name}=${value}`, { method: operation.method });
        await response.body?.cancel();
        expect({ name, value, isServed: response.status < 500 }).toEqual({ name, value, isServed: true });
      }
  },
);
