import { randomUUID } from "node:crypto";
import { afterAll, describe, expect, test } from "vitest";
import { makeAdminApp } from "../../support/admin-app.ts";
import { makeTestDatabase } from "../../support/database.ts";

const database = await makeTestDatabase();
afterAll(() => database.drop());

const { app, request } = makeAdminApp({ pool: database.pool });

type Json = Record<string, unknown>;

const call = async (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) => {
  const response = await request(path, {
    method,
    headers,
    body: body === undefined ? null : typeof body === "string" ? body : JSON.stringify(body),
  });
  const text = await response.text();
  const json: Json = text === "" ? {} : JSON.parse(text);
  return { status: response.status, headers: response.headers, json };
};

const makeFeature = async (more: Json = {}): Promise<string> => {
  const featureId = `feat_${randomUUID().slice(0, 8)}`;
  const { status } = await call("POST", "/features", { featureId, rolloutBps: 5000, ...more });
  expect(status).toBe(201);
  return featureId;
};

const goodRule = {
  activationThreshold: 0.15,
  retentionThreshold: 0.4,
  latencyP95Threshold: 200,
  minCohortSize: 5000,
  evaluationWindowSeconds: 14_400,
};

describe("who may call", () => {
  test.each([[undefined], ["Bearer wrong"], ["Basic dGhlLWFkbWluLXRva2Vu"], ["Bearer the-admin-token2"]])(
    "Authorization %s is 401",
    async (authorization) => {
      const response = await app.request("/admin/v1/features", {
        headers: authorization === undefined ? {} : { authorization },
      });
      expect(response.status).toBe(401);
      expect(response.headers.get("www-authenticate")).toContain("Bearer");
    },
  );
});

describe("features", () => {
  test("a new feature is closed and shown to nobody until it is enabled", async () => {
    const featureId = await makeFeature();
    const { json, headers } = await call("GET", `/features/${featureId}`);
    expect(json).toMatchObject({ featureId, enabled: false, rolloutBps: 5000, holdoutBps: 1000, version: 1 });
    expect(headers.get("etag")).toBe('"1"');
  });

  test("a second feature with the same id is 409", async () => {
    const featureId = await makeFeature();
    expect(await call("POST", "/features", { featureId })).toMatchObject({
      status: 409,
      json: { reason: "alreadyExists" },
    });
  });

  test("an error names each bad field", async () => {
    const { status, headers, json } = await call("POST", "/features", {
      featureId: "no spaces please",
      rolloutBps: 10_001,
      surprise: true,
    });
    expect(status).toBe(400);
    expect(headers.get("content-type")).toBe("application/problem+json");
    expect((json["errors"] as Json[]).map((error) => error["field"]).toSorted()).toEqual([
      "featureId",
      "rolloutBps",
      "surprise",
    ]);
  });

  test("rollout and holdout that overlap are refused", async () => {
    const { status, json } = await call("POST", "/features", {
      featureId: "feat_overlap",
      rolloutBps: 9500,
      holdoutBps: 1000,
    });
    expect(status).toBe(400);
    expect(JSON.stringify(json)).toContain("holdoutBps");
  });

  test("a share that is given as a fraction is refused with the unit that is meant", async () => {
    const { status, json } = await call("POST", "/features", { featureId: "feat_share", rolloutBps: 0.2 });
    expect(status).toBe(400);
    expect(json["errors"]).toEqual([
      {
        field: "rolloutBps",
        pointer: "/rolloutBps",
        detail: "must be a whole number of basis points from 0 to 10000 (2000 = 20 %)",
      },
    ]);
  });

  test("a new feature whose rollout leaves less than the default holdout says so, and can be sent back", async () => {
    const featureId = `feat_${randomUUID().slice(0, 8)}`;
    const made = await call("POST", "/features", { featureId, rolloutBps: 10_000 });
    expect(made).toMatchObject({ status: 201, json: { rolloutBps: 10_000, holdoutBps: 0 } });
    expect(made.json["warnings"]).toEqual([expect.stringContaining("nobody to compare with")]);
    const path = `/features/${featureId}`;
    expect((await call("PUT", path, made.json, { "if-match": '"1"' })).status).toBe(200);
    expect((await call("GET", path)).json).not.toHaveProperty("warnings");
    const named = await call("POST", "/features", {
      featureId: `feat_${randomUUID().slice(0, 8)}`,
      rolloutBps: 10_000,
      holdoutBps: 0,
    });
    expect(named.json).not.toHaveProperty("warnings");
  });

  test("targeting, routes and gate are stored as they were given, and removed by null or an empty value", async () => {
    const given = {
      targeting: {
        operator: "and",
        conditions: [
          { attribute: "country", operator: "in", values: ["DE", "AT"] },
          {
            operator: "not",
            condition: { attribute: "claim:plan", operator: "equals", value: "free" },
          },
        ],
      },
      routes: [{ path: "/checkout/:step?", methods: ["GET"] }],
      gate: { path: "/checkout-v2/:step", whenClosed: { action: "notFound" }, html: { flags: true } },
    };
    const featureId = await makeFeature(given);
    const path = `/features/${featureId}`;
    const { json } = await call("GET", path);
    expect(json).toMatchObject(given);
    const none = { targeting: null, gate: {}, routes: [] };
    expect((await call("PUT", path, none, { "if-match": '"1"' })).json).toMatchObject({
      targeting: null,
      routes: [],
      gate: null,
    });
  });

  test.each([
    [{ targeting: { operator: "matches", attribute: "path", value: "x" } }, "targeting.operator"],
    [{ routes: [{ path: "/a/(.*)+" }] }, "routes.0.path"],
    [{ gate: { upstream: "ftp://x" } }, "gate.upstream"],
    [{ gate: { whenClosed: { action: "notFound" } } }, "gate.whenClosed"],
  ])("%j is refused by its place", async (fields, field) => {
    const featureId = `feat_${randomUUID().slice(0, 8)}`;
    const { status, json } = await call("POST", "/features", { featureId, ...fields });
    expect({ status, fields: (json["errors"] as Json[]).map((error) => error["field"]) }).toEqual({
      status: 400,
      fields: [field],
    });
  });

  test("a body that is not JSON is 400", async () => {
    expect((await call("POST", "/features", "{nope")).status).toBe(400);
  });

  test("an edit needs the ETag it is based on: 428 without, 412 with an old one", async () => {
    const featureId = await makeFeature();
    const path = `/features/${featureId}`;
    expect((await call("PUT", path, { rolloutBps: 6000 })).status).toBe(428);
    expect((await call("PUT", path, { rolloutBps: 6000 }, { "if-match": '"1"' })).json["rolloutBps"]).toBe(
      6000,
    );
    expect(await call("PUT", path, { rolloutBps: 7000 }, { "if-match": '"1"' })).toMatchObject({
      status: 412,
      json: { have: 2 },
    });
    expect((await call("PUT", path, { rolloutBps: 7000 }, { "if-match": "W/abc" })).status).toBe(412);
  });

  test("If-Match may be a list, weak (a proxy that compresses makes it so), or any", async () => {
    const featureId = await makeFeature();
    const path = `/features/${featureId}`;
    const edit = async (ifMatch: string) =>
      (await call("PUT", path, { rolloutBps: 6000 }, { "if-match": ifMatch })).status;
    expect(await edit('"7", "1"')).toBe(200);
    expect(await edit('W/"2"')).toBe(200);
    expect(await edit("*")).toBe(200);
    expect(await edit('"1", "2", W/"3"')).toBe(412);
    expect(await edit('"04"')).toBe(412);
    expect(await edit("4")).toBe(412);
    expect(await edit('"5" "4"')).toBe(412);
  });

  test.each([
    ["PUT", "", { nonsense: 1 }],
    ["PUT", "/rule", { nonsense: 1 }],
    ["POST", "/rollback", {}],
    ["POST", "/enable", "{nope"],
    ["POST", "/rollout", { rolloutBps: 0.2 }],
  ])("a stale If-Match is told before the body is looked at: %s %s", async (method, path, body) => {
    const featureId = await makeFeature();
    expect(await call(method, `/features/${featureId}${path}`, body, { "if-match": '"9"' })).toMatchObject({
      status: 412,
      json: { have: 1 },
    });
    expect((await call(method, `/features/feat_absent${path}`, body, { "if-match": '"9"' })).status).toBe(
      404,
    );
  });

  test("a document that was read before somebody changed the feature is 412 when it is sent back, not 400", async () => {
    const featureId = await makeFeature();
    const path = `/features/${featureId}`;
    const { json } = await call("GET", path);
    expect((await call("PUT", path, { rolloutBps: 100 }, { "if-match": '"1"' })).status).toBe(200);
    expect((await call("PUT", path, json, { "if-match": '"1"' })).status).toBe(412);
  });

  test.each([
    ["NUL", "a\0b", "NUL"],
    ["half of a surrogate pair", "\ud83d", "well-formed"],
    ["the other half", "x\udc00", "well-formed"],
  ])("text with %s is refused with its field's name, in any field", async (_title, text, words) => {
    const featureId = await makeFeature();
    const path = `/features/${featureId}`;
    const refusedAt = async (field: string, method: string, at: string, body: unknown) =>
      expect(await call(method, at, body, { "if-match": '"1"' }), field).toMatchObject({
        status: 400,
        json: { errors: [{ field, detail: expect.stringContaining(words) as string }] },
      });
    await refusedAt("reason", "POST", `${path}/rollback`, { reason: text });
    await refusedAt("tags.1", "PUT", path, { tags: ["a", text] });
    await refusedAt(`targeting.${text}`, "PUT", path, { targeting: { [text]: 1 } });
    await refusedAt("tag", "POST", "/rollback", { tag: text, reason: "x" });
  });

  test("a reason in the query is held to the bounds of a reason in a body", async () => {
    const featureId = await makeFeature();
    const remove = (reason: string) =>
      call("DELETE", `/features/${featureId}?reason=${reason}`, undefined, { "if-match": '"1"' });
    for (const reason of ["%00", "", "x".repeat(2_001)])
      expect(await remove(reason)).toMatchObject({ status: 400, json: { errors: [{ field: "reason" }] } });
    expect((await remove("gone")).status).toBe(204);
  });

  test("a document can be sent back as it was read, but not with a changed read-only field", async () => {
    const featureId = await makeFeature();
    const path = `/features/${featureId}`;
    const { json } = await call("GET", path);
    expect((await call("PUT", path, { ...json, rolloutBps: 100 }, { "if-match": '"1"' })).status).toBe(200);
    const refused = await call("PUT", path, { epoch: 9 }, { "if-match": '"2"' });
    expect(refused).toMatchObject({ status: 400, json: { errors: [{ field: "epoch" }] } });
  });

  test("a deleted feature is gone", async () => {
    const featureId = await makeFeature();
    expect((await call("DELETE", `/features/${featureId}`)).status).toBe(428);
    const headers = { "if-match": '"1"' };
    expect((await call("DELETE", `/features/${featureId}`, undefined, headers)).status).toBe(204);
    expect((await call("GET", `/features/${featureId}`)).status).toBe(404);
  });

  test("features are listed page by page", async () => {
    await makeFeature();
    await makeFeature();
    const first = await call("GET", "/features?limit=1");
    expect(first.json["features"]).toHaveLength(1);
    const second = await call("GET", `/features?limit=1&after=${String(first.json["next"])}`);
    expect(second.json["features"]).not.toEqual(first.json["features"]);
    expect(await call("GET", "/features?limit=0")).toMatchObject({
      status: 400,
      json: { errors: [{ field: "limit" }] },
    });
  });
});

describe("rules", () => {
  test.each([
    [{ activationThreshold: 1.5 }, "activationThreshold"],
    [{ retentionThreshold: -0.1 }, "retentionThreshold"],
    [{ latencyP95Threshold: 0 }, "latencyP95Threshold"],
    [{ minCohortSize: 0 }, "minCohortSize"],
    [{ evaluationWindowSeconds: 1.5 }, "evaluationWindowSeconds"],
    [{ activationTreshold: 0.1 }, "activationTreshold"],
    [{ ramp: { stagesBps: [500, 100], minStageSeconds: 60 } }, "ramp.stagesBps"],
    [{ compare: { activation: "yesterday" } }, "compare.activation"],
    [{ featureId: "feat_other" }, "featureId"],
  ])("%j is refused and %s named", async (wrong, field) => {
    const featureId = await makeFeature();
    const { status, json } = await call("PUT", `/features/${featureId}/rule`, { ...goodRule, ...wrong });
    expect(status).toBe(400);
    expect((json["errors"] as Json[]).map((error) => error["field"])).toEqual([field]);
  });

  test("a first rule needs no ETag, the next one does", async () => {
    const featureId = await makeFeature();
    const path = `/features/${featureId}/rule`;
    expect((await call("GET", path)).status).toBe(404);
    const first = await call("PUT", path, goodRule);
    expect(first).toMatchObject({ status: 201, json: { ...goodRule, featureId, mode: "shadow" } });
    expect((await call("PUT", path, goodRule)).status).toBe(428);
    const etag = (await call("GET", path)).headers.get("etag") ?? "";
    expect((await call("PUT", path, { ...goodRule, mode: "enforce" }, { "if-match": etag })).status).toBe(
      200,
    );
    expect((await call("GET", path)).json["mode"]).toBe("enforce");
  });
});

describe("a rule that cannot work", () => {
  test("is set with a warning that has the figures, which the signals show too", async () => {
    const featureId = await makeFeature({ holdoutBps: 5000 });
    const { status, json } = await call("PUT", `/features/${featureId}/rule`, goodRule);
    expect(status).toBe(201);
    const warning =
      "activationWindowSeconds is 86400 (1 d) and the deadline, evaluationWindowSeconds, is 14400 (4 h): nobody has had the whole window before it";
    expect(json["warnings"]).toContain(warning);
    expect(json).toMatchObject(goodRule);
    const { json: signals } = await call("GET", `/features/${featureId}/signals`);
    expect(signals["ruleWarnings"]).toContain(warning);
    await database.pool.query(
      `insert into outcome_counts (feature_id, epoch, cohort, signal, age_s, bucket_s, units)
       values ($1, 1, 'treatment', 'exposure', 0, extract(epoch from now())::bigint - 60, 50)`,
      [featureId],
    );
    await database.pool.query(
      "update feature_flags set epoch_started_at = now() - interval '2 days' where feature_id = $1",
      [featureId],
    );
    const longer = { ...goodRule, evaluationWindowSeconds: 1_209_600 };
    const set = await call("PUT", `/features/${featureId}/rule`, longer, { "if-match": "*" });
    expect(set.json["warnings"]).toContain(
      "at the last day's 50 new units in treatment 650 are mature for activation at the deadline, and minCohortSize is 5,000",
    );
  });

  test("for its comparison keeps its holdout, whichever route would take it, and a small one is warned about", async () => {
    const featureId = await makeFeature({ holdoutBps: 5000 });
    const rule = { ...goodRule, compare: { activation: "both" } };
    expect((await call("PUT", `/features/${featureId}/rule`, rule)).status).toBe(201);
    const shares = { rolloutBps: 5000, holdoutBps: 0, reason: "test" };
    for (const [method, path] of [
      ["POST", "/rollout"],
      ["POST", "/enable"],
      ["PUT", ""],
    ] as const) {
      const { status, json } = await call(method, `/features/${featureId}${path}`, shares, {
        "if-match": "*",
      });
      expect(status).toBe(400);
      expect(json).toMatchObject({
        errors: [
          { field: "holdoutBps", detail: expect.stringMatching(/compare\.activation .* set the rule first/) },
        ],
      });
    }
    const small = { ...shares, holdoutBps: 1 };
    const warning = expect.stringMatching(
      /^the holdout of 0\.01 % is small beside a rollout of 50 %: .* after [\d,]+ units/,
    );
    for (const [method, path, body] of [
      ["POST", "/rollout", small],
      ["PUT", "", { holdoutBps: 2 }],
      ["POST", "/enable", small],
    ] as const) {
      const { status, json } = await call(method, `/features/${featureId}${path}`, body, { "if-match": "*" });
      expect(status).toBe(200);
      expect(json["warnings"]).toContainEqual(path === "" ? expect.stringContaining("of 0.02 %") : warning);
    }
    expect((await call("PUT", `/features/${featureId}/rule`, goodRule, { "if-match": "*" })).status).toBe(
      200,
    );
    expect((await call("POST", `/features/${featureId}/rollout`, shares)).status).toBe(200);
  });

  test("of thresholds of 0 alone is refused by its field", async () => {
    const featureId = await makeFeature();
    const nothing = { ...goodRule, activationThreshold: 0, retentionThreshold: 0, errorRateThreshold: 0 };
    const { status, json } = await call("PUT", `/features/${featureId}/rule`, nothing);
    expect(status).toBe(400);
    expect(JSON.stringify(json)).toContain("errorRateThreshold");
  });
});

describe("a new trial", () => {
  test("needs an open feature and a reason, and changes nothing but the trial", async () => {
    const featureId = await makeFeature();
    const begin = (body: Json) => call("POST", `/features/${featureId}/trial`, body);
    expect((await begin({ reason: "mended" })).status).toBe(409);
    await call("POST", `/features/${featureId}/enable`, { reason: "go" });
    expect((await begin({})).status).toBe(400);
    const { status, json } = await begin({ reason: "mended" });
    expect(status).toBe(200);
    expect(json).toMatchObject({ featureId, enabled: true, rolloutBps: 5000, holdoutBps: 1000, version: 3 });
    const { json: audit } = await call("GET", `/audit?featureId=${featureId}&limit=1`);
    expect(audit["entries"]).toMatchObject([{ action: "rollout", reason: "mended" }]);
  });
});

describe("opening and closing", () => {
  test("enable, rollback and rollout need a reason", async () => {
    const featureId = await makeFeature();
    for (const action of ["enable", "rollback", "rollout"]) {
      const { status, json } = await call("POST", `/features/${featureId}/${action}`, { rolloutBps: 100 });
      expect(status).toBe(400);
      expect(JSON.stringify(json)).toContain("reason");
    }
  });

  test("a rollback closes, is in the audit with its reason, and enable begins a new epoch at the old rollout", async () => {
    const featureId = await makeFeature();
    const opened = await call("POST", `/features/${featureId}/enable`, { reason: "launch" });
    expect(opened.json).toMatchObject({ enabled: true, rolloutBps: 5000 });
    const closed = await call("POST", `/features/${featureId}/rollback`, { reason: "it hurts" });
    expect(closed.json).toMatchObject({ enabled: false, rolloutBps: 0, rollbackReason: "it hurts" });
    expect((await call("POST", `/features/${featureId}/rollback`, { reason: "again" })).status).toBe(409);
    const again = await call("POST", `/features/${featureId}/enable`, { reason: "fixed" });
    expect(again.json).toMatchObject({ enabled: true, rolloutBps: 5000 });
    expect(Number(again.json["epoch"])).toBeGreaterThan(Number(closed.json["epoch"]));
    const audit = await call("GET", `/audit?featureId=${featureId}`);
    const entries = audit.json["entries"] as Json[];
    expect(entries.map((entry) => [entry["action"], entry["reason"]])).toEqual([
      ["enable", "fixed"],
      ["rollback", "it hurts"],
      ["enable", "launch"],
      ["create", "created"],
    ]);
    const rollbacks = await call("GET", `/audit?featureId=${featureId}&action=rollback`);
    expect(rollbacks.json["entries"]).toMatchObject([{ action: "rollback", reason: "it hurts" }]);
    expect((await call("GET", "/audit?action=explode")).status).toBe(400);
  });

  test.each([
    ["rollout", "POST", "/rollout", { rolloutBps: 10_000, reason: "for all" }],
    ["enable", "POST", "/enable", { rolloutBps: 10_000, reason: "for all" }],
    ["edit", "PUT", "", { rolloutBps: 10_000 }],
  ])(
    "%s with a rollout that leaves no room for the holdout is refused, unless it names the holdout",
    async (_, method, path, body) => {
      const featureId = await makeFeature();
      const send = (more: Json) =>
        call(method, `/features/${featureId}${path}`, { ...body, ...more }, { "if-match": '"1"' });
      const refused = await send({});
      expect(refused.status).toBe(400);
      expect(refused.json["errors"]).toEqual([
        {
          field: "rolloutBps",
          pointer: "/rolloutBps",
          detail: expect.stringMatching(
            /^the holdout of 1000 bps \(10 %\) leaves at most 9000; name holdoutBps in the same request/,
          ),
        },
      ]);
      expect((await call("GET", `/features/${featureId}`)).json).toMatchObject({ version: 1 });
      expect(await send({ holdoutBps: 1 })).toMatchObject({
        status: 400,
        json: { errors: [{ field: "holdoutBps" }] },
      });
      expect(await send({ holdoutBps: 0 })).toMatchObject({
        status: 200,
        json: { rolloutBps: 10_000, holdoutBps: 0 },
      });
    },
  );

  test("signals of a feature that cannot be counted say why, since when, and how much of it waits", async () => {
    const featureId = await makeFeature();
    const signals = () => call("GET", `/features/${featureId}/signals`);
    expect((await signals()).json).not.toHaveProperty("setAside");
    await database.pool.query(
      "insert into fold_quarantine values ($1, 1, 2, '2026-11-01Z', 'out of range')",
      [featureId],
    );
    await database.pool.query(
      "insert into fold_set_aside (feature_id, epoch, partition, at, records, span_keys, block) values ($1, 1, 2, now(), 7, '', '')",
      [featureId],
    );
    expect((await signals()).json).toMatchObject({
      setAside: { spans: 7, since: "2026-11-01T00:00:00.000Z", reason: "out of range" },
    });
  });

  test("signals show the hours of the trial that were not as usual", async () => {
    const featureId = await makeFeature();
    const signals = () => call("GET", `/features/${featureId}/signals`);
    expect((await signals()).json).not.toHaveProperty("anomalies");
    const hourS = Math.floor(Date.now() / 3_600_000) * 3_600;
    const since = hourS - 30 * 3_600;
    await database.pool.query(
      `insert into arrivals select $1, 1, $2::bigint - n * 3600, case n when 3 then 5000 else 100 end, 50, 2
       from generate_series(1, 29) n`,
      [featureId, hourS],
    );
    expect((await signals()).json).not.toHaveProperty("anomalies");
    await database.pool.query(
      `insert into pmf_trials (feature_id, epoch, terms, seq, decided, cause, evidence, treatment_sketch, holdout_sketch)
       values ($1, 1, '', 1, null, '{}', $2, '', '')`,
      [featureId, JSON.stringify({ since, sampleRatio: { since } })],
    );
    expect((await signals()).json).toMatchObject({
      anomalies: [
        {
          from: new Date((hourS - 3 * 3_600) * 1_000).toISOString(),
          kind: "crowd",
          units: 5_000,
          seenAgain: 50,
          largestNetwork: 2,
          usual: 100,
        },
      ],
    });
  });

  test("signals say what was not counted and why, and that only bots have met the feature", async () => {
    const featureId = await makeFeature();
    const signals = () => call("GET", `/features/${featureId}/signals`);
    expect((await signals()).json).toMatchObject({ notCounted: {} });
    await database.pool.query(
      "insert into uncounted_signals values ($1, 1, 'unit-share', 7), ($1, 1, 'network-share', 5), ($1, 2, 'unit-share', 9)",
      [featureId],
    );
    expect((await signals()).json).toMatchObject({ notCounted: { "network-share": 5, "unit-share": 7 } });
    expect((await signals()).json).not.toHaveProperty("note");
    await database.pool.query("insert into bot_requests (feature_id, epoch, requests) values ($1, 1, 12)", [
      featureId,
    ]);
    expect((await signals()).json).toMatchObject({
      botRequests: 12,
      note: "Nobody is counted yet: only bots met the feature (requests: 12), and bots are not counted. curl is a bot; visit with a browser.",
    });
    await database.pool.query(
      `insert into outcome_counts (feature_id, epoch, cohort, signal, age_s, bucket_s, units)
       values ($1, 1, 'holdout', 'exposure', 0, 0, 1)`,
      [featureId],
    );
    expect((await signals()).json).not.toHaveProperty("note");
  });

  test("an unknown feature is 404 everywhere", async () => {
    for (const [method, path] of [
      ["GET", ""],
      ["GET", "/rule"],
      ["GET", "/evaluations"],
      ["GET", "/signals"],
      ["POST", "/rollback"],
    ] as const) {
      const body = method === "POST" ? { reason: "x" } : undefined;
      expect((await call(method, `/features/feat_nowhere${path}`, body)).status).toBe(404);
    }
  });
});
