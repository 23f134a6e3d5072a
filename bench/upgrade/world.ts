// An installation whose parts can be replaced one after the other: two processes of each role, two edges with a hub of their own,
// HAProxy before what is asked from outside. Everything is real, and can run this version's code or the last released one's.
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { startEmbeddedPostgres } from "../../origin/db/embedded-postgres.ts";
import { freePort } from "../../origin/db/free-port.ts";
import { makePool } from "../../origin/db/pool.ts";
import { buildEdge } from "../../scripts/local-stack/build-edge.ts";
import { bundleEdge, startEdge, type EdgeServer } from "../../scripts/local-stack/edge-server.ts";
import { startEchoUpstream } from "../../test/support/echo-upstream.ts";
import { NOTICED_MS, startHaproxy } from "../../test/support/haproxy.ts";
import { ORIGIN_INGEST_TOKEN, startOrigin, type OriginUnderTest } from "../../test/support/origin.ts";
import { startRedis } from "../../test/support/redis.ts";
import { lastRelease, missingRelease, unpackRelease } from "../../test/support/released-version.ts";

const PUSH_KEYS = "k1:push-key-of-the-rolling-upgrade-0123456789abcdefghijklmnop";
const COOKIE_KEYS = "c1:cookie-key-of-the-rolling-upgrade-0123456789abcdefghijklmnop";
export type Part = { readonly name: "admin" | "ingest" | "fold" | "evaluate"; readonly roles: string };
/** As in deploy/kubernetes. */
export const PARTS: readonly Part[] = [
  { name: "admin", roles: "admin,push" },
  { name: "ingest", roles: "ingest" },
  { name: "fold", roles: "fold" },
  { name: "evaluate", roles: "evaluate" },
];
/** In fewer processes. */
export const FEWER_PARTS: readonly Part[] = [
  { name: "admin", roles: "admin,push" },
  { name: "ingest", roles: "ingest" },
  { name: "fold", roles: "fold,evaluate" },
];
/** Those that are asked from outside. */
const isBalanced = (name: Part["name"]): name is "admin" | "ingest" => name === "admin" || name === "ingest";
const PROCESSES_OF_A_PART = 2;
const EDGES = 2;

const WITHIN_MS = 30_000;
/** Asks until it is so; fails with `what` did not come to be. */
export const until = async (
  what: string,
  holds: () => Promise<boolean>,
  withinMs = WITHIN_MS,
): Promise<void> => {
  const deadline = performance.now() + withinMs;
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`not within ${withinMs} ms: ${what}`);
    await sleep(50);
  }
};

const EdgeHealth = z.object({ revision: z.number(), telemetry: z.object({ waiting: z.number() }) });

export type Version = "released" | "this";
export type Replaceable = {
  readonly name: string;
  /** Ends it, and starts it with the other version's code or the same again. */
  readonly replace: (version: Version) => Promise<void>;
};
export type World = Awaited<ReturnType<typeof startWorld>>;

/** Begins with `version`; `later` is what its parts will be replaced by. */
export const startWorld = async (version: Version, later: Version, parts: readonly Part[]) => {
  const folder = await mkdtemp(join(tmpdir(), "sluice-upgrade-"));
  const stops: (() => Promise<unknown>)[] = [() => rm(folder, { recursive: true, force: true })];
  const stop = async () => {
    for (const end of stops.toReversed()) await end();
  };
  try {
    const code: Record<Version, string> = {
      this: fileURLToPath(new URL("../..", import.meta.url)),
      released: join(folder, "released"),
    };
    const bundles: Record<Version, string> = {
      this: await buildEdge(),
      released: join(folder, "bundle-released"),
    };
    if (version === "released" || later === "released") {
      const release = await lastRelease();
      const missing = missingRelease(release);
      if (missing !== null) throw new Error(missing);
      await mkdir(code.released);
      await unpackRelease(release, code.released);
      await bundleEdge(bundles.released, join(code.released, "wrangler.toml"));
    }

    const postgres = await startEmbeddedPostgres({ dataDir: join(folder, "postgres") });
    stops.push(() => postgres.stop());
    const pool = makePool(postgres.url, { applicationName: "sluice-upgrade", onIdleError: () => {} });
    stops.push(() => pool.end());
    const redis = await startRedis();
    stops.push(() => redis.stop());
    const upstream = await startEchoUpstream();
    stops.push(() => upstream.stop());

    const freePorts = async (count: number): Promise<number[]> => {
      const ports: number[] = [];
      while (ports.length < count) ports.push(await freePort());
      return ports;
    };
    const ports = {
      admin: await freePorts(PROCESSES_OF_A_PART),
      ingest: await freePorts(PROCESSES_OF_A_PART),
      fold: await freePorts(PROCESSES_OF_A_PART),
      evaluate: await freePorts(PROCESSES_OF_A_PART),
      edges: await freePorts(EDGES),
    };
    const balancer = await startHaproxy({
      admin: { ports: ports.admin, check: "/readyz" },
      ingest: { ports: ports.ingest, check: "/readyz" },
      edges: { ports: ports.edges, check: "/.sluice/health" },
    });
    stops.push(() => balancer.stop());

    const env = {
      DATABASE_URL: postgres.url,
      REDIS_URL: redis.url,
      EDGE_URLS: ports.edges.map((port) => `http://127.0.0.1:${port}`).join(","),
      PUSH_KEYS,
      SESSION_KEYS: "s1:session-key-of-the-rolling-upgrade-0123456789abcdefghijklmnop",
      DRAIN_MS: String(NOTICED_MS),
      LOG_LEVEL: "error",
    };
    const complaints: string[] = [];
    const makeOrigin = async (part: Part, index: number): Promise<Replaceable> => {
      let runs: Version = version;
      const start = (): Promise<OriginUnderTest> =>
        startOrigin({ ...env, ROLES: part.roles, ORIGIN_PORT: String(ports[part.name][index]) }, code[runs]);
      let origin = await start();
      stops.push(() => origin.end("SIGKILL"));
      const name = `${part.name} ${index + 1}`;
      return {
        name,
        replace: async (next) => {
          // The released version takes no part in its own draining: the balancer has to leave it out first.
          const balanced = isBalanced(part.name) ? part.name : null;
          const leftOut = runs === "released" ? balanced : null;
          if (leftOut !== null) {
            await balancer.set(leftOut, index, "drain");
            await sleep(NOTICED_MS);
          }
          const exitCode = await origin.end("SIGTERM");
          if (exitCode !== 0) throw new Error(`${name} ended with ${exitCode}:\n${origin.output()}`);
          complaints.push(...linesOf(origin).map((line) => `${name} (${runs}): ${line}`));
          runs = next;
          origin = await start();
          if (leftOut !== null) await balancer.set(leftOut, index, "ready");
          if (balanced !== null) await balancer.up(balanced, index);
        },
      };
    };
    const linesOf = (origin: OriginUnderTest): string[] =>
      origin
        .output()
        .split("\n")
        .filter((line) => line.startsWith("{"));

    const healthOf = async (port: number) => {
      const answer = await fetch(`http://127.0.0.1:${port}/.sluice/health`);
      return EdgeHealth.parse(await answer.json());
    };
    /** Nothing that visitors have done waits in the isolate any more. */
    const flushed = (port: number): Promise<void> =>
      until(`the edge on port ${port} has sent its telemetry`, async () => {
        const { waiting } = (await healthOf(port)).telemetry;
        return waiting === 0;
      });
    const makeEdge = async (index: number): Promise<Replaceable> => {
      const port = ports.edges[index] ?? 0;
      const start = (runs: Version): Promise<EdgeServer> =>
        startEdge({
          bundleDir: bundles[runs],
          stateDir: join(folder, `edge-${index + 1}`),
          port,
          config: join(code[runs], "wrangler.toml"),
          bindings: {
            UPSTREAM_URL: upstream.url,
            ORIGIN_URL: balancer.urls.ingest,
            INGEST_TOKEN: ORIGIN_INGEST_TOKEN,
            PUSH_KEYS,
            COOKIE_KEYS,
          },
        });
      let edge = await start(version);
      stops.push(() => edge.stop());
      return {
        name: `edge ${index + 1}`,
        replace: async (next) => {
          const { revision } = await healthOf(port);
          await balancer.set("edges", index, "drain");
          await sleep(300);
          await flushed(port);
          await edge.stop();
          edge = await start(next);
          await until(`edge ${index + 1} has revision ${revision}`, async () => {
            const health = await healthOf(port);
            return health.revision >= revision;
          });
          await balancer.set("edges", index, "ready");
          await balancer.up("edges", index);
        },
      };
    };

    const replaceable: Replaceable[] = [];
    for (const part of parts)
      replaceable.push(
        ...(await Promise.all(Array.from({ length: PROCESSES_OF_A_PART }, (_, i) => makeOrigin(part, i)))),
      );
    replaceable.push(...(await Promise.all(Array.from({ length: EDGES }, (_, i) => makeEdge(i)))));
    for (const name of ["admin", "ingest", "edges"] as const)
      for (const i of ports[name].keys()) await balancer.up(name, i);

    return {
      pool,
      urls: balancer.urls,
      /** In the order in which an upgrade replaces them. */
      parts: replaceable,
      /** Of processes that have ended, what they said was wrong. */
      complaints,
      edgesFlushed: () => Promise.all(ports.edges.map((port) => flushed(port))),
      balancerSaid: balancer.said,
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
};
