// Three origins on one database and one Redis: one of them acts, and the others take over when it is gone.
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { Redis } from "ioredis";
import { KeyRing } from "../../shared/signing/key-ring.ts";
import { makeTestDatabase } from "../support/database.ts";
import { startFakeEdge, type FakeEdge } from "../support/fake-edge.ts";
import { ORIGIN_INGEST_TOKEN, startOrigin, type OriginUnderTest } from "../support/origin.ts";
import { startRedis } from "../support/redis.ts";
import { jsonRequest } from "../support/otlp-spans.ts";

const PUSH_KEYS = "k1:a-secret-of-sixteen-or-more-0123456789abcdefghijklmnop";
const soon = <T>(check: () => T | Promise<T>) => vi.waitFor(check, { timeout: 40_000, interval: 50 });

const database = await makeTestDatabase();
const redis = await startRedis();
const redisClient = new Redis(redis.url);
let edges: FakeEdge[] = [];
let origins: OriginUnderTest[] = [];

const startOne = () =>
  startOrigin({
    DATABASE_URL: database.url,
    REDIS_URL: redis.url,
    EDGE_URLS: edges.map((edge) => edge.url).join(","),
    PUSH_KEYS,
    EVALUATE_EVERY_MS: "200",
  });

beforeAll(async () => {
  const keys = KeyRing.parse(PUSH_KEYS);
  edges = [await startFakeEdge(keys), await startFakeEdge(keys)];
  origins = await Promise.all([startOne(), startOne(), startOne()]);
});
afterAll(async () => {
  await Promise.all(origins.map((origin) => origin.end("SIGKILL")));
  await Promise.all(edges.map((edge) => edge.stop()));
  redisClient.disconnect();
  await redis.stop();
  await database.drop();
});

const living = () => {
  const origin = origins.find((candidate) => candidate.isRunning());
  if (origin === undefined) throw new Error("no origin is left");
  return origin;
};

/** A feature that nobody uses, with enough visitors to see that it fails. */
const openUselessFeature = async (): Promise<string> => {
  const featureId = `feat_${randomUUID().slice(0, 8)}`;
  const { admin } = living();
  await admin("POST", "/features", {
    featureId,
    rolloutBps: 9_000,
    // Nobody acts at all: beside a holdout that would be everybody's misfortune.
    holdoutBps: 0,
    activation: { path: "/checkout", method: "POST" },
  });
  await admin("PUT", `/features/${featureId}/rule`, {
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
  await admin("POST", `/features/${featureId}/enable`, { reason: "launch" });
  return featureId;
};

const sendVisitors = async (featureId: string, count: number): Promise<void> => {
  const spans = Array.from({ length: count }, () => ({
    feature: featureId,
    unit: randomUUID(),
    variant: "treatment",
    epoch: 2,
  }));
  const answer = await fetch(`${living().url}/v1/traces`, {
    method: "POST",
    headers: { authorization: `Bearer ${ORIGIN_INGEST_TOKEN}`, "content-type": "application/json" },
    body: JSON.stringify(jsonRequest(spans)),
  });
  expect(answer.status).toBe(200);
};

const rollbacksOf = async (featureId: string): Promise<number> => {
  const { rows } = await database.pool.query(
    "select 1 from rollback_audit where feature_id = $1 and action = 'rollback'",
    [featureId],
  );
  return rows.length;
};

const isClosedEverywhere = async (featureId: string): Promise<void> => {
  await soon(() => {
    for (const edge of edges) expect(edge.state.features.get(featureId)).toMatchObject({ enabled: false });
  });
  await soon(async () => expect(await redisClient.get(`feature:state:${featureId}`)).toBe("DISABLED"));
  expect(await rollbacksOf(featureId)).toBe(1);
};

/** Visitors go on coming: where none do, what they did is waited for, for fifteen seconds. */
const closesWhileVisited = async (featureId: string): Promise<void> => {
  await sendVisitors(featureId, 400);
  const ending = new AbortController();
  const coming = (async () => {
    while (!ending.signal.aborted) {
      await sendVisitors(featureId, 5);
      await sleep(300);
    }
  })();
  try {
    await isClosedEverywhere(featureId);
  } finally {
    ending.abort();
    await coming;
  }
};

/** Rollbacks of the feature that all origins together have counted in their metrics. */
const countedRollbacks = async (featureId: string): Promise<number> => {
  const pages = await Promise.all(
    origins.map(async (origin) => (await fetch(`${origin.url}/metrics`)).text()),
  );
  const line = `sluice_rollbacks_total{feature="${featureId}",outcome="committed"} 1`;
  return pages.filter((page) => page.includes(line)).length;
};

/** Redis' key of the lock names its holder by an id that only the holder knows. */
const holderOf = (featureId: string) => redisClient.get(`lock:pmf:eval:${featureId}`);

const heldBy = async (origin: OriginUnderTest): Promise<number> => {
  const page = await (await fetch(`${origin.url}/metrics`)).text();
  return Number(/^sluice_evaluation_locks\{state="held"\} (\d+)$/m.exec(page)?.[1] ?? 0);
};

/** How many locks each origin says to hold, once they are as many as Redis has. */
const heldByEach = (): Promise<number[]> =>
  soon(async () => {
    const held = await Promise.all(origins.map(heldBy));
    const locks = await redisClient.keys("lock:pmf:eval:*");
    expect(held.reduce((sum, count) => sum + count, 0)).toBe(locks.length);
    return held;
  });

/** Opens a feature; its holder is the one that holds a lock more than before. */
const openHeldFeature = async (): Promise<{ featureId: string; holder: OriginUnderTest }> => {
  const before = await heldByEach();
  const featureId = await openUselessFeature();
  await soon(async () => expect(await holderOf(featureId)).not.toBeNull());
  const after = await heldByEach();
  const holder = origins.find((_, i) => (after[i] ?? 0) > (before[i] ?? 0));
  if (holder === undefined) throw new Error("nobody says to hold the lock");
  return { featureId, holder };
};

test("a failing feature is rolled back by one origin, once, and the rollback reaches every edge", async () => {
  const featureId = await openUselessFeature();
  await soon(async () => expect(await holderOf(featureId)).not.toBeNull());
  await closesWhileVisited(featureId);
  expect(await countedRollbacks(featureId)).toBe(1);
});

test("an origin that was paused past its lock's end changes nothing when it goes on", async () => {
  const { featureId, holder: paused } = await openHeldFeature();
  const before = await holderOf(featureId);
  paused.signal("SIGSTOP");
  await soon(async () => expect([null, before]).not.toContain(await holderOf(featureId)));
  const other = origins.find((origin) => origin !== paused);
  if (other === undefined) throw new Error("no other origin");
  await other.admin("POST", `/features/${featureId}/rollback`, { reason: "by hand" });
  await other.admin("POST", `/features/${featureId}/enable`, { reason: "again" });
  paused.signal("SIGCONT");
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  expect(await rollbacksOf(featureId)).toBe(1);
  expect(await other.admin("GET", `/features/${featureId}`)).toMatchObject({ enabled: true, epoch: 3 });
});

test("another origin takes over from a killed one and from one that is asked to end, which ends with 0", async () => {
  const { featureId, holder } = await openHeldFeature();
  await holder.end("SIGKILL");
  const asked = living();
  expect(await asked.end("SIGTERM")).toBe(0);
  await closesWhileVisited(featureId);
});
