import { randomUUID } from "node:crypto";
import { afterAll, beforeEach, expect, test } from "vitest";
import { makePool } from "../../../origin/db/pool.ts";
import { makeFeatureChanges } from "../../../origin/features/change-feature.ts";
import type { Attribution } from "../../../origin/features/change-steps.ts";
import { makeCommit } from "../../../origin/features/commit-queue.ts";
import { listFeatures } from "../../../origin/features/list-features.ts";
import { newFeature, type NewFeature } from "../../../origin/features/new-feature.ts";
import { getFeature, getRule, listAudit } from "../../../origin/features/read-features.ts";
import { verifyAudit } from "../../../origin/features/audit/verify-audit.ts";
import { changesSince } from "../../../origin/features/read-snapshot.ts";
import { FeatureId, Revision } from "../../../shared/ids.ts";
import type { Result } from "../../../shared/result.ts";
import { Rule } from "../../../shared/features/rule.ts";
import { startFaultProxy } from "../../support/fault-proxy.ts";
import { makeTestDatabase } from "../../support/database.ts";

const database = await makeTestDatabase();
const { pool } = database;
afterAll(() => database.drop());
beforeEach(() => pool.query("truncate feature_flags, feature_tombstones, pmf_rules cascade"));

const changes = makeFeatureChanges({ pool, newId: randomUUID });
const ann: Attribution = { actor: "ann", reason: "launch" };
const id = (text: string) => FeatureId.parse(text);
const got = <T, E>(result: Result<T, E>): T => {
  if (!result.ok) throw new Error(JSON.stringify(result.error));
  return result.value;
};
const open = (featureId: string, more: Partial<NewFeature> = {}) =>
  changes.createFeature(
    newFeature({ featureId: id(featureId), enabled: true, rolloutBps: 5000, ...more }),
    ann,
  );
const rule = (featureId: string) =>
  Rule.parse({
    featureId,
    activationThreshold: 0.15,
    retentionThreshold: 0.2,
    latencyP95Threshold: 800,
    minCohortSize: 100,
    evaluationWindowSeconds: 3600,
  });

/** The state for an edge that has nothing. */
const everything = async () => (await changesSince(pool, null)).message;

const rowsOfAudit = async (): Promise<number> =>
  (await pool.query<{ audit_seq: number }>("select audit_seq from state_head")).rows[0]?.audit_seq ?? 0;

test("a new feature with an id alone is closed, at no rollout, with a tenth as holdout", async () => {
  const made = got(await changes.createFeature(newFeature({ featureId: id("a") }), ann));
  expect(made.state).toMatchObject({ enabled: false, rolloutBps: 0, holdoutBps: 1000, epoch: 1, version: 1 });
  expect(newFeature({ featureId: id("a"), rolloutBps: 10_000 }).holdoutBps).toBe(0);
  expect(await changes.createFeature(newFeature({ featureId: id("a") }), ann)).toMatchObject({
    error: { reason: "alreadyExists", have: 1 },
  });
});

test("every change takes the next revision and the next version and can be read back", async () => {
  const made = got(await open("a"));
  const edited = got(await changes.updateFeature({ featureId: id("a") }, { failureMode: "closed" }, ann));
  expect(edited).toMatchObject({ revision: made.revision + 1, version: 2 });
  expect((await getFeature(pool, id("a")))?.state).toEqual(edited.state);
  expect(await everything()).toMatchObject({ revision: edited.revision, features: [edited.state] });
});

test("a rollback closes a feature and keeps its rollout, and enabling restores the rollout in a new epoch", async () => {
  const made = got(await open("a"));
  const closed = got(
    await changes.rollbackFeature(
      { featureId: id("a"), expectedVersion: made.version, epoch: 1, evidence: { users: 4500 } },
      { actor: "sluice", reason: "activation 11.2 %" },
    ),
  );
  expect(closed.state).toMatchObject({ enabled: false, rolloutBps: 0, epoch: 1, version: 2 });
  expect(await getFeature(pool, id("a"))).toMatchObject({
    rolloutBeforeBps: 5000,
    rollbackReason: "activation 11.2 %",
    rolledBackAt: expect.any(Date),
  });
  expect(await changes.rollbackFeature({ featureId: id("a") }, ann)).toMatchObject({
    error: { reason: "alreadyClosed" },
  });
  expect(await changes.setRollout({ featureId: id("a") }, { rolloutBps: 100 }, ann)).toMatchObject({
    error: { reason: "alreadyClosed" },
  });
  const again = got(await changes.enableFeature({ featureId: id("a") }, {}, ann));
  expect(again.state).toMatchObject({ enabled: true, rolloutBps: 5000, epoch: 2, version: 3 });
  expect(await changes.enableFeature({ featureId: id("a") }, {}, ann)).toMatchObject({
    error: { reason: "alreadyOpen" },
  });
  const { items } = await listAudit(pool, { limit: 1, featureId: id("a"), before: undefined });
  expect(items[0]).toMatchObject({ action: "enable", actor: "ann", epoch: 2, version: 3 });
});

test("the unit of a feature is given when it is made, and changes only while the feature is closed", async () => {
  expect(got(await open("a")).state.unit).toBe("visitor");
  const made = got(await open("b", { unit: "user" }));
  expect(made.state.unit).toBe("user");
  expect((await getFeature(pool, id("b")))?.state).toEqual(made.state);
  expect((await everything()).features.map(({ unit }) => unit)).toEqual(["visitor", "user"]);
  const edit = (unit: "visitor" | "user") => changes.updateFeature({ featureId: id("b") }, { unit }, ann);
  expect(got(await edit("user")).state.unit).toBe("user");
  expect(await edit("visitor")).toMatchObject({
    error: {
      reason: "invalid",
      errors: [{ field: "unit", reason: expect.stringContaining("close the feature") }],
    },
  });
  got(await changes.rollbackFeature({ featureId: id("b") }, ann));
  expect(got(await edit("visitor")).state.unit).toBe("visitor");
});

test("a feature is private as long as it says so, and only then the database does", async () => {
  const stored = async (): Promise<unknown> =>
    (await pool.query("select full_feature_state(f) as state from feature_flags f")).rows[0]?.state;
  got(await open("a", { private: true }));
  expect(await stored()).toMatchObject({ private: true });
  expect((await everything()).features).toMatchObject([{ private: true }]);
  got(await changes.updateFeature({ featureId: id("a") }, { tags: ["x"] }, ann));
  expect(await stored()).toMatchObject({ private: true });
  got(await changes.updateFeature({ featureId: id("a") }, { private: false }, ann));
  // An older origin refuses a field that it does not know.
  expect(await stored()).not.toHaveProperty("private");
  expect((await getFeature(pool, id("a")))?.state.private).toBe(false);
});

test("an origin that does not know units and private features keeps them, and makes features of visitors", async () => {
  got(await open("a", { unit: "user", private: true }));
  const change = (featureId: string, expectedVersion: number | null) => ({
    changeId: randomUUID(),
    actor: "older",
    features: [
      {
        featureId,
        expectedVersion,
        action: "update",
        reason: "x",
        details: {},
        rule: null,
        next: {
          enabled: true,
          rolloutBps: 1,
          holdoutBps: 0,
          epoch: 1,
          failureMode: "static",
          routes: [],
          tags: [],
          requires: [],
        },
      },
    ],
  });
  for (const each of [change("a", 1), change("b", null)])
    await pool.query("select commit_change($1)", [JSON.stringify(each)]);
  const units = (await everything()).features.map((each) => [each.unit, each.private, each.rolloutBps]);
  expect(units).toEqual([
    ["user", true, 1],
    ["visitor", false, 1],
  ]);
  const [row] = (await pool.query("select feature_state(f) as state from feature_flags f")).rows;
  expect(row.state).not.toHaveProperty("unit");
});

test("a decision about an older version or epoch is refused", async () => {
  got(await open("a"));
  got(await changes.setRollout({ featureId: id("a") }, { rolloutBps: 6000 }, ann));
  expect(
    await changes.rollbackFeature({ featureId: id("a"), expectedVersion: 1, epoch: 1 }, ann),
  ).toMatchObject({ error: { reason: "versionConflict", have: 2 } });
  got(await changes.rollbackFeature({ featureId: id("a") }, ann));
  got(await changes.enableFeature({ featureId: id("a") }, { rolloutBps: 100 }, ann));
  expect(await changes.rollbackFeature({ featureId: id("a"), epoch: 1 }, ann)).toMatchObject({
    error: { reason: "epochConflict", have: 2 },
  });
});

test("exactly one of twenty rollbacks at once is committed", async () => {
  got(await open("a"));
  const all = await Promise.all(
    Array.from({ length: 20 }, () => changes.rollbackFeature({ featureId: id("a") }, ann)),
  );
  expect(all.filter((result) => result.ok)).toHaveLength(1);
});

test("racing edits, ramps, rollbacks and enables end in one history without gaps", async () => {
  got(await open("r"));
  const target = { featureId: id("r") };
  const kinds = [
    (i: number) => changes.setRollout(target, { rolloutBps: 100 * i }, ann),
    (i: number) => changes.updateFeature(target, { tags: [`t${i}`] }, ann),
    () => changes.rollbackFeature(target, ann),
    () => changes.enableFeature(target, { rolloutBps: 10 }, ann),
  ] as const;
  const results = await Promise.all(
    Array.from({ length: 10 }, (_, i) => kinds.map((change) => change(i))).flat(),
  );
  const versions = results.flatMap((result) => (result.ok ? [result.value.version] : []));
  expect(versions.toSorted((x, y) => x - y)).toEqual(Array.from(versions, (_, i) => i + 2));
  expect((await getFeature(pool, id("r")))?.state.version).toBe(versions.length + 1);
});

test("a change that is committed twice under one id happens once and gives one answer", async () => {
  const change = {
    changeId: randomUUID(),
    actor: "ann",
    features: [
      {
        featureId: id("a"),
        expectedVersion: null,
        kind: "create" as const,
        reason: "launch",
        details: {},
        next: {
          ...newFeature({ featureId: id("a") }),
          targeting: null,
          writtenTargeting: null,
          segments: [],
          epoch: 1,
          rolloutBeforeBps: null,
          rollbackReason: null,
          latched: false,
        },
        rule: null,
      },
    ],
  };
  const answers = await Promise.all([makeCommit(pool)(change), makeCommit(pool)(change)]);
  expect(answers[0]).toEqual(answers[1]);
  expect((await getFeature(pool, id("a")))?.state.version).toBe(1);
});

test("a new rule is a new version of the feature, so that a decision by the old rule is refused", async () => {
  got(await open("a"));
  expect(got(await changes.putRule({ featureId: id("a") }, rule("a"), ann))).toMatchObject({
    version: 2,
    ruleVersion: 1,
  });
  got(await changes.putRule({ featureId: id("a") }, { ...rule("a"), minCohortSize: 5 }, ann));
  expect(await getRule(pool, id("a"))).toMatchObject({ version: 2, rule: { minCohortSize: 5 } });
  expect(await changes.putRule({ featureId: id("a") }, rule("b"), ann)).toMatchObject({
    error: { reason: "invalid", errors: [{ field: "featureId" }] },
  });
});

test("a push names a deleted feature as removed, and the same id made again begins a new epoch", async () => {
  const made = got(await open("a"));
  const gone = got(await changes.deleteFeature({ featureId: id("a") }, ann));
  expect((await changesSince(pool, made)).message).toMatchObject({
    since: made.revision,
    revision: gone.revision,
    full: false,
    features: [],
    removed: ["a"],
  });
  expect(got(await open("a")).state).toMatchObject({ epoch: 2, version: 3 });
  expect((await changesSince(pool, gone)).message).toMatchObject({
    removed: [],
    features: [{ epoch: 2 }],
  });
});

test("a push to an edge holds only the changes since the edge's revision", async () => {
  const made = got(await open("a"));
  const other = got(await open("b"));
  expect((await changesSince(pool, made)).message.features).toEqual([other.state]);
  expect((await changesSince(pool, null)).message).toMatchObject({ full: true, revision: other.revision });
  expect((await changesSince(pool, { revision: Revision.parse(other.revision) })).message.features).toEqual(
    [],
  );
});

test("a feature that requires another closes with it, in the same revision", async () => {
  got(await open("base"));
  got(await open("middle", { requires: [id("base")] }));
  got(await open("top", { requires: [id("middle")] }));
  const closed = got(await changes.rollbackFeature({ featureId: id("base") }, ann));
  for (const name of ["base", "middle", "top"]) {
    expect(await getFeature(pool, id(name))).toMatchObject({
      revision: closed.revision,
      state: { enabled: false },
    });
  }
  expect(await changes.enableFeature({ featureId: id("top") }, {}, ann)).toMatchObject({
    error: { reason: "requirementClosed", featureIds: ["middle"] },
  });
  expect(
    await changes.updateFeature({ featureId: id("base") }, { requires: [id("top")] }, ann),
  ).toMatchObject({ error: { reason: "invalid", errors: [{ field: "requires" }] } });
  expect(await changes.deleteFeature({ featureId: id("base") }, ann)).toMatchObject({
    error: { reason: "requiredBy", featureIds: ["middle"] },
  });
});

test("a feature that is enabled while its requirement closes never stays open alone", async () => {
  for (let round = 0; round < 10; round += 1) {
    const [base, top] = [id(`base${round}`), id(`top${round}`)];
    got(await open(base));
    got(await open(top, { requires: [base], enabled: false }));
    await Promise.all([
      changes.enableFeature({ featureId: top }, {}, ann),
      changes.rollbackFeature({ featureId: base }, ann),
    ]);
    const [baseNow, topNow] = await Promise.all([getFeature(pool, base), getFeature(pool, top)]);
    expect([baseNow?.state.enabled, topNow?.state.enabled]).toEqual([false, false]);
  }
});

test("everything with a tag is closed in one revision", async () => {
  got(await open("a", { tags: ["checkout"] }));
  got(await open("b", { tags: ["checkout"] }));
  got(await open("c"));
  const closed = got(await changes.rollbackTag("checkout", ann));
  expect(closed?.features.map((feature) => feature.featureId)).toEqual(["a", "b"]);
  expect((await everything()).features.map((state) => state.enabled)).toEqual([false, false, true]);
  expect(got(await changes.rollbackTag("checkout", ann))).toBeNull();
});

test("readers do not wait for a change that is under way", async () => {
  got(await open("a"));
  const client = await pool.connect();
  try {
    await client.query("begin");
    await client.query("select * from state_head for update");
    await client.query("update feature_flags set enabled = false");
    expect((await getFeature(pool, id("a")))?.state.enabled).toBe(true);
    expect((await everything()).features).toHaveLength(1);
    expect((await listFeatures(pool, { limit: 10 })).items).toHaveLength(1);
  } finally {
    await client.query("rollback");
    client.release();
  }
});

test.each(["answers are lost", "the connection is reset"])(
  "a rollback is committed once and its outcome is found when %s",
  async (fault) => {
    got(await open("a"));
    const address = new URL(database.url);
    let strikes = 0;
    const proxy = await startFaultProxy({ host: address.hostname, port: Number(address.port) }, (piece) => {
      if (strikes > 0 || !piece.includes("commit_change")) return;
      strikes += 1;
      if (fault === "answers are lost") proxy.disturb({ kind: "halfOpen" });
      else proxy.reset();
      setTimeout(proxy.heal, 500);
    });
    address.port = String(proxy.port);
    const shaky = makePool(address.href, { applicationName: "shaky", onIdleError: () => {} });
    try {
      const through = makeFeatureChanges({ pool: shaky, newId: randomUUID });
      const before = await rowsOfAudit();
      const closed = got(await through.rollbackFeature({ featureId: id("a") }, ann));
      expect(strikes).toBe(1);
      expect(closed.state).toMatchObject({ enabled: false, version: 2 });
      expect(await rowsOfAudit()).toBe(before + 1);
    } finally {
      await shaky.end();
      await proxy.stop();
    }
  },
);

test.each([
  ["has NUL in its reason", { reason: "a\0b" }],
  ["has half of a surrogate pair in its reason", { reason: "\ud83d" }],
  ["names an epoch beyond its column", { epoch: 2 ** 40 }],
])("a change that %s fails alone: the rollbacks beside it are committed", async (_title, bad) => {
  const names = Array.from({ length: 30 }, (_, i) => `beside-${randomUUID()}-${i}`);
  for (const name of names) got(await open(name));
  const commit = makeCommit(pool);
  const closing = (featureId: string, { reason = "broken", epoch = 1 } = {}) =>
    commit({
      changeId: randomUUID(),
      actor: "ann",
      features: [
        {
          featureId: id(featureId),
          expectedVersion: 1,
          kind: "rollback",
          reason,
          details: {},
          next: {
            ...newFeature({ featureId: id(featureId) }),
            targeting: null,
            writtenTargeting: null,
            segments: [],
            epoch,
            rolloutBeforeBps: 0,
            rollbackReason: "broken",
            latched: true,
          },
          rule: null,
        },
      ],
    });
  const results = await Promise.allSettled(names.map((name, i) => closing(name, i % 10 === 3 ? bad : {})));
  for (const [i, name] of names.entries()) {
    const isBad = i % 10 === 3;
    expect(results[i]?.status, name).toBe(isBad ? "rejected" : "fulfilled");
    expect((await getFeature(pool, id(name)))?.state.enabled, name).toBe(isBad);
  }
  expect(await verifyAudit(pool)).toMatchObject({ ok: true });
});

test("each change of a batch has its own outcome, and a refused one holds up no other", async () => {
  got(await open("base"));
  got(await open("top", { requires: [id("base")], enabled: false }));
  const commit = makeCommit(pool);
  const opening = (featureId: string, expectedVersion: number | null, requires: string[] = []) =>
    commit({
      changeId: randomUUID(),
      actor: "ann",
      features: [
        {
          featureId: id(featureId),
          expectedVersion,
          kind: "enable",
          reason: "together",
          details: {},
          next: {
            ...newFeature({ featureId: id(featureId), enabled: true, requires: requires.map(id) }),
            targeting: null,
            writtenTargeting: null,
            segments: [],
            epoch: 1,
            rolloutBeforeBps: null,
            rollbackReason: null,
            latched: false,
          },
          rule: null,
        },
      ],
    });
  const results = await Promise.all([
    opening("one", null),
    opening("two", null),
    opening("three", null),
    opening("four", null, ["nothing"]),
    opening("base", 7),
    opening("five", null),
  ]);
  expect(results.map((result) => (result.ok ? "committed" : result.error.reason))).toEqual([
    "committed",
    "committed",
    "committed",
    "orphan",
    "conflict",
    "committed",
  ]);
  const revisions = results.flatMap((result) => (result.ok ? [result.value.revision] : []));
  expect(new Set(revisions).size).toBe(4);
  expect(await getFeature(pool, id("four"))).toBeNull();
  expect(await verifyAudit(pool)).toMatchObject({ ok: true });
});

test("a page of a list begins where the previous page ended", async () => {
  for (const name of ["a", "b", "c"]) got(await open(name));
  const first = await listFeatures(pool, { limit: 2 });
  expect(first.items.map((item) => item.state.featureId)).toEqual(["a", "b"]);
  const second = await listFeatures(pool, { limit: 2, after: first.next ?? undefined });
  expect(second).toMatchObject({ items: [{ state: { featureId: "c" } }], next: null });
  const audit = await listAudit(pool, { limit: 2 });
  expect((await listAudit(pool, { limit: 1, before: audit.next ?? undefined })).items[0]?.seq).toBe(
    (audit.items[1]?.seq ?? 0) - 1,
  );
});

test("an audit row cannot be altered or removed", async () => {
  got(await open("a"));
  await expect(pool.query("update rollback_audit set reason = 'nothing'")).rejects.toThrow("append-only");
  await expect(pool.query("delete from rollback_audit")).rejects.toThrow("append-only");
});

test("a redirect that closes a loop with a stored one is refused, and so is an edit of its routes that does", async () => {
  const redirecting = (featureId: string, path: string, to: string) =>
    changes.createFeature(
      newFeature({
        featureId: id(featureId),
        routes: [{ path }],
        gate: { whenClosed: { action: "redirect", to, status: 302 } },
      }),
      ann,
    );
  got(await redirecting("a", "/a", "/b"));
  const loop = { reason: "invalid", errors: [{ field: "gate.whenClosed.to" }] };
  expect(await redirecting("b", "/b", "/a")).toMatchObject({ error: loop });
  got(await redirecting("b", "/c", "/a"));
  expect(
    await changes.updateFeature({ featureId: id("b") }, { routes: [{ path: "/:page" }] }, ann),
  ).toMatchObject({ error: loop });
});

test("a feature is not opened where the upstream could not be told of all open features", async () => {
  const long = (at: number) => `feat_${"x".repeat(110)}_${at}`;
  for (let at = 0; at < 31; at++) got(await open(long(at)));
  const refused = { error: { reason: "invalid", errors: [{ field: "routes" }] } };
  expect(await open(long(32))).toMatchObject(refused);
  got(await open(long(33), { enabled: false }));
  expect(await changes.enableFeature({ featureId: id(long(33)) }, {}, ann)).toMatchObject(refused);
});
