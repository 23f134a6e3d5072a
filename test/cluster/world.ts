// A whole installation on loopback: PostgreSQL with its standbys behind HAProxy, a Redis Cluster of six, three origins with all
// roles, two edges, and a site behind them.
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildEdge } from "../../scripts/local-stack/build-edge.ts";
import { startEdge } from "../../scripts/local-stack/edge-server.ts";
import { listenOnLoopback } from "../support/listen.ts";
import { startOrigin, type OriginUnderTest } from "../support/origin.ts";
import { startRedisCluster, type RedisNode } from "../support/redis.ts";
import { startPostgresServers } from "./postgres.ts";

const PUSH_KEYS = "k1:push-key-of-the-cluster-0123456789abcdefghijklmnopqrs";
const COOKIE_KEYS = "c1:cookie-key-of-the-cluster-0123456789abcdefghijklmnop";
const ORIGINS = 3;

const startSite = async () => {
  const site = createServer((_, response) => response.end("the site"));
  const { url } = await listenOnLoopback(site);
  return {
    url,
    stop: async () => {
      site.close();
      site.closeAllConnections();
    },
  };
};

export type World = Awaited<ReturnType<typeof startWorld>>;

/** `say` is told what has started. */
export const startWorld = async (say: (line: string) => void) => {
  const folder = await mkdtemp(join(tmpdir(), "sluice-whole-"));
  const stops: (() => Promise<unknown>)[] = [() => rm(folder, { recursive: true, force: true })];
  const stop = async (): Promise<void> => {
    for (const end of stops.splice(0).toReversed()) await end();
  };
  const startEdges = async () => {
    const site = await startSite();
    stops.push(() => site.stop());
    const bundleDir = await buildEdge();
    const edges = await Promise.all(
      ["edge-1", "edge-2"].map((name) =>
        startEdge({
          bundleDir,
          stateDir: join(folder, name),
          port: 0,
          bindings: { UPSTREAM_URL: site.url, ORIGIN_URL: "", PUSH_KEYS, COOKIE_KEYS },
        }),
      ),
    );
    stops.push(() => Promise.all(edges.map((edge) => edge.stop())));
    say("two edges run");
    return edges;
  };
  const startRedisNodes = async () => {
    const redis = await startRedisCluster();
    stops.push(() => redis.stop());
    say("a Redis Cluster of three masters with a replica each runs");
    return redis;
  };
  const startPostgres = async () => {
    const postgres = await startPostgresServers(folder, (end) => stops.push(end));
    say(
      "PostgreSQL runs: a primary, a synchronous and an asynchronous standby, three read replicas, HAProxy",
    );
    return postgres;
  };
  try {
    const started = await Promise.allSettled([startPostgres(), startRedisNodes(), startEdges()]);
    const [postgres, redis, edges] = started.map((part) => {
      if (part.status === "rejected") throw part.reason;
      return part.value;
    }) as [
      Awaited<ReturnType<typeof startPostgres>>,
      Awaited<ReturnType<typeof startRedisNodes>>,
      Awaited<ReturnType<typeof startEdges>>,
    ];
    const launch = (): Promise<OriginUnderTest> =>
      startOrigin({
        DATABASE_URL: postgres.url,
        DATABASE_REPLICA_URL: postgres.readsUrl,
        REDIS_URL: redis.urls.join(","),
        EDGE_URLS: edges.map(({ url }) => url).join(","),
        PUSH_KEYS,
        SESSION_KEYS: "s1:session-key-of-the-cluster-0123456789abcdefghijklmno",
      });
    const origins: OriginUnderTest[] = [];
    stops.push(() => Promise.all(origins.map((origin) => origin.end("SIGKILL"))));
    // All of them have come or failed before anything is stopped.
    const launched = await Promise.allSettled(
      Array.from({ length: ORIGINS }, async () => origins.push(await launch())),
    );
    for (const one of launched) if (one.status === "rejected") throw one.reason;
    say("three origins run");

    const masterAt = async (number: number): Promise<RedisNode> => {
      const masters = await redis.masters();
      const node = masters[number - 1];
      if (node === undefined) throw new Error(`there is no master ${number}, but ${masters.length}`);
      return node;
    };
    return {
      postgres,
      redis,
      edges,
      origins,
      originAt: (number: number): OriginUnderTest => {
        const origin = origins[number - 1];
        if (origin === undefined) throw new Error(`there is no origin ${number}`);
        return origin;
      },
      restartOrigin: async (number: number): Promise<void> => {
        origins[number - 1] = await launch();
      },
      /** The master that comes `number`th. Its replica takes over by itself. */
      killRedisMaster: async (number: number): Promise<RedisNode> => {
        const node = await masterAt(number);
        await redis.crash(node);
        return node;
      },
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
};
