import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { Redis } from "ioredis";
import { makeEvaluationLocks } from "../../../origin/evaluate/evaluation-locks.ts";
import { makeMetrics } from "../../../origin/runtime/metrics.ts";
import { connectRedis } from "../../../origin/db/redis.ts";
import { FeatureId } from "../../../shared/ids.ts";
import { makeTestLog } from "../../support/log.ts";
import { startRedis } from "../../support/redis.ts";

const soon = <T>(check: () => T | Promise<T>) => vi.waitFor(check, { timeout: 20_000, interval: 20 });
const ids = (...names: string[]) => names.map((name) => FeatureId.parse(name));

let redis: Awaited<ReturnType<typeof startRedis>>;
let look: Redis;
const ends: (() => void)[] = [];
beforeAll(async () => {
  redis = await startRedis();
  look = new Redis(redis.url);
  look.on("error", () => {});
});
afterAll(async () => {
  for (const end of ends) end();
  look.disconnect();
  await redis.stop();
});

/** The locks of one process. */
const makeProcess = async () => {
  const log = makeTestLog();
  const metrics = makeMetrics();
  const client = connectRedis([redis.url], log);
  ends.push(() => client.disconnect());
  await soon(() => expect(client.status).toBe("ready"));
  const timeouts = async () => (await metrics.lockTimeouts.get()).values[0]?.value ?? 0;
  const shares = async () =>
    Object.fromEntries(
      (await metrics.evaluationLocks.get()).values.map(({ labels, value }) => [labels.state, value]),
    );
  return { ...makeEvaluationLocks({ redis: client, metrics, log }), timeouts, shares };
};

test("a feature has one holder, and is free for another when its holder gives it back or no longer names it", async () => {
  const [a, b] = [await makeProcess(), await makeProcess()];
  expect(await a.hold(ids("x", "y"))).toEqual(["x", "y"]);
  expect(await b.hold(ids("x", "y", "z"))).toEqual(["z"]);
  expect(await a.shares()).toEqual({ held: 2, taken: 0, unreachable: 0 });
  expect(await b.shares()).toEqual({ held: 1, taken: 2, unreachable: 0 });
  expect(await look.ttl("lock:pmf:eval:x")).toBeGreaterThan(0);
  expect(await a.hold(ids("x"))).toEqual(["x"]);
  expect(await b.hold(ids("x", "y", "z"))).toEqual(["y", "z"]);
  await a.stop();
  expect(await b.hold(ids("x", "y", "z"))).toEqual(["x", "y", "z"]);
  await b.stop();
  expect(await look.exists("lock:pmf:eval:x")).toBe(0);
});

test("a holder renews its lock for as long as it lives", async () => {
  const a = await makeProcess();
  await a.hold(ids("renewed"));
  const holder = await look.get("lock:pmf:eval:renewed");
  await new Promise((resolve) => setTimeout(resolve, 4_000));
  expect(await look.get("lock:pmf:eval:renewed")).toBe(holder);
  await a.stop();
});

test("a lock that another took meanwhile is noticed as lost, and not released over its new owner", async () => {
  const a = await makeProcess();
  await a.hold(ids("stolen"));
  await look.set("lock:pmf:eval:stolen", "somebody else");
  await soon(async () => expect(await a.timeouts()).toBe(1));
  await a.stop();
  expect(await look.get("lock:pmf:eval:stolen")).toBe("somebody else");
  expect(await a.hold(ids("stolen"))).toEqual([]);
});

test("without Redis every process evaluates every feature, and the lock timeouts are counted", async () => {
  const a = await makeProcess();
  await redis.crash();
  await soon(async () => {
    expect(await a.hold(ids("alone"))).toEqual(["alone"]);
    expect(await a.timeouts()).toBeGreaterThan(0);
  });
});
