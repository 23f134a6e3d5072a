// What the rollback bench runs on: a PostgreSQL that syncs to disk, an origin process, an edge whose hub takes the
// pushes, a second instance of the Worker that visitors reach, and an upstream that echoes the features that the gate names to it.
import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "../../origin/db/free-port.ts";
import { startEmbeddedPostgres } from "../../origin/db/embedded-postgres.ts";
import { migrate } from "../../origin/db/migrate.ts";
import { makePool } from "../../origin/db/pool.ts";
import { makeFeatureChanges } from "../../origin/features/change-feature.ts";
import { buildEdge } from "../../scripts/local-stack/build-edge.ts";
import { startEdge } from "../../scripts/local-stack/edge-server.ts";
import { startOriginProcess } from "../../scripts/local-stack/origin-process.ts";
import { startEchoUpstream } from "../../test/support/echo-upstream.ts";

export const INGEST_TOKEN = "ingest-token-of-the-bench";
const PUSH_KEYS = "k1:push-key-of-the-rollback-bench-0123456789abcdefghijklmnop";
const COOKIE_KEYS = "c1:cookie-key-of-the-rollback-bench-0123456789abcdefghijklmnop";

export type Setting = Awaited<ReturnType<typeof startSetting>>;

export const startSetting = async (options: { redisUrl?: string } = {}) => {
  const folder = await mkdtemp(join(tmpdir(), "sluice-bench-"));
  const stops: (() => Promise<unknown>)[] = [() => rm(folder, { recursive: true, force: true })];
  const stop = async () => {
    for (const end of stops.toReversed()) await end();
  };
  try {
    const postgres = await startEmbeddedPostgres({ dataDir: folder });
    stops.push(() => postgres.stop());
    await migrate(postgres.url);
    const pool = makePool(postgres.url, { applicationName: "sluice-bench", onIdleError: () => {} });
    stops.push(() => pool.end());

    const upstream = await startEchoUpstream();
    stops.push(() => upstream.stop());

    const edgePort = await freePort();
    const origin = startOriginProcess({
      port: await freePort(),
      onLine: (line) => process.stderr.write(`${line}\n`),
      env: {
        DATABASE_URL: postgres.url,
        ...(options.redisUrl === undefined ? {} : { REDIS_URL: options.redisUrl }),
        EDGE_URLS: `http://127.0.0.1:${edgePort}`,
        PUSH_KEYS,
        INGEST_TOKEN,
        ADMIN_TOKEN: randomUUID(),
        DATA_DIR: folder,
        LOG_LEVEL: "error",
      },
    });
    stops.push(() => origin.stop());
    const bundleDir = await buildEdge();
    const edge = await startEdge({
      bundleDir,
      stateDir: join(folder, "edge"),
      port: edgePort,
      morePorts: [await freePort()],
      bindings: {
        UPSTREAM_URL: upstream.url,
        ORIGIN_URL: origin.url,
        INGEST_TOKEN,
        PUSH_KEYS,
        COOKIE_KEYS,
      },
    });
    stops.push(() => edge.stop());
    await origin.ready();
    const [visitorUrl] = edge.moreUrls;
    if (visitorUrl === undefined) throw new Error("no second instance");
    return {
      changes: makeFeatureChanges({ pool, newId: randomUUID }),
      pool,
      origin,
      postgresPid: postgres.pid,
      readKvCopy: edge.readKvCopy,
      visitorUrl,
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
};
