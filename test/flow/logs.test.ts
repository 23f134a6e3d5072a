// What the logs of a whole run say, at the loudest level: what happened to what, and nothing about people.
import { afterAll, beforeAll, expect, test } from "vitest";
import { z } from "zod";
import { makeTestDatabase, type TestDatabase } from "../support/database.ts";
import { ADMIN_TOKEN, ORIGIN_INGEST_TOKEN, startOrigin, type OriginUnderTest } from "../support/origin.ts";
import { jsonRequest } from "../support/otlp-spans.ts";
import { eventually } from "../support/stack.ts";

const FEATURE = "feat_logged";
const PERSONAL = {
  unit: "unit-3f9c-of-a-visitor",
  email: "ada.lovelace@example.com",
  operator: "operator.on.call@example.com",
  address: "203.0.113.77",
  token: "slu_a-token-that-somebody-guessed",
};

let database: TestDatabase;
let origin: OriginUnderTest;
beforeAll(async () => {
  database = await makeTestDatabase();
  origin = await startOrigin({
    DATABASE_URL: database.url,
    EVALUATE_EVERY_MS: "200",
    LOG_LEVEL: "debug",
    TRUSTED_PROXIES: "127.0.0.1",
    // Nobody listens there.
    SMTP_URL: "smtp://127.0.0.1:9",
    SMTP_FROM: "sluice@example.com",
    NOTIFY_ALLOW_HOSTS: "127.0.0.1",
    // A folder without a console: nothing but the log may write between its lines.
    CONSOLE_DIR: "/nowhere/console",
  });
});
afterAll(async () => {
  await origin?.end("SIGTERM");
  await database?.drop();
});

const post = (path: string, token: string, body: string) =>
  fetch(`${origin.url}${path}`, {
    method: "POST",
    headers: {
      authorization: `Bearer ${token}`,
      "content-type": "application/json",
      "x-forwarded-for": PERSONAL.address,
    },
    body,
  });

const Line = z.looseObject({ level: z.number(), time: z.string(), msg: z.string() });
const lines = () =>
  origin
    .output()
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => Line.parse(JSON.parse(line)));

test("a whole run logs lines of JSON that name features and requests, and no unit, address, e-mail or token", async () => {
  await origin.admin("POST", "/features", {
    featureId: FEATURE,
    enabled: true,
    rolloutBps: 9_000,
    holdoutBps: 0,
    activation: { path: "/checkout", method: "POST" },
  });
  await origin.admin("PUT", `/features/${FEATURE}/rule`, {
    activationThreshold: 0.5,
    retentionThreshold: 0,
    latencyP95Threshold: 10_000,
    minCohortSize: 50,
    evaluationWindowSeconds: 3_600,
    activationWindowSeconds: 1,
    retentionWindowSeconds: 2,
    returnAfterSeconds: 1,
    mode: "enforce",
  });
  await origin.admin("POST", "/notifications", { name: "on-call", type: "email", to: [PERSONAL.operator] });
  // What fails on purpose: guessed tokens, bodies that are none, units of every kind.
  for (const path of ["/v1/traces", "/admin/v1/features", "/auth/token"])
    await (
      await post(path, PERSONAL.token, `{"token":"${PERSONAL.token}","user":"${PERSONAL.email}"}`)
    ).text();
  await (await post("/v1/traces", ORIGIN_INGEST_TOKEN, `{"resourceSpans": "${PERSONAL.email}"}`)).text();
  await (await post("/admin/v1/features", ADMIN_TOKEN, `{"featureId":"${PERSONAL.email}"}`)).text();
  await eventually(async () => {
    const spans = Array.from({ length: 100 }, (_, i) => ({
      feature: FEATURE,
      unit: i === 0 ? PERSONAL.email : `${PERSONAL.unit}-${Math.random()}`,
      attributes: { "client.address": PERSONAL.address, "url.full": `https://shop/?mail=${PERSONAL.email}` },
    }));
    const answer = await post("/v1/traces", ORIGIN_INGEST_TOKEN, JSON.stringify(jsonRequest(spans)));
    expect(answer.status).toBe(200);
    await answer.text();
    await new Promise((wake) => setTimeout(wake, 300));
    return (await origin.admin("GET", `/features/${FEATURE}`))["enabled"] === false;
  }, 40_000);
  await eventually(async () => lines().some(({ msg }) => msg.includes("the feature is rolled back")));

  const rolledBack = lines().find(({ msg }) => msg.includes("the feature is rolled back"));
  expect(rolledBack).toMatchObject({ featureId: FEATURE, reason: expect.stringContaining("ROLLBACK") });
  for (const [what, text] of Object.entries({ ...PERSONAL, ADMIN_TOKEN, ORIGIN_INGEST_TOKEN }))
    expect(origin.output().includes(text), `${what} is in the log`).toBe(false);
}, 60_000);
