// A standby of a real PostgreSQL is promoted and lacks the last commits. Real origins, real edges: what was closed stays
// closed, whatever the new primary knows.
import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test, vi } from "vitest";
import { freePort } from "../../origin/db/free-port.ts";
import { startEmbeddedPostgres, type EmbeddedPostgres } from "../../origin/db/embedded-postgres.ts";
import { migrate } from "../../origin/db/migrate.ts";
import { makePool, type Pool } from "../../origin/db/pool.ts";
import { makeFeatureChanges } from "../../origin/features/change-feature.ts";
import { FeatureId } from "../../shared/ids.ts";
import { startTestEdge, type TestEdge } from "../support/edge.ts";
import { startOrigin, type OriginUnderTest } from "../support/origin.ts";
import { startStandby } from "../support/standby.ts";
import { eventually } from "../support/stack.ts";

// Each test builds two PostgreSQL servers, two edges and up to two origins of its own.
vi.setConfig({ testTimeout: 180_000 });

const stops: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).toReversed()) await stop();
});

const LAST_WAL = { fsync: "off", wal_keep_size: "64MB" };
const by = { actor: "ann", reason: "test" };

const poolOf = (url: string): Pool => {
  const pool = makePool(url, { applicationName: "sluice-test", onIdleError: () => {} });
  stops.push(() => pool.end());
  return pool;
};

type World = {
  readonly primary: EmbeddedPostgres;
  readonly edges: readonly TestEdge[];
  readonly origin: OriginUnderTest;
  readonly startOriginOn: (url: string) => Promise<OriginUnderTest>;
  /** Stops the standby, so that it misses what follows; returns what starts it again, as a primary. */
  readonly cutStandby: () => Promise<() => Promise<EmbeddedPostgres>>;
};

/** Primary, standby, origin and two edges, with features a, b and c open everywhere. */
const startWorld = async (): Promise<World> => {
  const folder = await mkdtemp(join(tmpdir(), "sluice-promotion-"));
  stops.push(() => rm(folder, { recursive: true, force: true }));
  const primary = await startEmbeddedPostgres({
    dataDir: join(folder, "primary"),
    settings: LAST_WAL,
  });
  stops.push(() => primary.stop());
  await migrate(primary.url, () => {});
  const standbyFolder = join(folder, "standby");
  const standby = await startStandby(primary.url, join(folder, "primary"), standbyFolder, LAST_WAL);
  stops.push(() => standby.stop());
  const bindings = { UPSTREAM_URL: "http://127.0.0.1:1" };
  const edges = [await startTestEdge(bindings), await startTestEdge(bindings)];
  stops.push(() => Promise.all(edges.map((edge) => edge.stop())));
  const startOriginOn = async (url: string) => {
    const origin = await startOrigin({
      DATABASE_URL: url,
      EDGE_URLS: edges.map((edge) => edge.url).join(","),
      PUSH_KEYS: "new:push-secret-of-the-tests-0123456789abcdefghijklmnop",
      ROLES: "push,admin",
    });
    stops.push(() => origin.end("SIGKILL"));
    return origin;
  };
  const origin = await startOriginOn(primary.url);
  for (const name of ["a", "b", "c"])
    await origin.admin("POST", "/features", {
      featureId: `feat_${name}`,
      enabled: true,
      rolloutBps: 10_000,
      holdoutBps: 0,
    });
  for (const edge of edges) await eventually(async () => (await openAt(edge)).length === 3);
  const head = Number((await origin.admin("GET", "/edges"))["revision"]);
  const standbyPool = poolOf(standby.url);
  await eventually(async () => {
    const { rows } = await standbyPool.query<{ revision: number }>("select revision from state_head");
    return rows[0]?.revision === head;
  });
  return {
    primary,
    edges,
    origin,
    startOriginOn,
    cutStandby: async () => {
      await standby.stop();
      return async () => {
        const promoted = await startEmbeddedPostgres({
          dataDir: standbyFolder,
          port: await freePort(),
          settings: { ...LAST_WAL, primary_conninfo: "" },
        });
        stops.push(() => promoted.stop());
        await poolOf(promoted.url).query("select pg_promote()");
        return promoted;
      };
    },
  };
};

const openAt = async ({ url }: { url: string }): Promise<string[]> => {
  const explained = await (await fetch(`${url}/.sluice/explain`)).json();
  const { features } = explained as { features: { featureId: string; state: string }[] };
  return features.flatMap(({ featureId, state }) => (state === "open" ? [featureId] : [])).toSorted();
};

/** Looks at the edges all the time, and remembers each feature that was seen open after it was closed. */
const watchForReopening = (edges: readonly TestEdge[], closed: string) => {
  const reopened: string[] = [];
  const ending = new AbortController();
  const watching = (async () => {
    while (!ending.signal.aborted)
      for (const edge of edges) if ((await openAt(edge)).includes(closed)) reopened.push(edge.url);
  })();
  return async (): Promise<readonly string[]> => {
    ending.abort();
    await watching;
    return reopened;
  };
};

const enabledIn = async (origin: OriginUnderTest, name: string): Promise<unknown> =>
  (await origin.admin("GET", `/features/feat_${name}`))["enabled"];

const allConfirm = (origin: OriginUnderTest) =>
  eventually(async () => {
    const { revision, edges } = (await origin.admin("GET", "/edges")) as {
      revision: number;
      edges: { completeRevision: number }[];
    };
    return edges.every(({ completeRevision }) => completeRevision === revision);
  }, 30_000);

test("a rollback that the promoted standby lost stays closed at every edge, and is closed in the database again", async () => {
  const world = await startWorld();
  const promote = await world.cutStandby();
  const unknown = { featureId: "feat_unknown", enabled: true, rolloutBps: 10_000, holdoutBps: 0 };
  await world.origin.admin("POST", "/features", unknown);
  await world.origin.admin("POST", "/features/feat_a/rollback", { reason: "too slow" });
  for (const edge of world.edges)
    await eventually(async () => (await openAt(edge)).join() === "feat_b,feat_c,feat_unknown");
  await world.origin.end("SIGKILL");
  await world.primary.stop();
  const reopened = watchForReopening(world.edges, "feat_a");

  const promoted = await promote();
  const origin = await world.startOriginOn(promoted.url);
  await eventually(async () => (await enabledIn(origin, "a")) === false);
  await allConfirm(origin);
  expect(await reopened()).toEqual([]);
  for (const edge of world.edges) expect(await openAt(edge)).toEqual(["feat_b", "feat_c"]);

  const { entries } = (await origin.admin("GET", "/audit")) as { entries: Record<string, unknown>[] };
  expect(entries.slice(0, 2)).toMatchObject([
    { featureId: "feat_unknown", action: "delete", actor: "sluice" },
    { featureId: "feat_a", action: "rollback", actor: "sluice" },
  ]);
  expect(entries[1]?.["reason"]).toMatch(/^recovered from edge http/);
  expect(origin.output()).toMatch(
    /ALERT: the database lacks changes.*closed here again: feat_a; unknown here, and removed from the edges: feat_unknown/,
  );
  expect(await origin.admin("GET", "/audit/verify")).toMatchObject({ ok: false, fault: "lost" });

  // A person opens it again, and it is open.
  await origin.admin("POST", "/features/feat_a/enable", { reason: "tried again" });
  for (const edge of world.edges) await eventually(async () => (await openAt(edge)).includes("feat_a"));

  // A feature of the lost one's name begins an epoch that no edge has seen.
  expect(await origin.admin("POST", "/features", unknown)).toMatchObject({ epoch: 2 });
  for (const edge of world.edges) await eventually(async () => (await openAt(edge)).includes("feat_unknown"));
});

test("a revision that the new primary gives to another change confirms nothing, and both changes hold", async () => {
  const world = await startWorld();
  const promote = await world.cutStandby();
  const lost = await world.origin.admin("POST", "/features/feat_a/rollback", { reason: "too slow" });
  for (const edge of world.edges) await eventually(async () => !(await openAt(edge)).includes("feat_a"));
  await world.origin.end("SIGKILL");
  await world.primary.stop();
  const reopened = watchForReopening(world.edges, "feat_a");

  const promoted = await promote();
  const changes = makeFeatureChanges({ pool: poolOf(promoted.url), newId: randomUUID });
  const other = await changes.rollbackFeature({ featureId: FeatureId.parse("feat_c") }, by);
  expect(other.ok && other.value.revision).toBe(lost["revision"]);

  const origin = await world.startOriginOn(promoted.url);
  await allConfirm(origin);
  for (const edge of world.edges) await eventually(async () => (await openAt(edge)).join() === "feat_b");
  expect(await reopened()).toEqual([]);
  for (const name of ["a", "c"]) expect(await enabledIn(origin, name)).toBe(false);
  const { rows } = await poolOf(promoted.url).query(
    "select r.edge_url from edge_receipts r where r.revision = $1",
    [lost["revision"]],
  );
  expect(rows).toEqual([]);
});

test("two primaries at once: a close in either of them closes at the edges, and in the other", async () => {
  const world = await startWorld();
  const promote = await world.cutStandby();
  const promoted = await promote();
  const other = await world.startOriginOn(promoted.url);
  await world.origin.admin("POST", "/features/feat_a/rollback", { reason: "by the old primary" });
  for (const edge of world.edges) await eventually(async () => !(await openAt(edge)).includes("feat_a"));
  const reopened = watchForReopening(world.edges, "feat_a");
  await other.admin("POST", "/features/feat_b/rollback", { reason: "by the new primary" });
  for (const edge of world.edges) await eventually(async () => (await openAt(edge)).join() === "feat_c");
  for (const name of ["a", "b"]) {
    await eventually(async () => (await enabledIn(world.origin, name)) === false, 20_000);
    await eventually(async () => (await enabledIn(other, name)) === false, 20_000);
  }
  expect(await reopened()).toEqual([]);
  await world.origin.end("SIGKILL");
  await allConfirm(other);
  for (const edge of world.edges) expect(await openAt(edge)).toEqual(["feat_c"]);
});

test("with a synchronous standby a change is acknowledged once the standby has it, whatever the login's setting", async () => {
  const world = await startWorld();
  const pool = poolOf(world.primary.url);
  await pool.query("alter system set synchronous_standby_names = '*'");
  await pool.query("select pg_reload_conf()");
  await pool.query("alter role sluice set synchronous_commit = off");
  await world.origin.end("SIGKILL");
  const origin = await world.startOriginOn(world.primary.url);
  await world.cutStandby();
  let isAcknowledged = false;
  const rollingBack = origin
    .admin("POST", "/features/feat_a/rollback", { reason: "too slow" })
    .then(() => (isAcknowledged = true))
    .catch(() => undefined);
  await new Promise((wake) => setTimeout(wake, 2_000));
  expect(isAcknowledged).toBe(false);
  await pool.query("alter system set synchronous_standby_names = ''");
  await pool.query("select pg_reload_conf()");
  await rollingBack;
  expect(isAcknowledged).toBe(true);
  expect(await enabledIn(origin, "a")).toBe(false);
});
