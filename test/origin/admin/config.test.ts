// Configuration as code over the API: a plan says what would change, and exactly that is applied, in one revision.
import { afterAll, describe, expect, test } from "vitest";
import { makeAdminApp } from "../../support/admin-app.ts";
import { makeTestDatabase } from "../../support/database.ts";

const database = await makeTestDatabase();
afterAll(() => database.drop());
const { request } = makeAdminApp({ pool: database.pool });

type Json = Record<string, unknown>;
type Answer = { status: number; json: Json };
const send = async (method: string, path: string, body?: unknown, headers: object = {}): Promise<Answer> => {
  const response = await request(path, {
    method,
    body: body === undefined ? null : JSON.stringify(body),
    headers: method === "PUT" ? { "if-match": "*", ...headers } : headers,
  });
  const text = await response.text();
  return { status: response.status, json: text === "" ? {} : JSON.parse(text) };
};
const post = (path: string, body: unknown, headers: object = {}) => send("POST", path, body, headers);
const get = async (path: string): Promise<Json> => (await send("GET", path)).json;

const rule = {
  activationThreshold: 0.15,
  retentionThreshold: 0.4,
  latencyP95Threshold: 200,
  minCohortSize: 500,
  evaluationWindowSeconds: 1_209_600,
};
type Files = { source: string; features: readonly object[]; removed?: string; takeOver?: boolean };
let sources = 0;
/** Files of a source of their own. */
const files = (...features: readonly object[]): Files => {
  sources += 1;
  return {
    source: `source-${sources}`,
    features: features.map((one) => Object.assign({ file: "a.yaml" }, one)),
  };
};
const plan = async (content: Files): Promise<Json> => {
  const { status, json } = await post("/plan", content);
  expect({ status, json }).toMatchObject({ status: 200 });
  return json;
};
const applyOf = (content: Files, { hash, base }: Json) => ({ ...content, hash, base });
const apply = async (content: Files): Promise<Json> => {
  const { status, json } = await post("/apply", applyOf(content, await plan(content)));
  expect({ status, json }).toMatchObject({ status: 200 });
  return json;
};
const errorsOf = ({ status, json }: Answer) => ({ status, errors: json["errors"] });

describe("a plan", () => {
  test("names each field that changes and what visitors notice, and changes nothing", async () => {
    const planned = await plan(files({ featureId: "feat_new", enabled: true, rolloutBps: 2000, rule }));
    expect(planned).toMatchObject({
      changed: true,
      counts: { create: 1, update: 0, delete: 0, unchanged: 0 },
      base: [{ featureId: "feat_new", version: null }],
      features: [
        {
          featureId: "feat_new",
          action: "create",
          visitors: "20 % get it",
          changes: expect.arrayContaining([{ field: "rolloutBps", from: null, to: 2000, by: "file" }]),
        },
      ],
    });
    expect((await send("GET", "/features/feat_new")).status).toBe(404);
  });

  test("of what is applied already changes nothing, however the file orders its fields", async () => {
    const content = files({
      featureId: "feat_same",
      enabled: true,
      rolloutBps: 2000,
      tags: ["b", "a"],
      targeting: { operator: "not", condition: { attribute: "country", operator: "equals", value: "DE" } },
      rule,
    });
    await apply(content);
    const [feature] = content.features;
    const reordered = Object.fromEntries(Object.entries({ ...feature, tags: ["a", "b"] }).toReversed());
    const planned = await plan({ ...content, features: [reordered] });
    expect(planned).toMatchObject({ changed: false, features: [], counts: { unchanged: 1 } });
  });

  test("leaves alone what the file does not say of the present, and puts everything else to its default", async () => {
    const content = files({ featureId: "feat_open", failureMode: "closed", tags: ["a"] });
    await apply(content);
    await post("/features/feat_open/enable", { rolloutBps: 3000, reason: "launch" });
    expect(await plan({ ...content, features: [{ featureId: "feat_open", file: "a.yaml" }] })).toMatchObject({
      features: [
        {
          action: "update",
          changes: [
            { field: "failureMode", from: "closed", to: "static" },
            { field: "tags", from: ["a"], to: [] },
          ],
        },
      ],
    });
  });

  test("names every wrong field of all features by its place", async () => {
    const refused = await post(
      "/plan",
      files(
        { featureId: "feat_wrong_a", rolloutBps: 20_001 },
        { featureId: "feat_wrong_b", rollout: 1, rule: { ...rule, minCohortSize: "many" } },
        { featureId: "feat_wrong_a" },
      ),
    );
    expect(errorsOf(refused)).toMatchObject({
      status: 400,
      errors: [
        { field: "features.0.rolloutBps" },
        { field: "features.1.rule.minCohortSize" },
        { field: "features.1.rollout", detail: "unknown field" },
      ],
    });
    const twice = await post(
      "/plan",
      files({ featureId: "feat_twice" }, { featureId: "feat_twice", file: "b.yaml" }),
    );
    expect(errorsOf(twice)).toMatchObject({
      errors: [{ field: "features.1.featureId", detail: "feat_twice stands in a.yaml too" }],
    });
  });

  test("is refused where the features do not fit one another, all at once", async () => {
    const refused = await post(
      "/plan",
      files(
        { featureId: "feat_ring_a", requires: ["feat_ring_b"] },
        { featureId: "feat_ring_b", requires: ["feat_ring_a"] },
        { featureId: "feat_needs_none", requires: ["feat_nowhere"] },
        { featureId: "feat_needs_closed", enabled: true, requires: ["feat_closed"] },
        { featureId: "feat_closed", enabled: false },
        { featureId: "feat_holdout", rolloutBps: 9500, holdoutBps: 1000 },
      ),
    );
    expect(refused.status).toBe(400);
    const details = (refused.json["errors"] as readonly { field: string; detail: string }[]).map(
      ({ field, detail }) => `${field}: ${detail}`,
    );
    expect(details.toSorted()).toEqual([
      "features.0.requires: feat_ring_a: it requires itself: feat_ring_a requires feat_ring_b requires feat_ring_a",
      "features.2.requires: feat_needs_none: no such feature: feat_nowhere",
      "features.3.requires: feat_needs_closed: feat_closed must be open first, and would be closed",
      "features.5.holdoutBps: feat_holdout: rolloutBps + holdoutBps must be at most 10000",
    ]);
  });
});

describe("what others require", () => {
  test("is neither closed nor deleted by a plan, and a circle through others is found", async () => {
    const content = files({ featureId: "feat_base", enabled: true, rolloutBps: 100 });
    await apply(content);
    await post("/features", { featureId: "feat_on_top", enabled: true, requires: ["feat_base"] });
    await post("/features", { featureId: "feat_on_that", requires: ["feat_on_top"] });
    const detailsOf = async (features: readonly object[]) => {
      const { json } = await post("/plan", { ...content, features });
      return (json["errors"] as readonly { detail: string }[]).map(({ detail }) => detail);
    };
    expect(await detailsOf([{ featureId: "feat_base", file: "a.yaml", enabled: false }])).toEqual([
      "feat_base: feat_on_top requires it and is in no file of this source: close it first",
    ]);
    expect(await detailsOf([])).toEqual([
      "feat_base left its file: feat_on_top requires it and is in no file of this source: end that first",
    ]);
    const circle = [{ featureId: "feat_base", file: "a.yaml", requires: ["feat_on_that"] }];
    expect((await detailsOf(circle)).join("\n")).toContain("feat_base: it requires itself: ");
  });
});

describe("an apply", () => {
  test("creates, changes, opens, closes and deletes in one revision, each with its row of the audit", async () => {
    const first = files(
      { featureId: "feat_m_edited", enabled: true, rolloutBps: 1000 },
      { featureId: "feat_m_closed", enabled: true, rolloutBps: 1000 },
      { featureId: "feat_m_opened" },
      { featureId: "feat_m_left", enabled: true },
    );
    await apply(first);
    const second = {
      ...first,
      features: [
        { file: "a.yaml", featureId: "feat_m_edited", enabled: true, rolloutBps: 3000, rule },
        { file: "a.yaml", featureId: "feat_m_closed", enabled: false },
        { file: "a.yaml", featureId: "feat_m_opened", enabled: true, rolloutBps: 500 },
        { file: "a.yaml", featureId: "feat_m_made" },
      ],
    };
    const applied = await apply(second);
    expect(applied).toMatchObject({ alreadyApplied: false, revision: expect.any(Number) });
    const { entries } = await get("/audit?limit=5");
    const rows = entries as readonly { featureId: string; action: string; revision: number }[];
    expect(rows.map(({ featureId, action }) => `${featureId} ${action}`).toSorted()).toEqual([
      "feat_m_closed update",
      "feat_m_edited update",
      "feat_m_left delete",
      "feat_m_made create",
      "feat_m_opened enable",
    ]);
    expect(new Set(rows.map(({ revision }) => revision))).toEqual(new Set([applied["revision"]]));
    expect(await get("/features/feat_m_opened")).toMatchObject({ enabled: true, rolloutBps: 500, epoch: 2 });
    expect(await get("/features/feat_m_closed")).toMatchObject({ enabled: false, rolledBackAt: null });
    expect((await send("GET", "/features/feat_m_left")).status).toBe(404);
    expect(await get("/features/feat_m_edited/rule")).toMatchObject(rule);

    const reopened = { ...second, features: [{ file: "a.yaml", featureId: "feat_m_closed", enabled: true }] };
    await apply({ ...reopened, removed: "release" });
    expect(await get("/features/feat_m_closed")).toMatchObject({ enabled: true, rolloutBps: 1000, epoch: 2 });
    expect(await get("/features/feat_m_made")).toMatchObject({ managedBy: null });
  });

  test("of the same plan twice has no second effect, and of another plan is refused", async () => {
    const content = files({ featureId: "feat_once" });
    const body = applyOf(content, await plan(content));
    const first = await post("/apply", body);
    const again = await post("/apply", body);
    expect(again).toMatchObject({
      status: 200,
      json: { alreadyApplied: true, revision: first.json["revision"] },
    });
    expect(await get("/features/feat_once")).toMatchObject({ version: 1 });
    const other = { ...body, features: [{ file: "a.yaml", featureId: "feat_other" }] };
    expect(await post("/apply", other)).toMatchObject({ status: 409, json: { reason: "otherPlan" } });
  });

  test("applies nothing when a feature moved since the plan, and names it", async () => {
    const content = files({ featureId: "feat_moved_a" }, { featureId: "feat_moved_b" });
    await apply(content);
    const edited = {
      ...content,
      features: content.features.map((one) => Object.assign({}, one, { tags: ["x"] })),
    };
    const planned = await plan(edited);
    await send("PUT", "/features/feat_moved_b", { failureMode: "closed", reason: "by hand" });
    expect(await post("/apply", applyOf(edited, planned))).toMatchObject({
      status: 412,
      json: { reason: "moved", moved: [{ featureId: "feat_moved_b", planned: 1, have: 2 }] },
    });
    expect(await get("/features/feat_moved_a")).toMatchObject({ version: 1, tags: [] });
  });

  test("of one plan by two at once is carried out once", async () => {
    const content = files({ featureId: "feat_race" }, { featureId: "feat_race_too" });
    const body = applyOf(content, await plan(content));
    const answers = await Promise.all(Array.from({ length: 6 }, () => post("/apply", body)));
    expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 6 }, () => 200));
    expect(answers.filter(({ json }) => json["alreadyApplied"] === false)).toHaveLength(1);
    expect(await get("/features/feat_race")).toMatchObject({ version: 1 });
  });
});

describe("a feature that was rolled back", () => {
  test("stays closed whatever the file says, and the plan says how to open it", async () => {
    const content = files({ featureId: "feat_latched", enabled: true, rolloutBps: 4000 });
    await apply(content);
    await post("/features/feat_latched/rollback", { reason: "the till is on fire" });
    const planned = await plan(content);
    expect(planned).toMatchObject({ changed: false, features: [{ action: "keep", changes: [] }] });
    const [{ notes }] = planned["features"] as readonly [{ notes: readonly string[] }];
    expect(notes).toEqual([
      expect.stringMatching(
        /^stays rolled back since .* UTC \(the till is on fire\): `sluice enable feat_latched` opens it, or `reopenEpoch: 1` in the file$/,
      ),
    ]);
    const [feature] = content.features;
    await apply({ ...content, features: [{ ...feature, tags: ["x"], rolloutBps: 9000 }] });
    expect(await get("/features/feat_latched")).toMatchObject({
      enabled: false,
      rolloutBps: 0,
      tags: ["x"],
      rollbackReason: "the till is on fire",
      managedBy: { drift: [] },
    });
  });

  test("is opened by a file that names the epoch of the rollback, once", async () => {
    const content = files({ featureId: "feat_reopened", enabled: true, rolloutBps: 4000 });
    await apply(content);
    await post("/features/feat_reopened/rollback", { reason: "broken" });
    const [feature] = content.features;
    const named = { ...content, features: [{ ...feature, reopenEpoch: 1 }] };
    await apply(named);
    expect(await get("/features/feat_reopened")).toMatchObject({ enabled: true, rolloutBps: 4000, epoch: 2 });
    await post("/features/feat_reopened/rollback", { reason: "broken again" });
    expect(await plan(named)).toMatchObject({ changed: false });
  });

  test("between plan and apply, or at the same moment, is never opened by the apply", async () => {
    for (let round = 0; round < 10; round += 1) {
      const featureId = `feat_torn_${round}`;
      const content = files({ featureId, enabled: true, rolloutBps: 4000 });
      await apply(content);
      const edited = { ...content, features: [{ ...content.features[0], rolloutBps: 8000 }] };
      const body = applyOf(edited, await plan(edited));
      const rollBack = () => post(`/features/${featureId}/rollback`, { reason: "now" });
      const [closed, applied] =
        round === 0
          ? [await rollBack(), await post("/apply", body)]
          : await Promise.all([rollBack(), post("/apply", body)]);
      expect(closed.status).toBe(200);
      expect([200, 412]).toContain(applied.status);
      expect(await get(`/features/${featureId}`)).toMatchObject({ enabled: false, rolloutBps: 0 });
    }
  });
});

describe("a ramp", () => {
  test("keeps the rollout that it has reached, and the plan says so", async () => {
    const ramp = { stagesBps: [1000, 5000], minStageSeconds: 60 };
    const ramped = { ...rule, mode: "enforce", ramp };
    const content = files({ featureId: "feat_ramped", enabled: true, rolloutBps: 1000, rule: ramped });
    await apply(content);
    await post("/features/feat_ramped/rollout", { rolloutBps: 5000, reason: "as the ramp does" });
    const planned = await plan(content);
    expect(planned).toMatchObject({
      changed: false,
      features: [
        {
          notes: [
            "its rollout stays at 5000 bps: the rule's ramp moves it, and the file's 1000 is where it begins",
          ],
        },
      ],
    });
    expect(await get("/features/feat_ramped")).toMatchObject({ managedBy: { drift: [] } });
  });
});

describe("a feature's owner", () => {
  test("stands in answers and lists, and a change by hand says what the file takes back", async () => {
    const content = files({ featureId: "feat_owned", enabled: true, rolloutBps: 1000, rule });
    await apply(content);
    const { source } = content;
    expect(await get("/features/feat_owned")).toMatchObject({
      managedBy: { source, file: "a.yaml", drift: [] },
    });
    const changed = await post("/features/feat_owned/rollout", { rolloutBps: 2500, reason: "by hand" });
    const warning = `a.yaml of ${source} owns this feature: its next apply takes back rolloutBps. Change the file too`;
    expect(changed.json["warnings"]).toContain(warning);
    const tightened = await send("PUT", "/features/feat_owned/rule", { ...rule, minCohortSize: 900 });
    expect(tightened.json["warnings"]).toEqual(
      expect.arrayContaining([expect.stringContaining("takes back rolloutBps, rule.minCohortSize")]),
    );
    const drift = [
      { field: "rolloutBps", file: 1000, now: 2500 },
      { field: "rule.minCohortSize", file: 500, now: 900 },
    ];
    expect(await get("/features/feat_owned/why")).toMatchObject({ managedBy: { drift } });
    const listed = (await get("/features?limit=500"))["features"] as readonly Json[];
    expect(listed.find((one) => one["featureId"] === "feat_owned")).toMatchObject({ managedBy: { drift } });
    expect(await plan(content)).toMatchObject({
      features: [
        {
          changes: [
            { field: "rolloutBps", from: 2500, to: 1000, by: "hand" },
            { field: "rule.minCohortSize", from: 900, to: 500, by: "hand" },
          ],
        },
      ],
    });
    await apply(content);
    expect(await get("/features/feat_owned")).toMatchObject({ rolloutBps: 1000, managedBy: { drift: [] } });
  });

  test("is another source only where it is taken over", async () => {
    const theirs = files({ featureId: "feat_theirs" });
    await apply(theirs);
    const mine = files({ featureId: "feat_theirs" });
    expect(errorsOf(await post("/plan", mine))).toMatchObject({
      status: 400,
      errors: [
        {
          field: "features.0.featureId",
          detail: expect.stringContaining(`${theirs.source} owns it (a.yaml)`),
        },
      ],
    });
    await apply({ ...mine, takeOver: true });
    expect(await plan({ ...theirs, features: [] })).toMatchObject({ changed: false });
  });

  test("never deletes what it does not own", async () => {
    await post("/features", { featureId: "feat_by_hand" });
    const content = files({ featureId: "feat_mine" });
    await apply(content);
    await apply({ ...content, features: [] });
    expect((await send("GET", "/features/feat_mine")).status).toBe(404);
    expect((await send("GET", "/features/feat_by_hand")).status).toBe(200);
  });
});

test("a token of some tags plans all and applies its own", async () => {
  const token = await post("/tokens", { name: "checkout team", scope: "editor", tags: ["checkout"] });
  const own = { authorization: `Bearer ${String(token.json["secret"])}` };
  const content = files(
    { featureId: "feat_c", tags: ["checkout"] },
    { featureId: "feat_s", tags: ["search"] },
  );
  const { json: planned } = await post("/plan", content, own);
  expect(await post("/apply", applyOf(content, planned), own)).toMatchObject({
    status: 403,
    json: { reason: "tags", featureIds: ["feat_s"] },
  });
  await apply(content);
  const edited = {
    ...content,
    features: [{ ...content.features[0], failureMode: "closed" }, content.features[1] ?? {}],
  };
  const { json: again } = await post("/plan", edited, own);
  expect((await post("/apply", applyOf(edited, again), own)).status).toBe(200);
});

test("a plan that changes a feature in lockdown is refused, and forced with a reason", async () => {
  const content = files({ featureId: "feat_locked", enabled: true, rolloutBps: 100, lockdown: true, rule });
  await apply(content);
  const edited = { ...content, features: [{ ...content.features[0], rolloutBps: 900 }] };
  const body = applyOf(edited, await plan(edited));
  expect(await post("/apply", body)).toMatchObject({ status: 409, json: { reason: "lockedDown" } });
  expect(await post("/apply?force=true", body)).toMatchObject({ status: 400 });
  expect(await post("/apply?force=true", { ...body, reason: "an incident" })).toMatchObject({ status: 200 });
  expect(await get("/features/feat_locked")).toMatchObject({ rolloutBps: 900 });
});

test("an export says what a file would, and planning it changes nothing", async () => {
  const content = files({
    featureId: "feat_exported",
    enabled: true,
    rolloutBps: 2000,
    holdoutBps: 500,
    routes: [{ path: "/checkout" }],
    rule: { ...rule, mode: "enforce" },
  });
  await apply(content);
  const exported = (await get(`/export?source=${content.source}`))["features"] as readonly Json[];
  const [given] = content.features as readonly [Record<string, unknown>];
  const { featureId: _id, file: _file, ...fields } = given;
  expect(exported).toEqual([
    { featureId: "feat_exported", source: content.source, file: "a.yaml", rolledBack: null, config: fields },
  ]);
  await post("/features/feat_exported/rollback", { reason: "broken" });
  const [closed] = (await get(`/export?source=${content.source}`))["features"] as readonly [Json];
  expect(closed).toMatchObject({ rolledBack: { reason: "broken", epoch: 1 } });
  expect(closed["config"]).not.toHaveProperty("enabled");
});
