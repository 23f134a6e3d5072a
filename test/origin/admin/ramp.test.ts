// Pausing a ramp, as every other change: with a reason, a row of the audit and a version.
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { z } from "zod";
import { makeFeatureChanges } from "../../../origin/features/change-feature.ts";
import { FeatureId } from "../../../shared/ids.ts";
import { makeAdminApp } from "../../support/admin-app.ts";
import { makeTestDatabase } from "../../support/database.ts";

const database = await makeTestDatabase();
afterAll(() => database.drop());
const { request } = makeAdminApp({ pool: database.servicePool });
const changes = makeFeatureChanges({ pool: database.servicePool, newId: randomUUID });

let editor = "";
const send = async (method: string, path: string, body?: unknown, headers: object = {}) => {
  const response = await request(path, {
    method,
    body: body === undefined ? null : JSON.stringify(body),
    headers: { ...(editor === "" ? {} : { authorization: `Bearer ${editor}` }), ...headers },
  });
  return { status: response.status, json: z.record(z.string(), z.unknown()).parse(await response.json()) };
};
const pausedOf = async (featureId: string): Promise<unknown[]> =>
  (await database.pool.query("select paused from pmf_ramps where feature_id = $1", [featureId])).rows;
const ramp = (featureId: string, paused: boolean, reason: string) =>
  send("POST", `/features/${featureId}/ramp`, { paused, reason });

beforeAll(async () => {
  const { json } = await send("POST", "/tokens", { name: "ann", scope: "editor" });
  await send("POST", "/features", { featureId: "feat_a", enabled: true, rolloutBps: 1000 });
  await send("POST", "/features", { featureId: "feat_pay", tags: ["payments"], enabled: true });
  await send("PUT", "/approvals/policy", { tags: ["payments"], reason: "money" }, { "if-match": '"0"' });
  editor = z.string().parse(json["secret"]);
});

test("a pause is in the audit with who, why and what it changed, and the chain holds", async () => {
  const paused = await ramp("feat_a", true, "the sale has begun");
  expect(paused).toMatchObject({ status: 200, json: { featureId: "feat_a", paused: true, version: 2 } });
  expect(await pausedOf("feat_a")).toEqual([{ paused: true }]);
  await ramp("feat_a", false, "the sale is over");
  expect(await pausedOf("feat_a")).toEqual([{ paused: false }]);
  const { json } = await send("GET", "/audit?featureId=feat_a&limit=2");
  expect(json["entries"]).toMatchObject([
    {
      actor: "token:ann",
      reason: "the sale is over",
      version: 3,
      details: { diff: [{ field: "ramp", from: "paused", to: "goes on" }] },
    },
    {
      reason: "the sale has begun",
      details: { ramp: "paused", diff: [{ field: "ramp", from: "goes on", to: "paused" }] },
    },
  ]);
  expect((await send("GET", "/audit/verify")).json).toMatchObject({ ok: true });
});

test("without a reason it is refused, and the answer names the field", async () => {
  const refused = await send("POST", "/features/feat_a/ramp", { paused: true });
  expect(refused).toMatchObject({ status: 400, json: { errors: [{ field: "reason" }] } });
  expect((await ramp("feat_none", true, "it is not there")).status).toBe(404);
});

test("a step that was decided before the pause comes too late", async () => {
  const featureId = FeatureId.parse("feat_a");
  const before = (await send("GET", "/features/feat_a")).json["version"];
  await ramp("feat_a", true, "first");
  const step = await changes.setRollout(
    { featureId, expectedVersion: Number(before) },
    { rolloutBps: 5000 },
    { actor: "sluice", reason: "ramp: from 10 % to 50 %" },
  );
  expect(step).toMatchObject({ ok: false, error: { reason: "versionConflict" } });
});

test("a pause that names an older version is refused", async () => {
  const body = { paused: true, reason: "as I saw it" };
  const late = await send("POST", "/features/feat_a/ramp", body, { "if-match": '"1"' });
  expect(late.status).toBe(412);
});

test("where changes need two people, a pause waits for nobody and going on waits", async () => {
  expect((await ramp("feat_pay", true, "something is wrong")).status).toBe(200);
  const asked = await ramp("feat_pay", false, "it was nothing");
  expect(asked).toMatchObject({ status: 202, json: { change: { kind: "ramp", paused: false } } });
  expect(await pausedOf("feat_pay")).toEqual([{ paused: true }]);
});
