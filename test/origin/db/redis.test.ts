// What a person is told whose REDIS_URL does not fit the Redis behind it, and what a dead master costs.
import { setTimeout as sleep } from "node:timers/promises";
import { Cluster, Redis } from "ioredis";
import { expect, onTestFinished, test } from "vitest";
import { z } from "zod";
import { connectRedis } from "../../../origin/db/redis.ts";
import { makeTestLog } from "../../support/log.ts";
import { startRedis, startRedisCluster } from "../../support/redis.ts";
import { waitFor } from "../../support/telemetry.ts";

/** Of CLUSTER SLOTS: first and last slot, and the master's address. */
const Ranges = z.array(
  z.tuple([z.number(), z.number(), z.tuple([z.string(), z.number()]).rest(z.unknown())]).rest(z.unknown()),
);

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

/** The node that has the channel's slot, by its place in `nodes`. */
const slotOwner = async (cluster: Awaited<ReturnType<typeof startRedisCluster>>, channel: string) => {
  const [first] = cluster.nodes;
  const client = new Redis({ host: "127.0.0.1", port: first?.port ?? 0 });
  try {
    const slot = await client.cluster("KEYSLOT", channel);
    const ranges = Ranges.parse(await client.cluster("SLOTS"));
    const port = ranges.find(([from, to]) => from <= slot && slot <= to)?.[2][1];
    return { number: cluster.nodes.findIndex((node) => node.port === port) };
  } finally {
    client.disconnect();
  }
};

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

test("a dead master of a cluster keeps nobody busy who has subscribed there, and news come again from its replica", async () => {
  const cluster = await startRedisCluster();
  onTestFinished(() => cluster.stop());
  const clients = [connectRedis(cluster.urls, makeTestLog()), connectRedis(cluster.urls, makeTestLog())];
  onTestFinished(() => clients.forEach((client) => client.disconnect()));
  const [subscriber, publisher] = clients;
  if (!(subscriber instanceof Cluster) || !(publisher instanceof Cluster)) throw new Error("no cluster");
  await waitFor(async () => clients.every(({ status }) => status === "ready"));
  await subscriber.ssubscribe("feature_rollbacks");
  let news = 0;
  subscriber.on("smessage", () => (news += 1));
  const publish = () => publisher.spublish("feature_rollbacks", "news").catch(() => {});
  await waitFor(async () => publish().then(() => news > 0));

  let lost = 0;
  subscriber.on("-node", () => (lost += 1));
  const { number } = await slotOwner(cluster, "feature_rollbacks");
  const master = cluster.nodes[number];
  if (master === undefined) throw new Error("no node has the channel");
  await cluster.crash(master);
  await sleep(1_000);
  expect(lost).toBeGreaterThan(0);
  // Without a pace there are hundreds.
  expect(lost).toBeLessThan(40);
  news = 0;
  await waitFor(async () => publish().then(() => news > 0));
});
