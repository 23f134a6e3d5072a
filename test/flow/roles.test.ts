// What an origin process serves depends on its ROLES.
import { afterAll, afterEach, expect, test } from "vitest";
import { makeTestDatabase } from "../support/database.ts";
import { ADMIN_TOKEN, ORIGIN_INGEST_TOKEN, startOrigin, type OriginUnderTest } from "../support/origin.ts";
import { eventually } from "../support/stack.ts";

const database = await makeTestDatabase();
afterAll(() => database.drop());

let origin: OriginUnderTest;
afterEach(async () => {
  expect(await origin.end("SIGTERM")).toBe(0);
});

const start = async (roles: string) => {
  origin = await startOrigin({ DATABASE_URL: database.url, ROLES: roles });
  const get = async (path: string, init: RequestInit = {}) => {
    const response = await fetch(`${origin.url}${path}`, init);
    return { status: response.status, text: await response.text() };
  };
  return {
    get,
    admin: () => get("/admin/v1/features", { headers: { authorization: `Bearer ${ADMIN_TOKEN}` } }),
    ingest: () =>
      get("/v1/traces", {
        method: "POST",
        headers: { authorization: `Bearer ${ORIGIN_INGEST_TOKEN}`, "content-type": "application/json" },
        body: '{"resourceSpans":[]}',
      }),
  };
};

const noAdmin = { status: 404, text: expect.stringContaining("the role admin is not among its ROLES") };
const noIngest = { status: 404, text: expect.stringContaining("the role ingest is not among its ROLES") };

test("without admin and ingest a process serves health and metrics, and says which role is missing", async () => {
  const { get, admin, ingest } = await start("fold,evaluate,push");
  expect((await get("/livez")).status).toBe(200);
  expect((await get("/readyz")).status).toBe(200);
  expect((await get("/metrics")).text).toContain("sluice_rollbacks_total");
  expect(await admin()).toEqual(noAdmin);
  expect(await ingest()).toEqual(noIngest);
});

const AHEAD = /^sluice_span_log_ahead_seconds (.+)$/m;

test("a process with the role admin alone serves the admin API and takes no telemetry", async () => {
  const { get, admin, ingest } = await start("admin");
  expect((await admin()).status).toBe(200);
  expect(await ingest()).toEqual(noIngest);
  // A 0 here would page: it says that the span log ends.
  expect((await get("/metrics")).text).not.toMatch(AHEAD);
});

test("a process with the role ingest alone takes telemetry and serves no admin API", async () => {
  const { get, admin, ingest } = await start("ingest");
  expect((await ingest()).status).toBe(200);
  expect(await admin()).toEqual(noAdmin);
  await eventually(async () => Number(AHEAD.exec((await get("/metrics")).text)?.[1]) > 1_800);
});
