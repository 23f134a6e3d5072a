// The last released version and this one beside each other, on one database, one Redis and two edges, and both ways back.
// Each Worker sends its telemetry to the origin of the other version, and each origin pushes to both Workers.
import { randomBytes, randomUUID } from "node:crypto";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { freePort } from "../../origin/db/free-port.ts";
import { migrationNames } from "../../origin/db/migrate.ts";
import { buildEdge } from "../../scripts/local-stack/build-edge.ts";
import { bundleEdge, startEdge, type EdgeServer } from "../../scripts/local-stack/edge-server.ts";
import { runCli } from "../support/cli.ts";
import { makeTestDatabase, type TestDatabase } from "../support/database.ts";
import { startEchoUpstream } from "../support/echo-upstream.ts";
import { ADMIN_TOKEN, ORIGIN_INGEST_TOKEN, startOrigin, type OriginUnderTest } from "../support/origin.ts";
import { jsonRequest, type TestSpan } from "../support/otlp-spans.ts";
import { startRedis } from "../support/redis.ts";
import { lastRelease, missingRelease, unpackRelease } from "../support/released-version.ts";
import { eventually } from "../support/stack.ts";

const PUSH_KEYS = "k1:push-key-of-the-upgrade-tests-0123456789abcdefghijklmnop";
const BROWSER = { "user-agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0" };

const release = await lastRelease();
const missing = missingRelease(release);
// CI clones the whole history, and a test that is left out there would be believed to have passed.
if (missing !== null && process.env["CI"] !== undefined) throw new Error(missing);
if (missing !== null) process.stderr.write(`released-version.test.ts is left out: ${missing}\n`);

type Version = "old" | "new";
const VERSIONS: readonly Version[] = ["old", "new"];

const folder = await mkdtemp(join(tmpdir(), "sluice-released-"));
const oldCode = join(folder, "code");
const stops: (() => Promise<unknown>)[] = [() => rm(folder, { recursive: true, force: true })];
afterAll(async () => {
  for (const stop of stops.toReversed()) await stop();
});

let database: TestDatabase;
let originEnv: Readonly<Record<string, string>>;
let upstreamUrl: string;
const ports = { old: await freePort(), new: await freePort() };
const edgePorts = { old: await freePort(), new: await freePort() };
const origins: Partial<Record<Version, OriginUnderTest>> = {};
const edges: Partial<Record<Version, EdgeServer>> = {};

const startOriginOf = async (version: Version): Promise<OriginUnderTest> => {
  const code = version === "old" ? [oldCode] : [];
  const origin = await startOrigin({ ...originEnv, ORIGIN_PORT: String(ports[version]) }, ...code);
  origins[version] = origin;
  stops.push(() => origin.end("SIGKILL"));
  return origin;
};
const originOf = (version: Version): OriginUnderTest => {
  const origin = origins[version];
  if (origin === undefined) throw new Error(`the ${version} origin was not started`);
  return origin;
};

/** `state` names the edge: its hub, replicas, KV and port are kept over a change of the Worker's version. */
const startEdgeOf = async (version: Version, state: Version = version): Promise<void> => {
  const edge = await startEdge({
    bundleDir: version === "old" ? join(folder, "bundle-old") : await buildEdge(),
    stateDir: join(folder, `edge-${state}`),
    port: edgePorts[state],
    ...(version === "old" ? { config: join(oldCode, "wrangler.toml") } : {}),
    bindings: {
      UPSTREAM_URL: upstreamUrl,
      ORIGIN_URL: `http://127.0.0.1:${ports[state === "old" ? "new" : "old"]}`,
      INGEST_TOKEN: ORIGIN_INGEST_TOKEN,
      PUSH_KEYS,
      COOKIE_KEYS: "c1:cookie-key-of-the-upgrade-tests-0123456789abcdefghijklmnop",
    },
  });
  edges[state] = edge;
  stops.push(async () => {
    if (edges[state] === edge) await edge.stop();
  });
};
const stopEdge = async (state: Version): Promise<void> => {
  await edges[state]?.stop();
  delete edges[state];
};

type Visit = { readonly features: string; readonly cookie: string };
/** What the upstream was told of the visitor, and the visitor's cookie. */
const visit = async (edge: Version, { cookie = "", path = "/" } = {}): Promise<Visit> => {
  const answer = await fetch(`http://127.0.0.1:${edgePorts[edge]}${path}`, {
    headers: { ...BROWSER, ...(cookie === "" ? {} : { cookie }) },
  });
  expect(answer.status).toBe(200);
  const made = answer.headers.get("set-cookie")?.split(";")[0];
  return { features: await answer.text(), cookie: made ?? cookie };
};
const seenAt = (edge: Version, text: string, isThere = true) =>
  eventually(async () => (await visit(edge)).features.includes(text) === isThere);
const seenEverywhere = async (text: string, isThere = true): Promise<void> => {
  for (const edge of VERSIONS) await seenAt(edge, text, isThere);
};

const sendSpans = async (version: Version, spans: readonly TestSpan[]): Promise<void> => {
  const answer = await fetch(`${originOf(version).url}/v1/traces`, {
    method: "POST",
    headers: { authorization: `Bearer ${ORIGIN_INGEST_TOKEN}`, "content-type": "application/json" },
    body: JSON.stringify(jsonRequest(spans)),
  });
  expect(answer.status).toBe(200);
};
const exposedOf = async (featureId: string): Promise<number> => {
  const { rows } = await database.pool.query<{ units: number }>(
    "select count(*)::integer as units from feature_exposures where feature_id = $1",
    [featureId],
  );
  return rows[0]?.units ?? 0;
};
/** What must not change by itself. */
const storedFeatures = async (): Promise<readonly object[]> => {
  const { rows } = await database.pool.query<object>(
    `select f.feature_id, f.version, f.epoch, f.enabled, f.rollout_bps, f.holdout_bps, r.rule,
       (select count(*) from rollback_audit a where a.feature_id = f.feature_id) as audited,
       -- No visitor meets it, so nothing of it is on its way.
       (select count(*) from feature_units where feature_id = 'feat_shared') as units
     from feature_flags f left join pmf_rules r using (feature_id) order by 1`,
  );
  return rows;
};
/** The log lines of an origin that tells of errors alone. */
const complaintsOf = (version: Version): string[] =>
  originOf(version)
    .output()
    .split("\n")
    .filter((line) => line.startsWith("{"));

beforeAll(async () => {
  if (missing !== null) return;
  await mkdir(oldCode);
  await unpackRelease(release, oldCode);
  database = await makeTestDatabase();
  stops.push(() => database.drop());
  await database.pool.query("drop schema public cascade");
  await database.pool.query("create schema public");
  const redis = await startRedis();
  stops.push(() => redis.stop());
  const upstream = await startEchoUpstream();
  upstreamUrl = upstream.url;
  stops.push(() => upstream.stop());
  originEnv = {
    DATABASE_URL: database.url,
    REDIS_URL: redis.url,
    EDGE_URLS: VERSIONS.map((edge) => `http://127.0.0.1:${edgePorts[edge]}`).join(","),
    PUSH_KEYS,
    SESSION_KEYS: "s1:session-key-of-the-upgrade-tests-0123456789abcdefghijklmnop",
    EVALUATE_EVERY_MS: "200",
    LOG_LEVEL: "error",
  };
  await bundleEdge(join(folder, "bundle-old"), join(oldCode, "wrangler.toml"));
}, 120_000);

/** Every GET of the admin API of the old version that takes no parameter, or that of a feature, with its status. */
const askedOfOld = async (featureId: string): Promise<Record<string, number>> => {
  const { url } = originOf("old");
  const document = await (await fetch(`${url}/openapi.json`)).json();
  const { paths } = document as { paths: Record<string, Record<string, unknown>> };
  const asked: Record<string, number> = {};
  for (const [path, operations] of Object.entries(paths)) {
    const filled = path.replace("{featureId}", featureId);
    if (operations["get"] === undefined || filled.includes("{") || path.endsWith("/events")) continue;
    const answer = await fetch(`${url}/admin/v1${filled}`, {
      headers: { authorization: `Bearer ${ADMIN_TOKEN}` },
    });
    await answer.arrayBuffer();
    asked[path] = answer.status;
  }
  return asked;
};
let answersOfOldAlone: Record<string, number> = {};

/** Open for everybody. */
const open = (version: Version, featureId: string, more: object = {}) =>
  originOf(version).admin("POST", "/features", {
    featureId,
    enabled: true,
    rolloutBps: 10_000,
    holdoutBps: 0,
    ...more,
  });

/** A feature that nobody uses, and a rule that sees it at once. */
const openUseless = async (version: Version, featureId: string): Promise<void> => {
  await open(version, featureId, {
    enabled: false,
    rolloutBps: 9_000,
    activation: { path: "/checkout", method: "POST" },
  });
  await originOf(version).admin("PUT", `/features/${featureId}/rule`, {
    activationThreshold: 0.5,
    retentionThreshold: 0,
    latencyP95Threshold: 10_000,
    minCohortSize: 100,
    evaluationWindowSeconds: 3_600,
    activationWindowSeconds: 1,
    retentionWindowSeconds: 2,
    returnAfterSeconds: 1,
    mode: "enforce",
  });
  await originOf(version).admin("POST", `/features/${featureId}/enable`, { reason: "launch" });
};

describe.skipIf(missing !== null)(`version ${release.version} and this one`, () => {
  test("a new origin migrates the database of an old one, which goes on without a word of complaint", async () => {
    const old = await startOriginOf("old");
    await Promise.all(VERSIONS.map((edge) => startEdgeOf(edge)));
    await open("old", "feat_by_old");
    await old.admin("PUT", "/features/feat_by_old/rule", {
      activationThreshold: 0.1,
      retentionThreshold: 0.1,
      latencyP95Threshold: 1_000,
      minCohortSize: 100,
      evaluationWindowSeconds: 3_600,
      ramp: { stagesBps: [5_000, 10_000], minStageSeconds: 60 },
    });
    await seenEverywhere("feat_by_old=treatment");
    answersOfOldAlone = await askedOfOld("feat_by_old");
    expect(Object.values(answersOfOldAlone)).toContain(200);

    await startOriginOf("new");
    const { rows } = await database.pool.query<{ name: string }>(
      "select name from schema_migrations order by name",
    );
    expect(rows.map(({ name }) => name)).toEqual(await migrationNames());
    expect((await fetch(`${old.url}/readyz`)).status).toBe(200);
    await open("old", "feat_by_old_later");
    await open("new", "feat_by_new");
    await seenEverywhere("feat_by_old_later=treatment");
    await seenEverywhere("feat_by_new=treatment");
    expect(complaintsOf("old")).toEqual([]);
  });

  test("a change at an origin of either version reaches Workers of both, and each opens what the other has closed", async () => {
    for (const [closer, opener] of [
      ["old", "new"],
      ["new", "old"],
    ] as const) {
      await originOf(closer).admin("POST", "/features/feat_by_new/rollback", { reason: "too slow" });
      await seenEverywhere("feat_by_new", false);
      await originOf(opener).admin("POST", "/features/feat_by_new/enable", { reason: "tried again" });
      await seenEverywhere("feat_by_new=treatment");
    }
    expect(await originOf("old").admin("GET", "/audit/verify")).toMatchObject({ ok: true });
    expect(await originOf("new").admin("GET", "/audit/verify")).toMatchObject({ ok: true });
  });

  test("telemetry that goes to both versions is counted once, and both tell the same counts", async () => {
    await open("new", "feat_counted", { routes: [{ path: "/counted" }] });
    await seenEverywhere("feat_by_new=treatment");
    for (const edge of VERSIONS)
      await eventually(async () =>
        (await visit(edge, { path: "/counted" })).features.includes("feat_counted=treatment"),
      );
    const spansOf = (from: number, to: number): TestSpan[] =>
      Array.from({ length: to - from }, (_, i) => ({
        feature: "feat_shared",
        unit: `unit-${from + i}`,
        variant: "treatment",
        epoch: 1,
      }));
    await open("old", "feat_shared", { routes: [{ path: "/nowhere" }] });
    await sendSpans("old", spansOf(0, 60));
    await sendSpans("new", spansOf(40, 100));
    // The same spans again, at the other version, as a sender does whose answer was lost.
    const again = Array.from({ length: 20 }, (_, i) => ({
      feature: "feat_shared",
      unit: `unit-${100 + i}`,
      variant: "treatment",
      epoch: 1,
      traceId: randomBytes(16).toString("hex"),
      spanId: randomBytes(8).toString("hex"),
    }));
    await sendSpans("old", again);
    await sendSpans("new", again);
    await eventually(async () => (await exposedOf("feat_shared")) >= 120);
    for (const version of VERSIONS)
      expect(await originOf(version).admin("GET", "/features/feat_shared/signals")).toMatchObject({
        cohorts: { treatment: { exposed: 120 } },
      });

    const before = await exposedOf("feat_counted");
    for (const edge of VERSIONS) for (let i = 0; i < 5; i += 1) await visit(edge, { path: "/counted" });
    await eventually(async () => (await exposedOf("feat_counted")) >= before + 10);
  });

  test("a failing feature that either version made is rolled back once, at Workers of both", async () => {
    await openUseless("old", "feat_useless_0");
    await openUseless("new", "feat_useless_1");
    for (const [i, version] of VERSIONS.entries())
      await sendSpans(
        version,
        Array.from({ length: 400 }, () => ({
          feature: `feat_useless_${1 - i}`,
          unit: randomUUID(),
          variant: "treatment",
          epoch: 2,
        })),
      );
    for (const i of [0, 1]) {
      await eventually(
        async () => (await originOf("old").admin("GET", `/features/feat_useless_${i}`))["enabled"] === false,
        40_000,
      );
      await seenEverywhere(`feat_useless_${i}=`, false);
    }
    const { rows } = await database.pool.query<{ feature_id: string }>(
      "select feature_id from rollback_audit where action = 'rollback' and feature_id like 'feat_useless%' order by 1",
    );
    expect(rows.map((row) => row.feature_id)).toEqual(["feat_useless_0", "feat_useless_1"]);
  });

  test("the old version answers all that it answered before, after the new one has written all that it can", async () => {
    const { admin } = originOf("new");
    await admin("POST", "/annotations", {
      at: new Date().toISOString(),
      title: "deploy",
      features: ["feat_by_old"],
    });
    await admin("POST", "/features/feat_by_old/ramp", { paused: true, reason: "holidays" });
    for (const change of [{ kind: "ramp", paused: false }, { kind: "rollback" }])
      await admin("POST", "/schedules", {
        featureId: "feat_by_old",
        change,
        at: "2029-01-01T09:00",
        zone: "Europe/Berlin",
        reason: "planned",
      });
    await admin("POST", "/tokens", { name: "by the new one", scope: "viewer" });
    expect(await askedOfOld("feat_by_old")).toEqual(answersOfOldAlone);
    expect(complaintsOf("old")).toEqual([]);
  });

  test("an old origin that dies starts again on the newer database", async () => {
    await originOf("old").end("SIGKILL");
    const old = await startOriginOf("old");
    expect((await fetch(`${old.url}/readyz`)).status).toBe(200);
    await old.admin("POST", "/features/feat_by_new/rollback", { reason: "too slow" });
    await seenEverywhere("feat_by_new", false);
  });

  test("an old origin alone goes on where the new one has ended, with every feature, change and count", async () => {
    const before = await storedFeatures();
    expect(await originOf("new").end("SIGTERM")).toBe(0);
    expect(complaintsOf("new")).toEqual([]);
    await originOf("old").end("SIGTERM");
    const old = await startOriginOf("old");
    expect(await storedFeatures()).toEqual(before);
    expect(await old.admin("GET", "/audit/verify")).toMatchObject({ ok: true });
    await old.admin("POST", "/features/feat_by_old_later/rollback", { reason: "too slow" });
    await seenEverywhere("feat_by_old_later", false);
    const units = await exposedOf("feat_shared");
    await sendSpans("old", [{ feature: "feat_shared", unit: "late", variant: "treatment", epoch: 1 }]);
    await eventually(async () => (await exposedOf("feat_shared")) === units + 1);
    expect(complaintsOf("old")).toEqual([]);
    await startOriginOf("new");
    expect(await originOf("new").admin("GET", "/features/feat_by_old_later")).toMatchObject({
      enabled: false,
    });
  });

  test("a Worker of the other version takes over hub, KV and cookies, and nothing that was closed opens", async () => {
    await open("new", "feat_half", { rolloutBps: 5_000, holdoutBps: 5_000 });
    await seenEverywhere("feat_half=");
    await Promise.all(VERSIONS.map((version) => originOf(version).end("SIGTERM")));
    for (const version of VERSIONS) {
      const visitors = await Promise.all(Array.from({ length: 8 }, () => visit(version)));
      const other = version === "old" ? "new" : "old";
      for (const running of [other, version] as const) {
        await stopEdge(version);
        await startEdgeOf(running, version);
        // No origin runs: what it serves is what the other version had stored.
        for (const { cookie, features } of visitors)
          expect(await visit(version, { cookie })).toEqual({ cookie, features });
        expect(visitors[0]?.features).not.toMatch(/feat_by_new|feat_by_old_later|feat_useless/);
      }
    }
    const old = await startOriginOf("old");
    await old.admin("POST", "/features/feat_half/rollback", { reason: "too slow" });
    await seenEverywhere("feat_half", false);
  });

  test("what an old origin cannot count once a partition has moved is kept, and counted when it has ended", async () => {
    const further = await makeTestDatabase();
    stops.push(() => further.drop());
    originEnv = { ...originEnv, AGGREGATE_DATABASE_URLS: `a=${further.url}` };
    await startOriginOf("new");
    const countedOf = async ({ pool }: TestDatabase): Promise<number> => {
      const { rows } = await pool.query<{ units: number }>(
        `select coalesce(sum(units), 0)::integer as units from outcome_counts_by_partition
         where feature_id = 'feat_shared' and signal = 'exposure'`,
      );
      return rows[0]?.units ?? 0;
    };
    const before = await exposedOf("feat_shared");
    // One of the new origin, which shares the partitions with the old one.
    const env = { DATABASE_URL: database.url, AGGREGATE_DATABASE_URLS: `a=${further.url}` };
    expect(await runCli(["partitions", "move", "3", "--to", "a"], env)).toMatchObject({ code: 0 });
    for (const version of VERSIONS)
      await sendSpans(
        version,
        Array.from({ length: 100 }, () => ({
          feature: "feat_shared",
          unit: randomUUID(),
          variant: "treatment",
          epoch: 1,
        })),
      );
    const counted = async (): Promise<number> =>
      (await countedOf(database)) + (await countedOf(further)) - before;
    const setAside = async (): Promise<number> => {
      const { rows } = await database.pool.query<{ records: number }>(
        "select coalesce(sum(records), 0)::integer as records from fold_set_aside where feature_id = 'feat_shared'",
      );
      return rows[0]?.records ?? 0;
    };
    // Each time that the old fold fails the new one may take its partitions over: then nothing has to be set aside.
    await eventually(async () => (await counted()) + (await setAside()) === 200, 30_000);
    const refusal = "an origin of an older version cannot fold here, update it";
    await eventually(async () => complaintsOf("old").join().includes(refusal), 30_000);
    await originOf("old").end("SIGTERM");
    await eventually(async () => (await counted()) === 200, 90_000);
    expect(await setAside()).toBe(0);
  });
});
