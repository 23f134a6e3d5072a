// Everything is real: PostgreSQL, a Redis Cluster of six, three origins of which two have a wrong clock, two edges of two
// instances each. Every TCP connection between them goes through a fault proxy.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Cluster } from "ioredis";
import { connect } from "../../origin/db/connect.ts";
import { startEmbeddedPostgres } from "../../origin/db/embedded-postgres.ts";
import { freePort } from "../../origin/db/free-port.ts";
import { makePool } from "../../origin/db/pool.ts";
import { buildEdge } from "../../scripts/local-stack/build-edge.ts";
import { startEdge, type EdgeServer } from "../../scripts/local-stack/edge-server.ts";
import { startEchoUpstream } from "../support/echo-upstream.ts";
import { startHaproxy } from "../support/haproxy.ts";
import { heldBy } from "../support/isolate-heap.ts";
import { ORIGIN_INGEST_TOKEN, startOrigin, type OriginUnderTest } from "../support/origin.ts";
import { startRedisCluster } from "../support/redis.ts";
import { startStandby } from "../support/standby.ts";
import { startFaultProxy, type FaultProxy } from "../support/fault-proxy.ts";

const PUSH_KEYS = "k1:push-key-of-the-chaos-suite-0123456789abcdefghijklmnop";
const POSTGRES_SETTINGS = { max_connections: "200", fsync: "off", wal_keep_size: "64MB" };
const MINUTE_MS = 60_000;
/** Upstream takes its time for this page, so that visitors' requests are under way when an edge goes away. */
export const SLOW_PAGE = "/slow";
const SLOW_PAGE_MS = 100;
/** Within the tolerance of a push's signature. */
const SKEWS_MS = [0, 4 * MINUTE_MS, -4 * MINUTE_MS];

export type Edge = {
  readonly start: () => Promise<void>;
  readonly stop: () => Promise<void>;
  /** Only while it is stopped: hub and KV begin with nothing. */
  readonly forget: () => Promise<void>;
  /** One for each instance. */
  readonly urls: () => readonly string[];
  readonly readKvCopy: () => Promise<string | null>;
  readonly proxy: FaultProxy;
  /** MB that the isolates of its instances hold in the mean, after a collection of garbage; null while it is stopped. */
  readonly heldMb: () => Promise<number | null>;
};
export type Origin = {
  readonly current: () => OriginUnderTest;
  readonly start: () => Promise<void>;
  readonly database: FaultProxy;
};
export type World = Awaited<ReturnType<typeof startWorld>>;

/**
 * `balanced`: HAProxy before the edges for visitors, and before the origins for the edges' telemetry; and the edges can be
 * asked what they hold.
 */
export const startWorld = async ({ balanced = false } = {}) => {
  const folder = await mkdtemp(join(tmpdir(), "sluice-chaos-"));
  const stops: (() => Promise<unknown>)[] = [() => rm(folder, { recursive: true, force: true })];
  const stop = async () => {
    for (const end of stops.toReversed()) await end();
  };
  try {
    // Where the primary is. Every client reaches it through a proxy, so that a promoted standby takes its place.
    const primary = { host: "127.0.0.1", port: await freePort() };
    let dataDir = join(folder, "primary");
    const startPostgres = () =>
      startEmbeddedPostgres({ dataDir, port: primary.port, settings: POSTGRES_SETTINGS });
    let postgres = await startPostgres();
    stops.push(() => postgres.stop());
    const { url: postgresUrl } = postgres;
    const through = ({ port }: { port: number }): string => {
      const url = new URL(postgresUrl);
      url.port = String(port);
      return url.href;
    };
    const ownProxy = await startFaultProxy(primary);
    stops.push(() => ownProxy.stop());
    const pool = makePool(through(ownProxy), { applicationName: "sluice-chaos", onIdleError: () => {} });
    stops.push(() => pool.end());
    /** One for each node, in their order; the cluster tells its clients these ports. */
    const redisProxies: FaultProxy[] = [];
    const redis = await startRedisCluster({
      announce: async (nodePort) => {
        const proxy = await startFaultProxy({ host: "127.0.0.1", port: nodePort });
        redisProxies.push(proxy);
        return proxy.port;
      },
    });
    stops.push(
      () => Promise.all(redisProxies.map((proxy) => proxy.stop())),
      () => redis.stop(),
    );
    const redisPorts = redisProxies.map((proxy) => proxy.port);
    const redisClient = new Cluster(
      redisPorts.map((redisPort) => ({ host: "127.0.0.1", port: redisPort })),
      { redisOptions: { commandTimeout: 1_000 }, clusterRetryStrategy: () => 100, slotsRefreshInterval: 500 },
    );
    redisClient.on("error", () => {});
    stops.push(async () => redisClient.disconnect());

    const upstream = await startEchoUpstream((request, response) => {
      const answer = () => response.end(String(request.headers["sluice-features"] ?? ""));
      if (request.url === SLOW_PAGE) setTimeout(answer, SLOW_PAGE_MS);
      else answer();
    });
    stops.push(() => upstream.stop());

    const originPorts: number[] = [];
    for (const _ of SKEWS_MS) originPorts.push(await freePort());
    const edgePorts = [
      [await freePort(), await freePort()],
      [await freePort(), await freePort()],
    ] as const;
    const balancer = balanced
      ? await startHaproxy({
          // An edge that has lost everything gets visitors once it has a snapshot again.
          edges: {
            ports: edgePorts.flat(),
            check: "/.sluice/health",
            expect: '"revision":[1-9]',
            repeats: true,
          },
          origins: { ports: originPorts, check: "/readyz" },
        })
      : undefined;
    stops.push(async () => balancer?.stop());

    const bundleDir = await buildEdge();
    const makeEdge = async (name: string, ports: readonly [number, number]): Promise<Edge> => {
      const proxy = await startFaultProxy({ host: "127.0.0.1", port: ports[0] });
      const inspectorPort = balanced ? await freePort() : undefined;
      let server: EdgeServer | null = null;
      const start = async () => {
        server = await startEdge({
          bundleDir,
          stateDir: join(folder, name),
          port: ports[0],
          morePorts: [ports[1]],
          ...(inspectorPort === undefined ? {} : { inspectorPort }),
          bindings: {
            UPSTREAM_URL: upstream.url,
            ORIGIN_URL: balancer?.urls.origins ?? "",
            INGEST_TOKEN: ORIGIN_INGEST_TOKEN,
            PUSH_KEYS,
            COOKIE_KEYS: "c1:cookie-key-of-the-chaos-suite-0123456789abcdefghijklmnop",
          },
        });
      };
      const end = async () => {
        await server?.stop();
        server = null;
      };
      await start();
      stops.push(end, () => proxy.stop());
      return {
        start,
        stop: end,
        forget: () => rm(join(folder, name), { recursive: true, force: true }),
        urls: () => (server === null ? [] : [server.url, ...server.moreUrls]),
        readKvCopy: async () => server?.readKvCopy() ?? null,
        proxy,
        heldMb: async () => {
          if (server === null || inspectorPort === undefined) return null;
          const held = await Promise.all(
            ["sluice", "sluice-2"].map((service) => heldBy(inspectorPort, service)),
          );
          return held.reduce((sum, { heapMb, outsideMb }) => sum + heapMb + outsideMb, 0) / held.length;
        },
      };
    };
    const edges = [await makeEdge("edge-1", edgePorts[0]), await makeEdge("edge-2", edgePorts[1])];

    const makeOrigin = async (skewMs: number, port: number): Promise<Origin> => {
      const database = await startFaultProxy(primary);
      const url = through(database);
      const launch = () =>
        startOrigin({
          ORIGIN_PORT: String(port),
          DATABASE_URL: url,
          REDIS_URL: redisPorts.map((redisPort) => `redis://127.0.0.1:${redisPort}`).join(","),
          EDGE_URLS: edges.map((edge) => `http://127.0.0.1:${edge.proxy.port}`).join(","),
          PUSH_KEYS,
          CLOCK_SKEW_MS: String(skewMs),
          // As a URL, since NODE_OPTIONS ends at a space.
          NODE_OPTIONS: `--import=${new URL("skewed-clock.ts", import.meta.url).href}`,
          LOG_LEVEL: "error",
        });
      let current = await launch();
      stops.push(
        () => database.stop(),
        () => current.end("SIGKILL"),
      );
      return {
        current: () => current,
        start: async () => {
          if (!current.isRunning()) current = await launch();
        },
        database,
      };
    };
    const origins: Origin[] = [];
    for (const [i, skewMs] of SKEWS_MS.entries()) origins.push(await makeOrigin(skewMs, originPorts[i] ?? 0));

    let standbys = 0;
    /**
     * Copies the primary into a standby that follows it. `cut` stops it, so that it lacks what comes after; `promote` kills
     * the primary and puts the standby in its place.
     */
    const startStandbyOf = async () => {
      standbys += 1;
      const standbyDir = join(folder, `standby-${standbys}`);
      let standby = await startStandby(postgres.url, dataDir, standbyDir, POSTGRES_SETTINGS);
      stops.push(() => standby.stop());
      return {
        cut: () => standby.stop(),
        promote: async ({ isCut }: { isCut: boolean }): Promise<void> => {
          process.kill(postgres.pid, "SIGQUIT");
          await postgres.ended;
          const port = await freePort();
          if (!isCut) await standby.stop();
          standby = await startEmbeddedPostgres({
            dataDir: standbyDir,
            port,
            settings: { ...POSTGRES_SETTINGS, primary_conninfo: "", synchronous_standby_names: "" },
          });
          const client = await connect({ connectionString: standby.url });
          await client.query("select pg_promote()");
          await client.end();
          primary.port = port;
          dataDir = standbyDir;
          postgres = standby;
          for (const proxy of [ownProxy, ...origins.map(({ database }) => database)]) proxy.reset();
        },
      };
    };

    return {
      pool,
      startStandbyOf,
      redisClient,
      redis,
      redisProxies,
      edges,
      origins,
      balancer,
      postgresPid: () => postgres.pid,
      /** SIGINT ends sessions in order; SIGQUIT is a crash with recovery at the next start. */
      restartPostgres: async (signal: "SIGINT" | "SIGQUIT") => {
        process.kill(postgres.pid, signal);
        await postgres.ended;
        postgres = await startPostgres();
      },
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
};
