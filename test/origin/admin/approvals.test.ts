// Four eyes over the API, on a real database: who may decide, what is carried out, and what happens when things move or race.
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { makeFeatureChanges } from "../../../origin/features/change-feature.ts";
import { makeApprovals } from "../../../origin/features/approvals/make-approvals.ts";
import { makeAdminApp } from "../../support/admin-app.ts";
import { makeTestDatabase } from "../../support/database.ts";

const database = await makeTestDatabase();
afterAll(() => database.drop());
const { request } = makeAdminApp({ pool: database.servicePool });
/** Another process on the same database. */
const other = makeAdminApp({ pool: database.servicePool });

type Answer = { status: number; json: Record<string, unknown> };
const Asked = z.looseObject({ approvalId: z.string(), hash: z.string() });
type Asked = z.infer<typeof Asked>;
const Entries = z.object({ entries: z.array(z.looseObject({ action: z.string() })) });
const secrets = new Map<string, string>();
const sendTo =
  (app: typeof request) =>
  async (
    who: string,
    method: string,
    path: string,
    body?: unknown,
    headers: object = {},
  ): Promise<Answer> => {
    const secret = secrets.get(who);
    const response = await app(path, {
      method,
      body: body === undefined ? null : JSON.stringify(body),
      headers: { ...(secret === undefined ? {} : { authorization: `Bearer ${secret}` }), ...headers },
    });
    const text = await response.text();
    return { status: response.status, json: text === "" ? {} : JSON.parse(text) };
  };
const send = sendTo(request);

const makeToken = async (name: string, fields: object) => {
  const { json } = await send("the bootstrap token", "POST", "/tokens", { name, ...fields });
  secrets.set(name, z.string().parse(json["secret"]));
};

const feature = async (id: string) => (await send("vic", "GET", `/features/${id}`)).json;
const audit = async (id: string) =>
  Entries.parse((await send("vic", "GET", `/audit?featureId=${id}`)).json).entries;
const makeFeature = async (featureId: string, fields: object = {}) => {
  const body = {
    featureId,
    enabled: true,
    rolloutBps: 1000,
    tags: ["payment"],
    reason: "for a test",
    ...fields,
  };
  expect((await send("root", "POST", "/features?force=true", body)).status).toBe(201);
  return featureId;
};
const askRollout = async (id: string, rolloutBps: number): Promise<Asked> => {
  const { status, json } = await send("ann", "POST", `/features/${id}/rollout`, {
    rolloutBps,
    reason: "more",
  });
  expect(status).toBe(202);
  return Asked.parse(json);
};
const approve = (who: string, { approvalId, hash }: Asked, app = send) =>
  app(who, "POST", `/approvals/${approvalId}/approve`, { hash });

beforeAll(async () => {
  await makeToken("ann", { scope: "editor" });
  await makeToken("bob", { scope: "editor" });
  await makeToken("vic", { scope: "viewer" });
  await makeToken("root", { scope: "admin" });
  await makeToken("second root", { scope: "admin" });
  await makeToken("search team", { scope: "editor", tags: ["search"] });
  const policy = { tags: ["payment"], reason: "money needs four eyes" };
  expect((await send("ann", "PUT", "/approvals/policy", policy, { "if-match": '"0"' })).status).toBe(403);
  expect((await send("root", "PUT", "/approvals/policy", policy)).status).toBe(428);
  expect((await send("root", "PUT", "/approvals/policy", policy, { "if-match": '"1"' })).status).toBe(412);
  expect((await send("root", "PUT", "/approvals/policy", policy, { "if-match": '"0"' })).status).toBe(200);
});

describe("a change of a feature with a tag of the policy", () => {
  test("waits with its diff, changes nothing, and is carried out when another person approves it", async () => {
    const id = await makeFeature("feat_waits");
    const asked = await askRollout(id, 2000);
    expect(asked).toMatchObject({
      state: "open",
      askedBy: "token:ann",
      reason: "more",
      tags: ["payment"],
      base: [{ featureId: id, version: 1 }],
      diff: [{ featureId: id, field: "rolloutBps", from: 1000, to: 2000 }],
      change: { kind: "rollout", featureId: id, shares: { rolloutBps: 2000 } },
    });
    expect(await feature(id)).toMatchObject({ rolloutBps: 1000 });
    expect((await send("vic", "GET", "/approvals?state=open")).json).toMatchObject({ approvals: [asked] });

    const approved = await approve("bob", asked);
    expect(approved).toMatchObject({
      status: 200,
      json: {
        state: "applied",
        decidedBy: "token:bob",
        outcome: { features: [{ featureId: id, version: 2 }] },
      },
    });
    expect(await feature(id)).toMatchObject({ rolloutBps: 2000 });
    expect((await audit(id))[0]).toMatchObject({
      actor: "token:ann",
      action: "rollout",
      reason: "more",
      details: { approval: { approvalId: asked.approvalId, hash: asked.hash, approvedBy: "token:bob" } },
    });
    expect((await send("vic", "GET", "/approvals?state=decided")).json).toMatchObject({
      approvals: [{ approvalId: asked.approvalId }],
      next: null,
    });
    expect((await send("vic", "GET", "/audit/verify")).json).toMatchObject({ ok: true });
  });

  test("waits whatever it is: an edit, a rule, a deletion, taking the tag away or giving it, a new feature", async () => {
    const id = await makeFeature("feat_kinds");
    const plain = await makeFeature("feat_plain", { tags: ["search"] });
    const any = { "if-match": "*" };
    const rule = {
      activationThreshold: 0.15,
      retentionThreshold: 0.4,
      latencyP95Threshold: 200,
      minCohortSize: 500,
      evaluationWindowSeconds: 1_209_600,
    };
    const answers = [
      await send("ann", "PUT", `/features/${id}`, { failureMode: "closed" }, any),
      await send("ann", "PUT", `/features/${id}`, { tags: [] }, any),
      await send("ann", "PUT", `/features/${plain}`, { tags: ["search", "payment"] }, any),
      await send("ann", "PUT", `/features/${id}/rule`, rule, any),
      await send("ann", "DELETE", `/features/${id}`, undefined, any),
      await send("ann", "POST", `/features/${id}/trial`, { reason: "anew" }),
      await send("ann", "POST", "/features", { featureId: "feat_unborn", tags: ["payment"] }),
      await send("root", "POST", `/features/${id}/rollout`, { rolloutBps: 1, reason: "admins too" }),
    ];
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 202));
    expect((await send("ann", "PUT", `/features/${plain}`, { failureMode: "closed" }, any)).status).toBe(200);

    const unborn = Asked.parse(answers[6]?.json);
    expect(unborn).toMatchObject({
      base: [{ featureId: "feat_unborn", version: null }],
      diff: [{ field: "feature", from: null, to: { tags: ["payment"], holdoutBps: 1000 } }],
    });
    expect((await send("vic", "GET", "/features/feat_unborn")).status).toBe(404);
    expect((await approve("bob", unborn)).status).toBe(200);
    expect(await feature("feat_unborn")).toMatchObject({ tags: ["payment"] });
  });

  test("that would be refused anyway is refused at once", async () => {
    const id = await makeFeature("feat_refused");
    expect((await send("ann", "POST", `/features/${id}/enable`, { reason: "open" })).status).toBe(409);
    expect(
      (await send("ann", "POST", `/features/${id}/rollout`, { rolloutBps: 9999, reason: "x" })).status,
    ).toBe(400);
    expect(
      (await send("search team", "POST", `/features/${id}/rollout`, { rolloutBps: 9, reason: "x" })).status,
    ).toBe(403);
  });

  test("is asked for once: the same change by the same person gets the same request", async () => {
    const id = await makeFeature("feat_twice");
    const first = await askRollout(id, 2000);
    expect((await askRollout(id, 2000)).approvalId).toBe(first.approvalId);
    expect((await askRollout(id, 3000)).approvalId).not.toBe(first.approvalId);
  });

  test("may be forced by an admin with a reason, and the audit says so", async () => {
    const id = await makeFeature("feat_forced");
    const body = { rolloutBps: 1, reason: "the bank is down" };
    expect((await send("ann", "POST", `/features/${id}/rollout?force=true`, body)).status).toBe(403);
    expect(
      await send("root", "PUT", `/features/${id}?force=true`, { failureMode: "closed" }, { "if-match": "*" }),
    ).toMatchObject({ status: 400, json: { errors: [{ field: "reason" }] } });
    expect((await send("root", "POST", `/features/${id}/rollout?force=true`, body)).status).toBe(200);
    expect((await audit(id))[0]).toMatchObject({
      actor: "token:root",
      reason: "the bank is down",
      details: { forced: ["approvalNeeded"] },
    });
  });

  test("is not needed for a rollback, by id or by tag", async () => {
    const id = await makeFeature("feat_burning");
    expect((await send("ann", "POST", `/features/${id}/rollback`, { reason: "fire" })).status).toBe(200);
    expect((await send("ann", "POST", `/features/${id}/enable`, { reason: "out" })).status).toBe(202);
    await makeFeature("feat_burning_too", { tags: ["payment", "fire"] });
    expect((await send("ann", "POST", "/rollback", { tag: "fire", reason: "fire" })).status).toBe(200);
  });
});

describe("who may decide", () => {
  test("not the person who asked, nobody without a name, and nobody who may not change the feature", async () => {
    const id = await makeFeature("feat_who");
    const asked = await askRollout(id, 2000);
    expect(await approve("ann", asked)).toMatchObject({ status: 403, json: { reason: "ownRequest" } });
    expect(await approve("vic", asked)).toMatchObject({ status: 403, json: { reason: "scope" } });
    expect(await approve("search team", asked)).toMatchObject({ status: 403, json: { reason: "tags" } });
    expect(await approve("the bootstrap token", asked)).toMatchObject({
      status: 403,
      json: { reason: "unnamedApprover" },
    });
    expect(await approve("bob", { ...asked, hash: "0".repeat(64) })).toMatchObject({
      status: 409,
      json: { reason: "otherHash", have: asked.hash },
    });
    expect(await feature(id)).toMatchObject({ version: 1 });
    expect((await approve("bob", asked)).status).toBe(200);
    expect(await approve("bob", asked)).toMatchObject({ status: 409, json: { state: "applied" } });
    expect(await feature(id)).toMatchObject({ version: 2 });
  });

  test("who asked withdraws, another rejects with a reason, and afterwards nothing is carried out", async () => {
    const id = await makeFeature("feat_no");
    const [first, second] = [await askRollout(id, 2000), await askRollout(id, 3000)];
    const at = ({ approvalId }: Asked, verb: string) => `/approvals/${approvalId}/${verb}`;
    expect((await send("bob", "POST", at(first, "withdraw"))).status).toBe(403);
    expect((await send("ann", "POST", at(first, "withdraw"))).json).toMatchObject({ state: "withdrawn" });
    expect((await send("ann", "POST", at(second, "reject"), { reason: "no" })).status).toBe(403);
    expect((await send("bob", "POST", at(second, "reject"), { reason: "too much" })).json).toMatchObject({
      state: "rejected",
      decidedBy: "token:bob",
      decisionReason: "too much",
    });
    for (const asked of [first, second]) expect((await approve("bob", asked)).status).toBe(409);
    expect(await feature(id)).toMatchObject({ version: 1 });
  });

  test("an expired request is carried out by nobody, and can be asked for again", async () => {
    const id = await makeFeature("feat_late");
    const asked = await askRollout(id, 2000);
    await database.pool.query("update approval_requests set expires_at = now() where approval_id = $1", [
      asked.approvalId,
    ]);
    expect(await approve("bob", asked)).toMatchObject({ status: 409, json: { state: "expired" } });
    const again = await askRollout(id, 2000);
    expect(again.approvalId).not.toBe(asked.approvalId);
    expect((await approve("bob", again)).status).toBe(200);
  });
});

describe("a feature that has moved since", () => {
  test("makes the request stale: the answer says what moved, and nothing is carried out", async () => {
    const id = await makeFeature("feat_moved");
    const asked = await askRollout(id, 2000);
    const body = { rolloutBps: 1500, reason: "in between" };
    await send("root", "POST", `/features/${id}/rollout?force=true`, body);
    expect(await approve("bob", asked)).toMatchObject({
      status: 409,
      json: {
        reason: "stale",
        moved: [
          {
            featureId: id,
            base: 1,
            now: 2,
            changes: [{ actor: "token:root", action: "rollout", reason: "in between" }],
          },
        ],
      },
    });
    expect(await feature(id)).toMatchObject({ rolloutBps: 1500 });
    expect((await send("vic", "GET", `/approvals/${asked.approvalId}`)).json).toMatchObject({
      state: "stale",
    });
  });

  test("by a rollback in the same moment: the feature stays closed, whichever came first", async () => {
    for (let round = 0; round < 8; round += 1) {
      const id = await makeFeature(`feat_race_${round}`);
      const asked = await askRollout(id, 2000);
      const [approved, closed] = await Promise.all([
        approve("bob", asked, round % 2 === 0 ? send : sendTo(other.request)),
        send("ann", "POST", `/features/${id}/rollback`, { reason: "fire" }),
      ]);
      expect(closed.status).toBe(200);
      expect([200, 409]).toContain(approved.status);
      expect(await feature(id)).toMatchObject({ enabled: false, rolloutBps: 0 });
      expect((await audit(id)).filter(({ action }) => action === "rollout")).toHaveLength(
        approved.status === 200 ? 1 : 0,
      );
    }
  });
});

describe("two who decide in the same moment, at two processes", () => {
  test("approve twice: it is carried out once", async () => {
    for (let round = 0; round < 5; round += 1) {
      const id = await makeFeature(`feat_double_${round}`);
      const asked = await askRollout(id, 2000);
      const answers = await Promise.all(
        ["bob", "root", "second root"].map((who, i) =>
          approve(who, asked, i === 0 ? send : sendTo(other.request)),
        ),
      );
      expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 409, 409]);
      expect(await feature(id)).toMatchObject({ version: 2 });
    }
  });

  test("approve and withdraw: one of them holds, and the feature shows which", async () => {
    for (let round = 0; round < 6; round += 1) {
      const id = await makeFeature(`feat_or_${round}`);
      const asked = await askRollout(id, 2000);
      const [approved, withdrawn] = await Promise.all([
        approve("bob", asked),
        sendTo(other.request)("ann", "POST", `/approvals/${asked.approvalId}/withdraw`),
      ]);
      expect([approved.status, withdrawn.status].toSorted()).toEqual([200, 409]);
      expect(await feature(id)).toMatchObject({ version: approved.status === 200 ? 2 : 1 });
    }
  });
});

test("what a process had approved when it died is carried out once by another", async () => {
  const id = await makeFeature("feat_orphan");
  const changes = makeFeatureChanges({ pool: database.servicePool, newId: randomUUID });
  const [uncommitted, unsettled] = [await askRollout(id, 2000), await askRollout(id, 3000)];
  const decide = ({ approvalId }: Asked) =>
    database.pool.query(
      `update approval_requests set state = 'approved', decided_by = 'token:bob',
       decided_at = clock_timestamp() - interval '1 minute' where approval_id = $1`,
      [approvalId],
    );
  // One died before the commit, the other after it.
  await decide(uncommitted);
  const { finishApproved } = makeApprovals({ pool: database.servicePool, changes });
  expect(await Promise.all([finishApproved(), finishApproved()])).toContainEqual([uncommitted.approvalId]);
  expect(await feature(id)).toMatchObject({ rolloutBps: 2000, version: 2 });
  await database.pool.query("update approval_requests set state = 'approved' where approval_id = $1", [
    uncommitted.approvalId,
  ]);
  await decide(unsettled);
  await finishApproved();
  const states = [uncommitted, unsettled].map(
    async ({ approvalId }) => (await send("vic", "GET", `/approvals/${approvalId}`)).json["state"],
  );
  expect(await Promise.all(states)).toEqual(["applied", "stale"]);
  expect(await feature(id)).toMatchObject({ rolloutBps: 2000, version: 2 });
  expect((await audit(id)).filter(({ action }) => action === "rollout")).toHaveLength(1);
});

test("a request of a newer version is shown, rejected and left to that version, and the others go on beside it", async () => {
  const asked = await askRollout(await makeFeature("feat_newer"), 2000);
  const abandoned = await askRollout(await makeFeature("feat_newer_approved"), 2000);
  const known = await askRollout(await makeFeature("feat_known"), 2000);
  const dim = '{"kind": "dim", "featureId": "feat_newer", "percent": 20}';
  await database.pool.query(
    `update approval_requests set subject = case when approval_id = $3 then subject else $1::jsonb end,
       state = case when approval_id = $2 then 'open' else 'approved' end,
       decided_by = case when approval_id = $2 then null else 'token:bob' end,
       decided_at = case when approval_id = $2 then null else now() - interval '1 minute' end
     where approval_id in ($2, $3, $4)`,
    [dim, asked.approvalId, known.approvalId, abandoned.approvalId],
  );
  const shown = (await send("vic", "GET", "/approvals?featureId=feat_newer")).json;
  expect(shown).toMatchObject({ approvals: [{ ...asked, change: JSON.parse(dim) }] });
  expect(await approve("bob", asked)).toMatchObject({
    status: 409,
    json: { reason: "newerVersion", detail: expect.stringContaining("does not know the change dim") },
  });
  const { pool } = database;
  const finished = await makeApprovals({
    pool,
    changes: makeFeatureChanges({ pool, newId: randomUUID }),
  }).finishApproved();
  expect(finished).toEqual([known.approvalId]);
  expect(await feature("feat_known")).toMatchObject({ rolloutBps: 2000 });
  const rejected = await send("bob", "POST", `/approvals/${asked.approvalId}/reject`, { reason: "too soon" });
  expect(rejected).toMatchObject({ status: 200, json: { state: "rejected", change: { kind: "dim" } } });
  expect(await feature("feat_newer")).toMatchObject({ rolloutBps: 1000 });
});

test("the policy is changed by two admins, and every one that held is shown", async () => {
  const { json: policy } = await send("vic", "GET", "/approvals/policy");
  const off = { tags: [], reason: "in my way" };
  const asked = await send("root", "PUT", "/approvals/policy", off, {
    "if-match": `"${Number(policy["version"])}"`,
  });
  expect(asked).toMatchObject({ status: 202, json: { change: { kind: "policy", tags: [] } } });
  expect((await approve("root", Asked.parse(asked.json))).status).toBe(403);
  expect(await approve("bob", Asked.parse(asked.json))).toMatchObject({
    status: 403,
    json: { needed: "admin" },
  });
  expect((await send("vic", "GET", "/approvals/policy")).json).toMatchObject({ tags: ["payment"] });
  expect((await approve("second root", Asked.parse(asked.json))).json).toMatchObject({ state: "applied" });
  const { json: now } = await send("vic", "GET", "/approvals/policy");
  expect(now).toMatchObject({
    version: Number(policy["version"]) + 1,
    tags: [],
    actor: "token:root",
    details: { approval: { approvedBy: "token:second root" } },
    history: [{ tags: [] }, { tags: ["payment"], actor: "token:root" }],
  });
  await expect(database.servicePool.query("update approval_policies set tags = '{}'")).rejects.toThrow(
    "permission denied",
  );
  await expect(database.pool.query("delete from approval_policies")).rejects.toThrow("append-only");
});

describe("a plan of configuration files", () => {
  beforeAll(async () => {
    const { version } = (await send("root", "GET", "/approvals/policy")).json;
    const policy = { tags: ["payment"], reason: "as before" };
    const headers = { "if-match": `"${String(version)}"` };
    const set = await send("root", "PUT", "/approvals/policy?force=true", policy, headers);
    expect(set.status).toBe(200);
  });
  const files = (rolloutBps: number) => ({
    source: "shop",
    features: [
      { featureId: "feat_filed", file: "a.yaml", enabled: true, rolloutBps, tags: ["payment"] },
      { featureId: "feat_free", file: "a.yaml", rolloutBps },
    ],
  });
  const Plan = z.looseObject({ hash: z.string(), base: z.array(z.looseObject({})) });
  const apply = async (who: string, rolloutBps: number, query = "") => {
    const content = files(rolloutBps);
    const { hash, base } = Plan.parse((await send(who, "POST", "/plan", content)).json);
    return send(who, "POST", `/apply${query}`, { ...content, hash, base, reason: "from Git" });
  };

  test("waits as a whole where one of its features needs a second person, and is applied exactly", async () => {
    const asked = await apply("ann", 100);
    expect(asked).toMatchObject({
      status: 202,
      json: { change: { kind: "apply" }, featureIds: ["feat_filed", "feat_free"], tags: ["payment"] },
    });
    expect((await send("vic", "GET", "/features/feat_free")).status).toBe(404);
    expect(await approve("ann", Asked.parse(asked.json))).toMatchObject({ status: 403 });
    const approved = await approve("bob", Asked.parse(asked.json));
    expect(approved).toMatchObject({ status: 200, json: { state: "applied", decidedBy: "token:bob" } });
    expect(await feature("feat_free")).toMatchObject({ rolloutBps: 100, managedBy: { source: "shop" } });
    expect((await audit("feat_filed"))[0]).toMatchObject({
      actor: "token:ann",
      details: { approval: { approvedBy: "token:bob" }, config: { source: "shop" } },
    });
  });

  test("is stale when a feature was rolled back since, and opens nothing", async () => {
    const asked = await apply("ann", 200);
    await send("ann", "POST", "/features/feat_filed/rollback", { reason: "on fire" });
    expect(await approve("bob", Asked.parse(asked.json))).toMatchObject({ status: 409 });
    expect(await feature("feat_filed")).toMatchObject({ enabled: false, rolloutBps: 0 });
    expect(await feature("feat_free")).toMatchObject({ rolloutBps: 100 });
  });

  test("of a segment waits where a feature that uses it needs a second person, and is applied with it", async () => {
    const condition = (value: string) => ({ attribute: "country", operator: "equals", value });
    const segmentId = "guarded";
    await send("root", "POST", "/segments", { segmentId, condition: condition("DE") });
    await makeFeature("feat_guarded", { targeting: { segment: segmentId } });
    const applyTo = async (value: string) => {
      const segments = [{ segmentId, file: "a.yaml", condition: condition(value) }];
      const content = { source: "segments", features: [], segments };
      const { hash, base } = Plan.parse((await send("ann", "POST", "/plan", content)).json);
      return send("ann", "POST", "/apply", { ...content, hash, base, reason: "from Git" });
    };
    const asked = await applyTo("AT");
    expect(asked).toMatchObject({
      status: 202,
      json: {
        featureIds: ["feat_guarded"],
        diff: [{ field: "segments.guarded.condition", from: condition("DE"), to: condition("AT") }],
      },
    });
    expect((await approve("bob", Asked.parse(asked.json))).status).toBe(200);
    expect((await send("vic", "GET", "/segments/guarded")).json).toMatchObject({
      condition: condition("AT"),
      managedBy: { source: "segments" },
    });
    const late = await applyTo("CH");
    const edit = { condition: condition("FR"), reason: "an incident" };
    await send("root", "PUT", "/segments/guarded?force=true", edit, { "if-match": "*" });
    expect(await approve("bob", Asked.parse(late.json))).toMatchObject({ status: 409 });
    expect((await send("vic", "GET", "/segments/guarded")).json).toMatchObject({
      condition: condition("FR"),
    });
  });

  test("that was asked for by an origin without segments in files is applied", async () => {
    const features = [{ featureId: "feat_of_before", file: "a.yaml", tags: ["payment"] }];
    const content = { source: "before", features };
    const { hash, base } = Plan.parse((await send("ann", "POST", "/plan", content)).json);
    const asked = await send("ann", "POST", "/apply", { ...content, hash, base, reason: "from Git" });
    const { approvalId } = Asked.parse(asked.json);
    await database.pool.query(
      "update approval_requests set subject = subject #- '{config,segments}' where approval_id = $1",
      [approvalId],
    );
    const approved = await approve("bob", Asked.parse(asked.json));
    expect(approved).toMatchObject({ status: 200, json: { state: "applied" } });
  });

  test("is forced by an admin alone, and the audit tells it", async () => {
    const opened = await send("root", "POST", "/features/feat_filed/enable?force=true", {
      reason: "put out",
    });
    expect(opened.status).toBe(200);
    expect((await apply("ann", 300, "?force=true")).status).toBe(403);
    expect((await apply("root", 300, "?force=true")).status).toBe(200);
    expect((await audit("feat_free"))[0]).toMatchObject({
      details: { forced: ["approvalNeeded", "lockedDown"] },
    });
  });
});
