// What a person is told whose REDIS_URL does not fit the Redis behind it.
import { expect, onTestFinished, test } from "vitest";
import { connectRedis } from "../../../origin/db/redis.ts";
import { makeTestLog } from "../../support/log.ts";
import { startRedis, startRedisCluster } from "../../support/redis.ts";
import { waitFor } from "../../support/telemetry.ts";

test("one node of a Redis Cluster as REDIS_URL is said once, with the way out; several nodes, or that one twice, are not", async () => {
  const cluster = await startRedisCluster();
  onTestFinished(() => cluster.stop());
  const [first = ""] = cluster.urls;
  const one = makeTestLog();
  const client = connectRedis([first], one);
  onTestFinished(() => client.disconnect());
  await waitFor(async () => one.lines.length > 0);
  expect(one.lines.map(({ message }) => message)).toEqual([
    expect.stringMatching(
      /^REDIS_URL names one node, and that is a node of a Redis Cluster: separate several/,
    ),
  ]);

  const twice = makeTestLog();
  const whole = connectRedis([first, first], twice);
  onTestFinished(() => whole.disconnect());
  await waitFor(async () => whole.status === "ready");
  expect(await whole.set("feature:state:feat_a", "ENABLED")).toBe("OK");
  expect(twice.lines).toEqual([]);
});

test("a single Redis gives no such hint", async () => {
  const redis = await startRedis();
  onTestFinished(() => redis.stop());
  const log = makeTestLog();
  const client = connectRedis([redis.url], log);
  onTestFinished(() => client.disconnect());
  await waitFor(async () => client.status === "ready");
  await client.ping();
  expect(log.lines).toEqual([]);
});
