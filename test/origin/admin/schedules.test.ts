// Schedules over the API and on a real database, whose clock says what is due.
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { makeFeatureChanges } from "../../../origin/features/change-feature.ts";
import { makeSchedules } from "../../../origin/features/schedules/make-schedules.ts";
import { makeAdminApp } from "../../support/admin-app.ts";
import { makeTestDatabase } from "../../support/database.ts";

const database = await makeTestDatabase();
afterAll(() => database.drop());
const { request } = makeAdminApp({ pool: database.servicePool });
/** As each process of several has its own. */
const makeTimetable = () => {
  const pool = database.servicePool;
  return makeSchedules({ pool, changes: makeFeatureChanges({ pool, newId: randomUUID }) });
};
const timetable = makeTimetable();
const tick = () =>
  timetable.carryOutDue((error) => {
    throw error;
  });

type Answer = { status: number; headers: Headers; json: Record<string, unknown> };
const secrets = new Map<string, string>();
const send = async (
  who: string,
  method: string,
  path: string,
  body?: unknown,
  headers: object = {},
): Promise<Answer> => {
  const secret = secrets.get(who);
  const response = await request(path, {
    method,
    body: body === undefined ? null : JSON.stringify(body),
    headers: { ...(secret === undefined ? {} : { authorization: `Bearer ${secret}` }), ...headers },
  });
  const text = await response.text();
  return {
    status: response.status,
    headers: response.headers,
    json: text === "" ? {} : JSON.parse(text),
  };
};
beforeAll(async () => {
  for (const [name, fields] of Object.entries({
    ann: { scope: "editor" },
    bob: { scope: "editor" },
    root: { scope: "admin" },
    vic: { scope: "viewer" },
    "search team": { scope: "editor", tags: ["search"] },
  })) {
    const { json } = await send("the bootstrap token", "POST", "/tokens", { name, ...fields });
    secrets.set(name, z.string().parse(json["secret"]));
  }
  const policy = { tags: ["payment"], reason: "money needs four eyes" };
  await send("root", "PUT", "/approvals/policy", policy, { "if-match": '"0"' });
});

let made = 0;
const makeFeature = async (fields: object = {}): Promise<string> => {
  const featureId = `feat_${(made += 1)}`;
  const body = { featureId, enabled: true, rolloutBps: 1000, reason: "for a test", ...fields };
  expect((await send("root", "POST", "/features?force=true", body)).status).toBe(201);
  return featureId;
};
const feature = async (id: string) => (await send("vic", "GET", `/features/${id}`)).json;
const audit = async (id: string) =>
  z
    .object({ entries: z.array(z.looseObject({ action: z.string(), actor: z.string() })) })
    .parse((await send("vic", "GET", `/audit?featureId=${id}`)).json).entries;

const bodyOf = (featureId: string, change: object, more: object = {}) => ({
  featureId,
  change,
  at: "2027-12-01T09:00",
  zone: "Europe/Berlin",
  reason: "as planned",
  ...more,
});
const plan = async (featureId: string, change: object, more: object = {}): Promise<string> => {
  const { status, json } = await send("ann", "POST", "/schedules", bodyOf(featureId, change, more));
  expect({ status, json }).toMatchObject({ status: 201 });
  return z.string().parse(json["scheduleId"]);
};
/** Its time comes, so many seconds ago by the database's clock. */
const makeDue = (scheduleId: string, secondsAgo = 0) =>
  database.pool.query(
    "update schedules set at = clock_timestamp() - $2 * interval '1 second' where schedule_id = $1",
    [scheduleId, secondsAgo],
  );
const schedule = async (id: string) => (await send("vic", "GET", `/schedules/${id}`)).json;
const rollOut = (rolloutBps: number) => ({ kind: "rollout", rolloutBps });

describe("a schedule", () => {
  test("shows its instant in UTC beside the time that was given, and is carried out when that comes", async () => {
    const id = await makeFeature();
    const scheduleId = await plan(id, rollOut(5000));
    expect(await schedule(scheduleId)).toMatchObject({
      featureId: id,
      state: "planned",
      at: "2027-12-01T08:00:00.000Z",
      localTime: "2027-12-01T09:00",
      zone: "Europe/Berlin",
      graceSeconds: 3600,
      madeBy: "token:ann",
      baseVersion: 1,
      permission: null,
    });
    const upcoming = [
      {
        scheduleId,
        at: "2027-12-01T08:00:00.000Z",
        change: { kind: "rollout", shares: { rolloutBps: 5000 } },
      },
    ];
    expect((await send("vic", "GET", `/features/${id}/why`)).json).toMatchObject({ schedules: upcoming });
    expect((await send("vic", "GET", `/features?q=${id}`)).json).toMatchObject({
      features: [{ featureId: id, schedules: upcoming }],
    });
    expect(await tick()).toEqual([]);
    await makeDue(scheduleId);
    expect(await tick()).toMatchObject([{ scheduleId, state: "done" }]);
    expect((await send("vic", "GET", `/features/${id}/why`)).json).toMatchObject({ schedules: [] });
    expect(await feature(id)).toMatchObject({ rolloutBps: 5000, version: 2 });
    expect((await audit(id))[0]).toMatchObject({
      actor: `schedule:${scheduleId}`,
      action: "rollout",
      reason: "as planned",
      details: { schedule: { scheduleId, madeBy: "token:ann", baseVersion: 1 } },
    });
    expect(await schedule(scheduleId)).toMatchObject({
      state: "done",
      version: 2,
      outcome: { version: 2 },
      note: expect.stringMatching(/^carried out 0\.\d s after its time$/),
    });
    expect(await tick()).toEqual([]);
  });

  test("opens, closes, edits, sets a rule, starts a trial anew and deletes", async () => {
    const id = await makeFeature();
    const rule = {
      activationThreshold: 0.15,
      retentionThreshold: 0.4,
      latencyP95Threshold: 200,
      minCohortSize: 500,
      evaluationWindowSeconds: 1_209_600,
    };
    const steps: [object, object][] = [
      [{ kind: "rollback" }, { enabled: false, rollbackReason: "as planned" }],
      [
        { kind: "enable", rolloutBps: 200 },
        { enabled: true, rolloutBps: 200, epoch: 2 },
      ],
      [{ kind: "update", edit: { failureMode: "closed" } }, { failureMode: "closed" }],
      [{ kind: "rule", rule }, { ruleVersion: 1 }],
      [{ kind: "restart" }, { enabled: true }],
    ];
    for (const [change, expected] of steps) {
      const scheduleId = await plan(id, change);
      await makeDue(scheduleId);
      expect(await tick()).toMatchObject([{ scheduleId, state: "done" }]);
      expect(await feature(id)).toMatchObject(expected);
    }
    await makeDue(await plan(id, { kind: "delete" }));
    await tick();
    expect((await send("vic", "GET", `/features/${id}`)).status).toBe(404);
  });

  test("made for a version that has moved is carried out on the new one, and says so", async () => {
    const id = await makeFeature();
    const scheduleId = await plan(id, rollOut(5000));
    await send("ann", "PUT", `/features/${id}`, { failureMode: "closed" }, { "if-match": "*" });
    expect(await schedule(scheduleId)).toMatchObject({ baseVersion: 1, featureVersion: 2 });
    await makeDue(scheduleId);
    await tick();
    expect(await feature(id)).toMatchObject({ rolloutBps: 5000, failureMode: "closed" });
    expect(await schedule(scheduleId)).toMatchObject({
      state: "done",
      note: expect.stringContaining("on version 2 of the feature and not 1"),
    });
  });

  test.each([
    [{ at: "2027-03-28T02:30" }, "at"],
    [{ at: "2027-10-31T02:30" }, "at"],
    [{ at: "2020-01-01T00:00" }, "at"],
    [{ at: "2099-01-01T00:00" }, "at"],
    [{ zone: "Mars/Olympus" }, "zone"],
    [{ zone: "+01:00" }, "zone"],
    [{ graceSeconds: 0 }, "graceSeconds"],
    [{ change: { kind: "rollout" } }, "change.rolloutBps"],
    [{ change: { kind: "rollback", rolloutBps: 1 } }, "change.rolloutBps"],
    [{ change: { kind: "create" } }, "change.kind"],
    [{ reason: " " }, "reason"],
  ])("with %j is refused by its field", async (wrong, field) => {
    const body = bodyOf(await makeFeature(), rollOut(1), wrong);
    expect(await send("ann", "POST", "/schedules", body)).toMatchObject({
      status: 400,
      json: { errors: [{ field }] },
    });
  });

  test("is cancelled by who may change the feature, and not once it is over", async () => {
    const id = await makeFeature({ tags: ["checkout"] });
    const scheduleId = await plan(id, rollOut(5000));
    const path = `/schedules/${scheduleId}`;
    expect((await send("search team", "POST", "/schedules", bodyOf(id, rollOut(1)))).status).toBe(403);
    expect((await send("search team", "DELETE", path)).status).toBe(403);
    expect((await send("ann", "DELETE", path, undefined, { "if-match": '"7"' })).status).toBe(412);
    expect(await send("ann", "DELETE", path, undefined, { "if-match": '"1"' })).toMatchObject({
      status: 200,
      json: { state: "cancelled", finishedBy: "token:ann" },
    });
    expect((await send("ann", "DELETE", path)).status).toBe(409);
    await makeDue(scheduleId);
    expect(await tick()).toEqual([]);
    expect(await feature(id)).toMatchObject({ rolloutBps: 1000 });
  });
});

describe("a rollback since a schedule was made", () => {
  test("wins: the schedule is skipped and says whose it was, also when the feature was opened again", async () => {
    for (const change of [
      rollOut(5000),
      { kind: "enable" },
      { kind: "update", edit: { rolloutBps: 9000 } },
    ]) {
      const id = await makeFeature();
      const scheduleId = await plan(id, change);
      await send("bob", "POST", `/features/${id}/rollback`, { reason: "fire" });
      if (change.kind === "rollout") await send("bob", "POST", `/features/${id}/enable`, { reason: "out" });
      const before = await feature(id);
      await makeDue(scheduleId);
      await tick();
      expect(await feature(id)).toEqual(before);
      expect(await schedule(scheduleId)).toMatchObject({
        state: "skipped",
        note: expect.stringMatching(/^token:bob rolled back the feature on .*: fire$/),
      });
    }
  });

  test("of before is known to who plans: an opening opens", async () => {
    const id = await makeFeature();
    await send("bob", "POST", `/features/${id}/rollback`, { reason: "fire" });
    await makeDue(await plan(id, { kind: "enable" }));
    await tick();
    expect(await feature(id)).toMatchObject({ enabled: true, rolloutBps: 1000 });
  });

  test("by another schedule was planned too: a feature is closed for a night and opened in the morning", async () => {
    const id = await makeFeature();
    const morning = await plan(id, { kind: "enable" });
    const night = await plan(id, { kind: "rollback" });
    // Both are due, as after a downtime: they are carried out in the order of their times.
    await makeDue(night, 20);
    await makeDue(morning, 10);
    expect(await tick()).toMatchObject([{ scheduleId: night, state: "done" }]);
    expect(await tick()).toMatchObject([{ scheduleId: morning, state: "done" }]);
    expect((await audit(id)).map(({ action }) => action)).toEqual(["enable", "rollback", "create"]);
  });

  test("in the same moment leaves the feature closed, whichever came first", async () => {
    for (let round = 0; round < 10; round += 1) {
      const id = await makeFeature();
      const scheduleId = await plan(id, rollOut(5000));
      await makeDue(scheduleId);
      await Promise.all([tick(), send("bob", "POST", `/features/${id}/rollback`, { reason: "fire" })]);
      expect(await feature(id)).toMatchObject({ enabled: false, rolloutBps: 0 });
      const { state } = await schedule(scheduleId);
      expect(["done", "skipped"]).toContain(state);
      expect((await audit(id)).some(({ action }) => action === "rollout")).toBe(state === "done");
    }
  });
});

describe("a time that comes", () => {
  test("is one process's: of many that look at once one carries it out", async () => {
    const ids = await Promise.all(Array.from({ length: 6 }, () => makeFeature()));
    for (const id of ids) await makeDue(await plan(id, rollOut(5000)));
    const done = await Promise.all(
      Array.from({ length: 5 }, () =>
        makeTimetable().carryOutDue((error) => {
          throw error;
        }),
      ),
    );
    expect(done.flat()).toHaveLength(6);
    for (const id of ids) expect(await audit(id)).toHaveLength(2);
  });

  test("while no origin ran is caught up within its grace, and skipped with the reason after it", async () => {
    const [soon, late] = [await makeFeature(), await makeFeature()];
    const [first, second] = [
      await plan(soon, rollOut(5000), { graceSeconds: 60 }),
      await plan(late, rollOut(5000), { graceSeconds: 60 }),
    ];
    await makeDue(first, 50);
    await makeDue(second, 70);
    await tick();
    expect(await schedule(first)).toMatchObject({ state: "done" });
    expect(await schedule(second)).toMatchObject({
      state: "skipped",
      note: expect.stringMatching(/^70\.\d s after its time, and only 60 s are allowed/),
    });
    expect(await feature(late)).toMatchObject({ rolloutBps: 1000 });
  });

  test("for a process that died in the middle is gone on with by another, and has its effect once", async () => {
    const [uncommitted, committed] = [await makeFeature(), await makeFeature()];
    const [first, second] = [await plan(uncommitted, rollOut(5000)), await plan(committed, rollOut(5000))];
    const claim = (scheduleId: string, ago: string) =>
      database.pool.query(
        `update schedules set attempts = 1, leased_until = clock_timestamp() - $2::interval,
           at = clock_timestamp() - interval '5 seconds', state = 'planned' where schedule_id = $1`,
        [scheduleId, ago],
      );
    await makeDue(second);
    await tick();
    // Died before its commit, and after it.
    await claim(first, "-10 seconds");
    await claim(second, "-10 seconds");
    expect(await tick()).toEqual([]);
    expect((await send("ann", "DELETE", `/schedules/${first}`)).status).toBe(409);
    await claim(first, "1 second");
    await claim(second, "1 second");
    await tick();
    for (const id of [uncommitted, committed]) {
      expect(await feature(id)).toMatchObject({ rolloutBps: 5000, version: 2 });
      expect(await audit(id)).toHaveLength(2);
    }
    expect([await schedule(first), await schedule(second)]).toMatchObject([
      { state: "done" },
      { state: "done" },
    ]);
    // Long after its commit: what was done is not taken for skipped.
    await claim(second, "1 second");
    await makeDue(second, 7200);
    await tick();
    expect(await schedule(second)).toMatchObject({ state: "done", note: "carried out; noted later" });
  });

  test("of a newer version is shown, left to a process of that version, and holds up nobody else's", async () => {
    const [newer, known] = [await makeFeature(), await makeFeature()];
    const planned = await send("ann", "POST", "/schedules", bodyOf(newer, { kind: "rollback" }));
    const scheduleId = z.string().parse(planned.json["scheduleId"]);
    await send("ann", "POST", "/schedules", bodyOf(known, { kind: "rollback" }));
    await database.pool.query(
      `update schedules set at = clock_timestamp(),
         change = case when feature_id = $1 then '{"kind": "dim", "featureId": "feat_x"}'::jsonb else change end
       where feature_id in ($1, $2)`,
      [newer, known],
    );
    const complaints: string[] = [];
    const old = makeTimetable();
    const carried = await old.carryOutDue((error, id) => complaints.push(`${id}: ${String(error)}`));
    expect(carried.map(({ featureId }) => featureId)).toEqual([known]);
    // It is told once, and the next look does not take it.
    await old.carryOutDue((error, id) => complaints.push(`${id}: ${String(error)}`));
    expect(complaints).toEqual([
      expect.stringContaining(`${scheduleId}: Error: a newer version has made it`),
    ]);
    const shown = await send("vic", "GET", `/schedules/${scheduleId}`);
    expect(shown.json).toMatchObject({ state: "planned", attempts: 0, change: { kind: "dim" } });
    expect((await send("vic", "GET", `/schedules?featureId=${newer}`)).status).toBe(200);
    expect((await feature(newer))["enabled"]).toBe(true);
    // Nothing of it is under way, so it can be cancelled.
    expect((await send("ann", "DELETE", `/schedules/${scheduleId}`)).status).toBe(200);
  });

  test("does not hold up others when one is refused", async () => {
    const [needing, needed, other] = [
      await makeFeature(),
      await makeFeature({ enabled: false }),
      await makeFeature(),
    ];
    await send("ann", "POST", `/features/${needing}/rollback`, { reason: "for a test" });
    await send("ann", "PUT", `/features/${needing}`, { requires: [needed] }, { "if-match": "*" });
    const refused = await plan(needing, { kind: "enable" });
    const fine = await plan(other, rollOut(5000));
    await makeDue(refused, 1);
    await makeDue(fine);
    await tick();
    expect(await schedule(refused)).toMatchObject({
      state: "failed",
      note: `it requires ${needed}, which is closed`,
    });
    expect(await schedule(fine)).toMatchObject({ state: "done" });
  });
});

describe("a schedule of a feature that two people change", () => {
  const approve = async (asked: Answer, who = "bob") =>
    send(who, "POST", `/approvals/${String(asked.json["approvalId"])}/approve`, {
      hash: asked.json["hash"],
    });

  test("is approved when it is made, and not again at its time", async () => {
    const id = await makeFeature({ tags: ["payment"] });
    const asked = await send("ann", "POST", "/schedules", bodyOf(id, rollOut(5000)));
    expect(asked).toMatchObject({
      status: 202,
      json: {
        change: { kind: "schedule", at: "2027-12-01T08:00:00.000Z", zone: "Europe/Berlin" },
        diff: [{ featureId: id, field: "schedule", from: null }],
      },
    });
    const planned = () => send("vic", "GET", `/schedules?featureId=${id}`);
    expect((await planned()).json).toMatchObject({ schedules: [] });
    expect((await approve(asked, "ann")).status).toBe(403);
    expect(await approve(asked)).toMatchObject({ status: 200, json: { state: "applied" } });
    const { json } = await planned();
    expect(json).toMatchObject({
      schedules: [{ madeBy: "token:ann", permission: { approval: { approvedBy: "token:bob" } } }],
    });
    const [{ scheduleId } = { scheduleId: "" }] = z
      .object({ schedules: z.array(z.object({ scheduleId: z.string() })) })
      .parse(json).schedules;
    await makeDue(scheduleId);
    await tick();
    expect(await feature(id)).toMatchObject({ rolloutBps: 5000 });
    expect((await audit(id))[0]).toMatchObject({
      actor: `schedule:${scheduleId}`,
      details: { schedule: { madeBy: "token:ann", approval: { approvedBy: "token:bob" } } },
    });
  });

  test("needs nobody for a closing, and is stale when the feature has moved before it is approved", async () => {
    const id = await makeFeature({ tags: ["payment"] });
    await plan(id, { kind: "rollback" });
    const asked = await send("ann", "POST", "/schedules", bodyOf(id, rollOut(5000)));
    await send("ann", "POST", `/features/${id}/rollback`, { reason: "fire" });
    expect(await approve(asked)).toMatchObject({ status: 409, json: { reason: "stale" } });
  });

  test("that got its tag later is skipped, because nobody approved it", async () => {
    const id = await makeFeature();
    const scheduleId = await plan(id, rollOut(5000));
    const tags = { tags: ["payment"], reason: "dear since today" };
    await send("root", "PUT", `/features/${id}?force=true`, tags, { "if-match": "*" });
    await makeDue(scheduleId);
    await tick();
    expect(await feature(id)).toMatchObject({ rolloutBps: 1000 });
    expect(await schedule(scheduleId)).toMatchObject({
      state: "skipped",
      note: expect.stringContaining("nobody approved"),
    });
  });
});
