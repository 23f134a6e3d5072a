import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { Cluster, Redis } from "ioredis";
import type { FlagBus, FlagEvent } from "../../../origin/delivery/bus/flag-bus.ts";
import { startStateRefresh } from "../../../origin/delivery/bus/refresh-states.ts";
import { makeRedisBus } from "../../../origin/delivery/bus/redis-bus.ts";
import { connectRedis } from "../../../origin/db/redis.ts";
import { FeatureState } from "../../../shared/features/feature.ts";
import { FeatureId, Revision } from "../../../shared/ids.ts";
import { makeTestLog } from "../../support/log.ts";
import { startRedis, startRedisCluster } from "../../support/redis.ts";

const soon = <T>(check: () => T | Promise<T>) => vi.waitFor(check, { timeout: 30_000, interval: 20 });

const event = (featureId: string, revision: number, enabled: boolean): FlagEvent => ({
  featureId: FeatureId.parse(featureId),
  reason: "too slow",
  version: revision,
  revision: Revision.parse(revision),
  action: enabled ? "enable" : "rollback",
  enabled,
});

const closed = (featureId: string): FeatureState =>
  FeatureState.parse({ featureId, enabled: false, rolloutBps: 0, version: 1 });

const makeBus = (urls: readonly string[]) => {
  const log = makeTestLog();
  const bus = makeRedisBus({ publisher: connectRedis(urls, log), subscriber: connectRedis(urls, log), log });
  const heard: FlagEvent[] = [];
  let gaps = 0;
  bus.subscribe({
    onEvent: (got) => heard.push(got),
    onGap: () => {
      gaps += 1;
    },
  });
  return { bus, heard, log, gaps: () => gaps };
};

/** Publishing fails at once while Redis is away, and the outbox tries again. */
const publish = (bus: FlagBus, events: readonly FlagEvent[]) => soon(() => bus.publish(events));

describe("on one node", () => {
  let redis: Awaited<ReturnType<typeof startRedis>>;
  beforeAll(async () => {
    redis = await startRedis();
  });
  afterAll(() => redis.stop());

  test("an event reaches every process, and the state stays without expiry", async () => {
    const [a, b] = [makeBus([redis.url]), makeBus([redis.url])];
    await soon(() => expect([a.gaps(), b.gaps()]).toEqual([1, 1]));
    await publish(a.bus, [event("feat_a", 3, false), event("feat_b", 3, true)]);
    await soon(() => expect(b.heard).toHaveLength(2));
    expect(a.heard).toEqual(b.heard);
    const plain = new Redis(redis.url);
    expect(await plain.mget("feature:state:feat_a", "feature:state:feat_b")).toEqual(["DISABLED", "ENABLED"]);
    expect(await plain.ttl("feature:state:feat_a")).toBe(-1);
    plain.disconnect();
    await Promise.all([a.bus.stop(), b.bus.stop()]);
  });

  test("an older state that arrives late never replaces a newer one", async () => {
    const { bus } = makeBus([redis.url]);
    await publish(bus, [event("feat_late", 9, false)]);
    await publish(bus, [event("feat_late", 8, true)]);
    const plain = new Redis(redis.url);
    expect(await plain.get("feature:state:feat_late")).toBe("DISABLED");
    plain.disconnect();
    await bus.stop();
  });

  test("a message of an older history closes, never opens, and the newer history goes on by its own revisions", async () => {
    const { bus } = makeBus([redis.url]);
    const plain = new Redis(redis.url);
    const state = () => plain.get("feature:state:feat_promoted");
    const of =
      (lineage: string, lineageBegunAtMs: number) => (revision: number, enabled: boolean, epoch: number) =>
        publish(bus, [{ ...event("feat_promoted", revision, enabled), lineage, lineageBegunAtMs, epoch }]);
    const [lost, promoted] = [of("lost", 1_000), of("promoted", 2_000)];
    await lost(130, true, 1);
    expect(await state()).toBe("ENABLED");
    // The promoted database gives out lower numbers again.
    await promoted(129, false, 1);
    expect(await state()).toBe("DISABLED");
    await lost(131, true, 1);
    await lost(132, true, 2);
    expect(await state()).toBe("DISABLED");
    await promoted(130, true, 3);
    expect(await state()).toBe("ENABLED");
    // It closes what was closed in this epoch, and not what a person has opened since.
    await lost(133, false, 2);
    expect(await state()).toBe("ENABLED");
    await lost(134, false, 3);
    expect(await state()).toBe("DISABLED");
    // What it closed confirmed nothing: the revisions of the newer history count.
    await promoted(129, true, 3);
    expect(await state()).toBe("DISABLED");
    await promoted(131, true, 4);
    expect(await state()).toBe("ENABLED");
    plain.disconnect();
    await bus.stop();
  });

  test("an origin of an older version, which names no history, is understood and understands", async () => {
    const { bus } = makeBus([redis.url]);
    const plain = new Redis(redis.url);
    await publish(bus, [event("feat_mixed", 5, true)]);
    await publish(bus, [
      { ...event("feat_mixed", 6, false), lineage: "h", lineageBegunAtMs: 1_000, epoch: 1 },
    ]);
    expect(await plain.get("feature:state:feat_mixed")).toBe("DISABLED");
    await publish(bus, [event("feat_mixed", 5, true)]);
    expect(await plain.get("feature:state:feat_mixed")).toBe("DISABLED");
    // The key that an older origin compares is a number alone.
    expect(await plain.get("{feature:state:feat_mixed}:revision")).toBe("6");
    await publish(bus, [event("feat_mixed", 7, true)]);
    expect(await plain.get("feature:state:feat_mixed")).toBe("ENABLED");
    plain.disconnect();
    await bus.stop();
  });

  test("after Redis died and came back empty, listeners hear of the gap and events arrive again", async () => {
    const { bus, heard, gaps, log } = makeBus([redis.url]);
    await soon(() => expect(gaps()).toBe(1));
    await redis.crash();
    await expect(bus.publish([event("feat_c", 1, false)])).rejects.toThrow();
    await redis.start();
    await soon(() => expect(gaps()).toBe(2));
    const states = startStateRefresh({
      bus,
      readStates: async () => ({ revision: Revision.parse(1), features: [closed("feat_c")] }),
    });
    await publish(bus, [event("feat_d", 2, false)]);
    await soon(() => expect(heard.map((got) => got.featureId)).toContain("feat_d"));
    const plain = new Redis(redis.url);
    await soon(async () => expect(await plain.get("feature:state:feat_c")).toBe("DISABLED"));
    plain.disconnect();
    await states.stop();
    expect(log.lines.filter((line) => line.message.startsWith("Redis is away")).length).toBeLessThanOrEqual(
      2,
    );
    await bus.stop();
  });
});

describe("on a cluster of six", () => {
  let cluster: Awaited<ReturnType<typeof startRedisCluster>>;
  beforeEach(async () => {
    cluster = await startRedisCluster();
  });
  afterEach(() => cluster.stop());

  test("events and states still arrive after a master died", async () => {
    const [a, b] = [makeBus(cluster.urls), makeBus(cluster.urls)];
    await soon(() => expect(Math.min(a.gaps(), b.gaps())).toBeGreaterThan(0));
    await publish(a.bus, [event("feat_a", 1, false)]);
    await soon(() => expect(b.heard.map((got) => got.revision)).toContain(1));

    const owner = new Cluster(cluster.nodes.map(({ port }) => ({ host: "127.0.0.1", port })));
    const slot = Number(await owner.call("cluster", "keyslot", "feature_rollbacks"));
    const gapsBefore = b.gaps();
    const slots = await owner.cluster("SLOTS");
    const range = slots.find(([from, to]) => slot >= from && slot <= to);
    const master = cluster.nodes.find((node) => node.port === range?.[2]?.[1]);
    if (master === undefined) throw new Error("nobody owns the channel's slot");
    await cluster.crash(master);

    let revision = 1;
    await soon(async () => {
      revision += 1;
      await a.bus.publish([event("feat_a", revision, true)]);
      expect(b.heard.some((got) => got.revision > 1)).toBe(true);
    });
    expect(b.gaps()).toBeGreaterThan(gapsBefore);
    await soon(async () => expect(await owner.get("feature:state:feat_a")).toBe("ENABLED"));
    owner.disconnect();
    await Promise.all([a.bus.stop(), b.bus.stop()]);
  });

  test("states are correct again after masters came back empty, and after replicas took over without them", async () => {
    const { bus, gaps } = makeBus(cluster.urls);
    const features = Array.from({ length: 12 }, (_, i) => closed(`feat_of_cluster_${i}`));
    const states = startStateRefresh({
      bus,
      readStates: async () => ({ revision: Revision.parse(3), features }),
    });
    const redisClient = new Cluster(cluster.nodes.map(({ port }) => ({ host: "127.0.0.1", port })));
    const allAreThere = () =>
      soon(async () => {
        for (const { featureId } of features)
          expect(await redisClient.get(`feature:state:${featureId}`)).toBe("DISABLED");
      });
    await soon(() => expect(gaps()).toBeGreaterThan(0));
    await allAreThere();

    const masters = await cluster.masters();
    for (const replica of cluster.nodes.filter((node) => !masters.includes(node))) {
      const client = new Redis({ port: replica.port, host: "127.0.0.1" });
      await client.config("SET", "replica-read-only", "no");
      await client.flushall();
      await client.cluster("FAILOVER", "TAKEOVER");
      client.disconnect();
    }
    await allAreThere();

    for (const master of await cluster.masters()) {
      await cluster.crash(master);
      await cluster.start(master);
      await allAreThere();
    }
    redisClient.disconnect();
    await states.stop();
    await bus.stop();
  });
});
