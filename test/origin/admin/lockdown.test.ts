// Lockdown on a real database: what may change a feature while its trial is undecided.
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { z } from "zod";
import { makeFeatureChanges } from "../../../origin/features/change-feature.ts";
import { makeDecidedChanges } from "../../../origin/features/decided-changes.ts";
import { makeSchedules } from "../../../origin/features/schedules/make-schedules.ts";
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
  const text = await response.text();
  const json: Record<string, unknown> = text === "" ? {} : JSON.parse(text);
  return { status: response.status, json };
};
beforeAll(async () => {
  const { json } = await send("POST", "/tokens", { name: "ann", scope: "editor" });
  editor = z.string().parse(json["secret"]);
});

const rule = {
  activationThreshold: 0.15,
  retentionThreshold: 0.4,
  latencyP95Threshold: 200,
  minCohortSize: 500,
  evaluationWindowSeconds: 1_209_600,
  mode: "enforce",
  ramp: { stagesBps: [1000, 5000], minStageSeconds: 60 },
};
const any = { "if-match": "*" };
const makeLocked = async (featureId: string, fields: object = {}): Promise<string> => {
  const body = { featureId, enabled: true, rolloutBps: 1000, lockdown: true, ...fields };
  expect((await send("POST", "/features", body)).status).toBe(201);
  expect((await send("PUT", `/features/${featureId}/rule`, rule)).status).toBe(201);
  return featureId;
};
const decide = (featureId: string, decided: string | null) =>
  database.pool.query(
    `insert into pmf_trials (feature_id, epoch, terms, seq, decided, evidence, treatment_sketch, holdout_sketch)
     values ($1, 1, 'terms', 1, $2, '{}', '', '')
     on conflict (feature_id, epoch) do update set decided = excluded.decided`,
    [featureId, decided],
  );
const rollout = (id: string, rolloutBps: number, query = "") =>
  send("POST", `/features/${id}/rollout${query}`, { rolloutBps, reason: "more" });

test("while its trial is undecided every change is refused, and the answer names the feature and how to force it", async () => {
  const id = await makeLocked("feat_locked");
  await decide(id, null);
  const refused = [
    await rollout(id, 2000),
    await send("PUT", `/features/${id}`, { failureMode: "closed" }, any),
    await send("PUT", `/features/${id}`, { lockdown: false }, any),
    await send("PUT", `/features/${id}/rule`, { ...rule, minCohortSize: 100 }, any),
    await send("POST", `/features/${id}/trial`, { reason: "anew" }),
    await send("DELETE", `/features/${id}`, undefined, any),
  ];
  for (const answer of refused)
    expect(answer).toMatchObject({
      status: 409,
      json: {
        reason: "lockedDown",
        featureIds: [id],
        detail: expect.stringMatching(
          /^feat_locked is locked down while its trial .*\?force=true and a reason$/,
        ),
      },
    });
  expect((await send("GET", `/features/${id}`)).json).toMatchObject({ lockdown: true, rolloutBps: 1000 });
});

test("a rollback closes it, its own ramp goes on, and an editor forces a change with a reason", async () => {
  const id = await makeLocked("feat_ramped");
  const decided = makeDecidedChanges(changes);
  const step = { featureId: FeatureId.parse(id), rolloutBps: 5000, reason: "the next stage" };
  expect(await decided.setRollout(step)).toMatchObject({ ok: true });

  expect((await send("PUT", `/features/${id}?force=true`, { failureMode: "closed" }, any)).status).toBe(400);
  expect((await rollout(id, 2000, "?force=true")).status).toBe(200);
  expect((await send("GET", `/audit?featureId=${id}`)).json).toMatchObject({
    entries: [
      { action: "rollout", reason: "more", details: { to: 2000, forced: ["lockedDown"] } },
      {},
      {},
      {},
    ],
  });

  expect((await send("POST", `/features/${id}/rollback`, { reason: "fire" })).status).toBe(200);
  // Closed it has no trial: it may be mended, and opened again.
  expect((await send("PUT", `/features/${id}`, { failureMode: "closed" }, any)).status).toBe(200);
  expect((await send("POST", `/features/${id}/enable`, { reason: "mended" })).status).toBe(200);
  expect((await rollout(id, 100)).status).toBe(409);
});

test("a feature whose trial has come to KEEP, that has no rule, or that nobody gets, may be changed", async () => {
  const kept = await makeLocked("feat_kept");
  await decide(kept, "KEEP");
  expect((await rollout(kept, 2000)).status).toBe(200);
  const unseen = await makeLocked("feat_unseen", { rolloutBps: 0 });
  expect((await rollout(unseen, 2000)).status).toBe(200);
  expect((await rollout(unseen, 3000)).status).toBe(409);
  await send("POST", "/features", {
    featureId: "feat_unruled",
    enabled: true,
    rolloutBps: 1,
    lockdown: true,
  });
  expect((await rollout("feat_unruled", 2000)).status).toBe(200);
});

test("a segment that it uses is not changed either, and a schedule is skipped", async () => {
  await send("POST", "/segments", {
    segmentId: "beta",
    condition: { operator: "and", conditions: [{ attribute: "country", operator: "in", values: ["DE"] }] },
  });
  const id = await makeLocked("feat_segmented", { targeting: { segment: "beta" } });
  const condition = {
    operator: "and",
    conditions: [{ attribute: "country", operator: "in", values: ["FR"] }],
  };
  expect(await send("PUT", "/segments/beta", { condition }, any)).toMatchObject({
    status: 409,
    json: { reason: "lockedDown" },
  });
  const body = {
    featureId: id,
    change: { kind: "rollout", rolloutBps: 5000 },
    at: "2027-12-01T09:00",
    zone: "UTC",
    reason: "planned",
  };
  const { json } = await send("POST", "/schedules", body);
  const scheduleId = z.string().parse(json["scheduleId"]);
  await database.pool.query("update schedules set at = clock_timestamp()");
  await makeSchedules({ pool: database.servicePool, changes }).carryOutDue((error) => {
    throw error;
  });
  expect((await send("GET", `/schedules/${scheduleId}`)).json).toMatchObject({
    state: "skipped",
    note: "the feature is locked down while its trial is undecided",
  });
});

test("a plan of configuration files does not change it, unless somebody forces the plan", async () => {
  const id = await makeLocked("feat_filed");
  const features = [
    { featureId: id, file: "a.yaml", failureMode: "closed", lockdown: true },
    { featureId: "feat_beside", file: "a.yaml" },
  ];
  const content = { source: "shop", features };
  const { json } = await send("POST", "/plan", content);
  const body = { ...content, hash: json["hash"], base: json["base"], reason: "from Git" };
  expect(await send("POST", "/apply", body)).toMatchObject({
    status: 409,
    json: { reason: "lockedDown", featureIds: [id] },
  });
  expect((await send("GET", "/features/feat_beside")).status).toBe(404);

  expect((await send("POST", "/apply?force=true", body)).status).toBe(200);
  expect((await send("GET", `/features/${id}`)).json).toMatchObject({ failureMode: "closed" });
});
