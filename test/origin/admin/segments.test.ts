// Segments by the admin API: one change for all features that use one, and nothing of it at the edges but its conditions.
import { afterAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { makeFeatureChanges } from "../../../origin/features/change-feature.ts";
import { changesSince } from "../../../origin/features/read-snapshot.ts";
import { FeatureId, Revision } from "../../../shared/ids.ts";
import { makeAdminApp } from "../../support/admin-app.ts";
import { makeTestDatabase } from "../../support/database.ts";

const database = await makeTestDatabase();
afterAll(() => database.drop());
const { request } = makeAdminApp({ pool: database.servicePool });

const Json = z.record(z.string(), z.unknown());
const call = async (method: string, path: string, body?: unknown, headers: object = {}) => {
  const response = await request(path, {
    method,
    headers: { "if-match": "*", ...headers },
    body: body === undefined ? null : JSON.stringify(body),
  });
  const text = await response.text();
  return {
    status: response.status,
    etag: response.headers.get("etag"),
    json: text === "" ? {} : Json.parse(JSON.parse(text)),
  };
};
const made = async (path: string, body: object) => {
  const answer = await call("POST", path, body);
  expect(answer).toMatchObject({ status: 201 });
  return answer;
};

const country = (...values: string[]) => ({ attribute: "country", operator: "in", values });
const rule = {
  activationThreshold: 0.1,
  retentionThreshold: 0.1,
  latencyP95Threshold: 900,
  minCohortSize: 100,
  evaluationWindowSeconds: 3_600,
};

/** What edges get of the features, by their ids. */
const pushed = async (since?: { revision: number; head: string }) => {
  const { message } = await changesSince(
    database.pool,
    since === undefined ? null : { revision: Revision.parse(since.revision), head: since.head },
  );
  return {
    message,
    targeting: new Map<string, unknown>(message.features.map((f) => [f.featureId, f.targeting])),
  };
};
const newest = async () => {
  const { rows } = await database.pool.query<{ revision: number; head: string }>(
    "select revision, encode(audit_hash, 'hex') as head from state_head",
  );
  if (rows[0] === undefined) throw new Error("there is no head");
  return rows[0];
};
const auditOf = async (featureId: string, limit = 1) =>
  z
    .object({ entries: z.array(Json) })
    .parse((await call("GET", `/audit?limit=${limit}&featureId=${encodeURIComponent(featureId)}`)).json)
    .entries;

describe("a segment", () => {
  test("is used by its name, which the API shows and no edge gets", async () => {
    await made("/segments", { segmentId: "secret-beta", condition: country("DE"), description: "who tries" });
    const targeting = { operator: "not", condition: { segment: "secret-beta" } };
    await made("/features", { featureId: "feat_one", targeting, private: true });
    expect((await call("GET", "/features/feat_one")).json).toMatchObject({
      targeting,
      segments: ["secret-beta"],
    });
    const { message, targeting: of } = await pushed();
    expect(of.get("feat_one")).toEqual({ operator: "not", condition: country("DE") });
    expect(JSON.stringify(message)).not.toContain("secret-beta");
    expect((await call("GET", "/segments/secret-beta")).json).toMatchObject({
      description: "who tries",
      version: 1,
      features: [{ featureId: "feat_one", enabled: false, onTrial: false }],
      usedBy: [],
    });
  });

  test("changes all features that use it at one revision, with what is on trial said", async () => {
    await made("/features", {
      featureId: "feat_two",
      enabled: true,
      rolloutBps: 1_000,
      targeting: { operator: "or", conditions: [{ segment: "secret-beta" }, country("FR")] },
    });
    await call("PUT", "/features/feat_two/rule", rule);
    await made("/features", { featureId: "feat_other", targeting: country("DE") });
    const before = await newest();
    const changed = await call("PUT", "/segments/secret-beta", {
      condition: country("DE", "AT"),
      reason: "Austria joins",
    });
    expect(changed).toMatchObject({
      status: 200,
      etag: '"2"',
      json: {
        revision: before.revision + 1,
        changed: [
          { featureId: "feat_one", version: 2 },
          { featureId: "feat_two", version: 3 },
        ],
        warnings: [expect.stringMatching(/^2 features changed with it, 1 of them on trial \(feat_two\)/)],
      },
    });
    const delta = await pushed(before);
    expect(delta.message).toMatchObject({ full: false, since: before.revision });
    expect([...delta.targeting.keys()]).toEqual(["feat_one", "feat_two"]);
    expect(delta.targeting.get("feat_two")).toEqual({
      operator: "or",
      conditions: [country("DE", "AT"), country("FR")],
    });
    // Both are at the one revision that the answer names.
    const { rows } = await database.pool.query(
      "select distinct revision from feature_flags where 'secret-beta' = any(segments)",
    );
    expect(rows).toEqual([{ revision: before.revision + 1 }]);
  });

  test("is in the audit with what it was and is, and so is each feature; the audit stays whole", async () => {
    expect(await auditOf("segment:secret-beta")).toMatchObject([
      {
        action: "segment",
        actor: "admin",
        reason: "Austria joins",
        version: 2,
        details: {
          from: { condition: country("DE") },
          to: { condition: country("DE", "AT") },
          features: ["feat_one", "feat_two"],
        },
      },
    ]);
    expect(await auditOf("feat_one")).toMatchObject([
      { action: "update", reason: "segment secret-beta: Austria joins", details: { segment: "secret-beta" } },
    ]);
    expect((await call("GET", "/audit?action=segment")).json["entries"]).toHaveLength(2);
    expect((await call("GET", "/audit/verify")).json).toMatchObject({ ok: true });
  });

  test("is announced to the edges' pushers as the change that it is, after the head of before", async () => {
    const heard: string[] = [];
    const client = await database.pool.connect();
    client.on("notification", ({ channel, payload }) => {
      if (channel === "sluice_states") heard.push(payload ?? "");
    });
    await client.query("listen sluice_states");
    const before = await newest();
    await call("PUT", "/segments/secret-beta", { condition: country("DE", "AT", "CH") });
    await expect.poll(() => heard.length).toBe(1);
    await client.query("unlisten sluice_states");
    client.release();
    expect(JSON.parse(heard[0] ?? "")).toMatchObject({
      revision: before.revision + 1,
      since: before.revision,
      sinceHead: before.head,
      head: (await newest()).head,
      features: expect.arrayContaining([expect.objectContaining({ featureId: "feat_one" })]),
    });
  });

  test("of which only the description changes, changes no feature", async () => {
    const before = await newest();
    const changed = await call("PUT", "/segments/secret-beta", { description: "others" });
    expect(changed.json).toMatchObject({ changed: [], description: "others" });
    expect(changed.json).not.toHaveProperty("warnings");
    expect((await pushed(before)).message.features).toEqual([]);
  });

  test("needs its ETag: 428 without, 412 with an old one; and its document can be sent back", async () => {
    const path = "/segments/secret-beta";
    const read = await call("GET", path);
    const response = await request(path, { method: "PUT", body: "{}" });
    expect(response.status).toBe(428);
    expect(await call("PUT", path, {}, { "if-match": '"1"' })).toMatchObject({
      status: 412,
      json: { detail: expect.stringContaining("the segment is at version") },
    });
    const { status } = await call("PUT", path, read.json, { "if-match": `W/${read.etag}` });
    expect(status).toBe(200);
    expect(await call("PUT", path, { version: 99 })).toMatchObject({
      status: 400,
      json: { errors: [{ field: "version" }] },
    });
  });

  test("that is used is not deleted, and its users are named; unused it is", async () => {
    await made("/segments", { segmentId: "outer", condition: { segment: "secret-beta" } });
    expect(await call("DELETE", "/segments/secret-beta")).toMatchObject({
      status: 409,
      json: { reason: "inUse", featureIds: ["feat_one", "feat_two"], segmentIds: ["outer"] },
    });
    expect((await call("DELETE", "/segments/outer?reason=done")).status).toBe(204);
    expect((await call("GET", "/segments/outer")).status).toBe(404);
    expect(await auditOf("segment:outer")).toMatchObject([{ reason: "done", details: { to: null } }]);
    // Made again it goes on counting, so that an old ETag is one of nothing.
    expect((await made("/segments", { segmentId: "outer", condition: country("IT") })).etag).toBe('"3"');
  });

  test("that exists, is unknown, or is made of what is not there is refused by its name", async () => {
    expect(await call("POST", "/segments", { segmentId: "outer", condition: country("IT") })).toMatchObject({
      status: 409,
      json: { reason: "alreadyExists" },
    });
    expect((await call("PUT", "/segments/unknown", {})).status).toBe(404);
    expect(
      await call("POST", "/segments", { segmentId: "x", condition: { segment: "nobody" } }),
    ).toMatchObject({
      status: 400,
      json: { errors: [{ field: "condition", detail: "no such segment: nobody" }] },
    });
    expect(
      await call("POST", "/features", { featureId: "feat_x", targeting: { segment: "nobody" } }),
    ).toMatchObject({
      status: 400,
      json: { errors: [{ field: "targeting", detail: "no such segment: nobody" }] },
    });
    for (const condition of [null, {}, { operator: "equals" }, { segment: ".." }, [], "secret-beta"])
      expect(await call("POST", "/segments", { segmentId: "x", condition })).toMatchObject({ status: 400 });
  });

  test("may name another one, whose change reaches the features of both; a circle is refused with its path", async () => {
    await made("/segments", { segmentId: "inner", condition: country("NO") });
    await call("PUT", "/segments/outer", {
      condition: { operator: "or", conditions: [{ segment: "inner" }, country("SE")] },
    });
    await made("/features", { featureId: "feat_nested", targeting: { segment: "outer" } });
    expect((await call("GET", "/features/feat_nested")).json["segments"]).toEqual(["inner", "outer"]);
    await call("PUT", "/segments/inner", { condition: country("NO", "DK") });
    expect((await pushed()).targeting.get("feat_nested")).toEqual({
      operator: "or",
      conditions: [country("NO", "DK"), country("SE")],
    });
    expect(await call("PUT", "/segments/inner", { condition: { segment: "outer" } })).toMatchObject({
      status: 400,
      json: {
        errors: [
          {
            field: "condition",
            detail: "the segments name one another in a circle: inner → outer → inner",
          },
        ],
      },
    });
  });

  test("that would make a feature's targeting too large is refused with the feature's name", async () => {
    const many = (count: number) => ({
      operator: "or",
      conditions: Array.from({ length: count }, (_, i) => country(`C${i}`)),
    });
    await made("/segments", { segmentId: "large", condition: many(50) });
    await made("/features", {
      featureId: "feat_large",
      targeting: { operator: "and", conditions: [{ segment: "large" }, many(120)] },
    });
    expect(await call("PUT", "/segments/large", { condition: many(100) })).toMatchObject({
      status: 400,
      json: {
        errors: [
          {
            field: "condition",
            detail: expect.stringMatching(
              /^feature feat_large: must have at most 200 conditions.* it has 223, 3 deep$/,
            ),
          },
        ],
      },
    });
    expect((await call("GET", "/segments/large")).json).toMatchObject({ version: 1 });
  });

  test("leaves a rolled-back feature rolled back, and a change of the feature leaves its targeting written", async () => {
    await call("POST", "/features/feat_two/rollback", { reason: "broken" });
    await call("PUT", "/segments/secret-beta", { condition: country("LU") });
    expect((await call("GET", "/features/feat_two")).json).toMatchObject({
      enabled: false,
      rollbackReason: "broken",
      rolledBackAt: expect.any(String),
      targeting: { operator: "or", conditions: [{ segment: "secret-beta" }, country("FR")] },
      segments: ["secret-beta"],
    });
    await call("POST", "/features/feat_two/enable", { reason: "mended" });
    await call("POST", "/features/feat_two/rollout", { rolloutBps: 2_000, reason: "more" });
    expect((await pushed()).targeting.get("feat_two")).toEqual({
      operator: "or",
      conditions: [country("LU"), country("FR")],
    });
    await call("PUT", "/features/feat_two", { targeting: country("BE") });
    expect((await call("GET", "/features/feat_two")).json).toMatchObject({ segments: [] });
    expect((await call("GET", "/segments/secret-beta")).json["features"]).toHaveLength(1);
  });
});

test("segments are listed page by page with their users", async () => {
  const first = await call("GET", "/segments?limit=2");
  expect(first.json).toMatchObject({ segments: [{ segmentId: "inner" }, { segmentId: "large" }] });
  const rest = await call("GET", `/segments?limit=500&after=${String(first.json["next"])}`);
  expect(rest.json).toMatchObject({
    segments: [
      { segmentId: "outer", features: [{ featureId: "feat_nested" }] },
      { segmentId: "secret-beta" },
    ],
    next: null,
  });
});

test("a token with tags changes no segment that a feature of others uses, and is told which", async () => {
  const token = await call("POST", "/tokens", { name: "mine", scope: "editor", tags: ["mine"] });
  const mine = { authorization: `Bearer ${String(token.json["secret"])}` };
  await call("POST", "/segments", { segmentId: "shared", condition: country("DE") }, mine);
  const targeting = { segment: "shared" };
  await call("POST", "/features", { featureId: "feat_mine", tags: ["mine"], targeting }, mine);
  const path = "/segments/shared";
  expect((await call("PUT", path, { condition: country("AT") }, mine)).status).toBe(200);
  await made("/features", { featureId: "feat_theirs", tags: ["theirs"], targeting });
  expect(await call("PUT", path, { condition: country("CH") }, mine)).toMatchObject({
    status: 403,
    json: { reason: "tags", featureIds: ["feat_theirs"], tags: ["mine"] },
  });
  expect((await pushed()).targeting.get("feat_mine")).toEqual(country("AT"));
  expect((await call("PUT", path, { condition: country("CH") })).status).toBe(200);
});

describe("changes at the same moment", () => {
  test("leave every feature with the conditions that its segments have in the end", async () => {
    for (const name of ["race_a", "race_b"])
      await made("/segments", { segmentId: name, condition: country("XX") });
    const segments = async () =>
      Promise.all(
        Array.from({ length: 12 }, (_, i) =>
          call("PUT", `/segments/${i % 2 === 0 ? "race_a" : "race_b"}`, { condition: country(`C${i}`) }),
        ),
      );
    const features = async () =>
      Promise.all(
        Array.from({ length: 16 }, async (_, i) => {
          const featureId = `race_${i}`;
          await call("POST", "/features", { featureId, targeting: { segment: "race_a" } });
          const both = { operator: "or", conditions: [{ segment: "race_b" }, { segment: "race_a" }] };
          await call("PUT", `/features/${featureId}`, {
            targeting: i % 2 === 0 ? both : { segment: "race_b" },
          });
        }),
      );
    const answers = await Promise.all([segments(), features()]);
    expect(answers[0].map(({ status }) => status)).toEqual(Array.from({ length: 12 }, () => 200));
    const conditionOf = async (id: string) => (await call("GET", `/segments/${id}`)).json["condition"];
    const [a, b] = [await conditionOf("race_a"), await conditionOf("race_b")];
    const { targeting } = await pushed();
    for (let i = 0; i < 16; i++)
      expect(targeting.get(`race_${i}`)).toEqual(i % 2 === 0 ? { operator: "or", conditions: [b, a] } : b);
    expect((await call("GET", "/audit/verify")).json).toMatchObject({ ok: true });
  });

  test("make no circle, and delete nothing that has just come into use", async () => {
    for (let round = 0; round < 6; round++) {
      const [x, y] = [`x${round}`, `y${round}`];
      for (const segmentId of [x, y]) await made("/segments", { segmentId, condition: country("DE") });
      const circle = await Promise.all([
        call("PUT", `/segments/${x}`, { condition: { segment: y } }),
        call("PUT", `/segments/${y}`, { condition: { segment: x } }),
      ]);
      expect(circle.map(({ status }) => status).toSorted()).toEqual([200, 400]);
      const segmentId = `z${round}`;
      await made("/segments", { segmentId, condition: country("DE") });
      const [gone, used] = await Promise.all([
        call("DELETE", `/segments/${segmentId}`),
        call("POST", "/features", { featureId: `uses_${segmentId}`, targeting: { segment: segmentId } }),
      ]);
      expect([gone.status, used.status]).toEqual(used.status === 201 ? [409, 201] : [204, 400]);
    }
  });
});

describe("an origin that does not know segments", () => {
  const changeAsOlder = async (featureId: string, targeting: unknown) => {
    const { rows } = await database.pool.query<{ version: number }>(
      "select version from feature_flags where feature_id = $1",
      [featureId],
    );
    const next = {
      enabled: false,
      rolloutBps: 0,
      holdoutBps: 0,
      epoch: 1,
      failureMode: "static",
      targeting,
      routes: [],
      gate: null,
      activation: null,
      tags: [],
      requires: [],
      rolloutBeforeBps: null,
      rollbackReason: null,
      latched: false,
    };
    const feature = {
      featureId,
      expectedVersion: rows[0]?.version,
      action: "update",
      reason: "older",
      details: {},
    };
    await database.pool.query("select commit_change($1)", [
      JSON.stringify({
        changeId: crypto.randomUUID(),
        actor: "ann",
        features: [{ ...feature, next, rule: null }],
      }),
    ]);
  };

  test("leaves the written targeting while it leaves the conditions, and replaces both together", async () => {
    await made("/segments", { segmentId: "older", condition: country("PL") });
    await made("/features", { featureId: "feat_older", targeting: { segment: "older" } });
    await changeAsOlder("feat_older", country("PL"));
    expect((await call("GET", "/features/feat_older")).json).toMatchObject({
      targeting: { segment: "older" },
      segments: ["older"],
    });
    await changeAsOlder("feat_older", country("CZ"));
    expect((await call("GET", "/features/feat_older")).json).toMatchObject({
      targeting: country("CZ"),
      segments: [],
    });
    expect((await call("DELETE", "/segments/older")).status).toBe(204);
  });
});

test("a configuration file names segments, is planned and exported with their names, and does not drift from them", async () => {
  await made("/segments", { segmentId: "filed", condition: country("FI") });
  const targeting = { segment: "filed" };
  const content = { source: "files", features: [{ file: "a.yaml", featureId: "feat_filed", targeting }] };
  const plan = await call("POST", "/plan", content);
  expect(plan).toMatchObject({ status: 200 });
  const { hash, base } = plan.json;
  expect(await call("POST", "/apply", { ...content, hash, base })).toMatchObject({ status: 200 });
  expect((await pushed()).targeting.get("feat_filed")).toEqual(country("FI"));
  await call("PUT", "/segments/filed", { condition: country("EE") });
  expect((await call("GET", "/features/feat_filed")).json).toMatchObject({
    targeting,
    managedBy: { drift: [] },
  });
  expect((await call("POST", "/plan", content)).json).toMatchObject({ changed: false });
  expect(JSON.stringify((await call("GET", "/export?source=files")).json)).toContain(
    '"targeting":{"segment":"filed"}',
  );
  const wrong = { ...content, features: [{ ...content.features[0], targeting: { segment: "nobody" } }] };
  expect(await call("POST", "/plan", wrong)).toMatchObject({
    status: 400,
    json: { errors: [{ field: "features.0.targeting", detail: expect.stringContaining("no such segment") }] },
  });
});

test("a segment of a feature that needs a second person is changed by an admin's force alone, with a reason", async () => {
  await made("/segments", { segmentId: "guarded", condition: country("DE") });
  await made("/features", {
    featureId: "feat_guarded",
    tags: ["payment"],
    targeting: { segment: "guarded" },
  });
  const policy = await request("/approvals/policy", {
    method: "PUT",
    body: JSON.stringify({ tags: ["payment"], reason: "money" }),
    headers: { "if-match": '"0"' },
  });
  expect(policy.status).toBe(200);
  const path = "/segments/guarded";
  const condition = country("AT");
  expect(await call("PUT", path, { condition, reason: "wider" })).toMatchObject({
    status: 409,
    json: { reason: "approvalNeeded", tags: ["payment"] },
  });
  expect((await call("PUT", path, { description: "of nobody" })).status).toBe(200);
  expect((await call("PUT", `${path}?force=true`, { condition })).status).toBe(400);
  const editor = await call("POST", "/tokens", { name: "an editor", scope: "editor" });
  const as = { authorization: `Bearer ${String(editor.json["secret"])}` };
  expect((await call("PUT", `${path}?force=true`, { condition, reason: "now" }, as)).status).toBe(403);
  expect((await call("PUT", `${path}?force=true`, { condition, reason: "now" })).status).toBe(200);
  expect((await pushed()).targeting.get("feat_guarded")).toEqual(condition);
});

describe("who would get a feature", () => {
  test("is answered for a request that a person describes, with what of it meets which condition", async () => {
    await made("/segments", {
      segmentId: "asked",
      condition: { attribute: "claim:beta", operator: "equals", value: true },
    });
    const targeting = { operator: "or", conditions: [{ segment: "asked" }, country("DE")] };
    await made("/features", { featureId: "feat_asked", enabled: true, rolloutBps: 9_000, targeting });
    const path = "/features/feat_asked/evaluate";
    const asked = { visitor: "anon-1", claims: { beta: true }, country: "FR" };
    expect(await call("POST", path, asked)).toMatchObject({
      status: 200,
      json: {
        unit: "anon-1",
        open: true,
        cohort: "treatment",
        why: "bucket",
        bucket: expect.any(Number),
        targeting: {
          holds: true,
          conditions: [
            { segment: "asked", holds: true, within: { values: ["true"] } },
            { holds: false, values: ["FR"] },
          ],
        },
      },
    });
    expect((await call("POST", path, { visitor: "anon-1" })).json).toMatchObject({
      open: false,
      why: "notTargeted",
    });
  });

  test("is answered for fields that nobody saved, and saves none", async () => {
    const before = await call("GET", "/features/feat_asked");
    const feature = { targeting: null, rolloutBps: 0, holdoutBps: 0 };
    expect(
      (await call("POST", "/features/feat_asked/evaluate", { visitor: "anon-1", feature })).json,
    ).toMatchObject({ cohort: "off", why: "bucket", targeting: null });
    expect(await call("GET", "/features/feat_asked")).toEqual(before);
  });

  test.each([
    [{ feature: { targeting: { segment: "nobody" } } }, "feature.targeting"],
    [{ feature: { rolloutBps: 9_500 } }, "feature.rolloutBps"],
    [{ feature: { rolloutBps: 9_500, holdoutBps: 600 } }, "feature.holdoutBps"],
    [{ feature: { tags: ["a"] } }, "feature.tags"],
    [{ path: "shop" }, "path"],
    [{ country: "Germany" }, "country"],
    [{ visitor: "a\u0007" }, "visitor"],
    [{ headers: { a: 1 } }, "headers.a"],
    [{ unit: "anon-1" }, "unit"],
  ])("of %j is refused by the field", async (body, field) => {
    expect(await call("POST", "/features/feat_asked/evaluate", body)).toMatchObject({
      status: 400,
      json: { errors: [{ field }] },
    });
  });

  test("of an unknown feature is 404", async () => {
    expect((await call("POST", "/features/feat_nobody/evaluate", {})).status).toBe(404);
  });
});

test("what an edge held closed is closed in a restored database, and stays made of its segments", async () => {
  await made("/segments", { segmentId: "restored", condition: country("DE") });
  const targeting = { operator: "not", condition: { segment: "restored" } };
  for (const featureId of ["feat_lost_close", "feat_kept_open"])
    await made("/features", { featureId, enabled: true, rolloutBps: 1_000, targeting });
  const held = [
    { featureId: FeatureId.parse("feat_lost_close"), closed: true, epoch: 1 },
    { featureId: FeatureId.parse("feat_kept_open"), closed: false, epoch: 3 },
  ];
  const changes = makeFeatureChanges({ pool: database.servicePool, newId: () => crypto.randomUUID() });
  expect(await changes.recoverFeatures(held, { edge: "https://edge.example" })).toMatchObject({
    value: { closed: ["feat_lost_close"] },
  });
  await call("PUT", "/segments/restored", { condition: country("AT") });
  for (const [featureId, enabled] of [
    ["feat_lost_close", false],
    ["feat_kept_open", true],
  ] as const) {
    expect((await call("GET", `/features/${featureId}`)).json).toMatchObject({
      enabled,
      targeting,
      segments: ["restored"],
    });
    expect((await pushed()).targeting.get(featureId)).toEqual({ operator: "not", condition: country("AT") });
  }
});
