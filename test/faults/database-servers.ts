// The PostgreSQL servers of an installation under faults, each a server of its own, and what is done to them: killed, standing still,
// cut off from every process. Each process of the installation has a way of its own to each of them.
import { execFile } from "node:child_process";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { Client } from "pg";
import { MAIN } from "../../origin/db/aggregate-databases.ts";
import { startEmbeddedPostgres, type EmbeddedPostgres } from "../../origin/db/embedded-postgres.ts";
import { freePort } from "../../origin/db/free-port.ts";
import { migrate } from "../../origin/db/migrate.ts";
import { startCuttableProxy, type CuttableProxy } from "../support/cuttable-proxy.ts";
import { signalServer } from "../support/signal-server.ts";
import { waitUntil } from "./wait-until.ts";

const RESTARTED_MS = 60_000;
/** Processes die here, the machine does not: what a killed server has written is there. */
const SETTINGS = { max_connections: "100", fsync: "off" };

const makeServer = (name: string, dataDir: string, port: number) => {
  const start = (): Promise<EmbeddedPostgres> => startEmbeddedPostgres({ dataDir, port, settings: SETTINGS });
  let server: EmbeddedPostgres | undefined;
  const ways: CuttableProxy[] = [];
  const running = (): EmbeddedPostgres => {
    if (server === undefined) throw new Error(`the database ${name} was not started`);
    return server;
  };
  return {
    name,
    /** Nobody's way but the test's own. */
    url: () => running().url,
    start: async () => {
      server = await start();
    },
    stop: async () => {
      for (const way of ways) way.stop();
      if (server === undefined) return;
      signalServer(server.pid, "SIGCONT");
      await server.stop();
    },
    kill: async () => {
      const killed = running();
      process.kill(killed.pid, "SIGKILL");
      await killed.ended;
      // Its children end by themselves when they notice; until then the data is in use.
      server = await waitUntil(`the database ${name} runs again`, start, RESTARTED_MS);
    },
    pauseFor: async (ms: number) => {
      signalServer(running().pid, "SIGSTOP");
      await sleep(ms);
      signalServer(running().pid, "SIGCONT");
    },
    cutFor: async (ms: number) => {
      for (const way of ways) way.cut();
      await sleep(ms);
      for (const way of ways) way.mend();
    },
    /** A way for one process. */
    way: async (): Promise<{ readonly url: string; readonly proxy: CuttableProxy }> => {
      const direct = new URL(running().url);
      const proxy = await startCuttableProxy(direct.href);
      ways.push(proxy);
      direct.host = new URL(proxy.url).host;
      return { url: direct.href, proxy };
    },
    /** On a connection of the test's own. */
    ask: async <T extends object>(text: string, values: unknown[] = []): Promise<T[]> => {
      const client = new Client({ connectionString: running().url, query_timeout: 10_000 });
      client.on("error", () => {});
      await client.connect();
      try {
        return (await client.query<T>(text, values)).rows;
      } finally {
        await client.end();
      }
    },
  };
};
export type DatabaseServer = ReturnType<typeof makeServer>;

/** The main database first. `others`: names of aggregate databases. */
export const startDatabases = async (
  folder: string,
  others: readonly string[],
): Promise<readonly DatabaseServer[]> => {
  const homes = [MAIN, ...others].map((name) => ({ name, dataDir: join(folder, name) }));
  const [first] = homes;
  if (first === undefined) throw new Error("unreachable: there is no main database");
  await mkdir(first.dataDir);
  const template = await startEmbeddedPostgres({ dataDir: first.dataDir, settings: SETTINGS });
  await migrate(template.url);
  await template.stop();
  // Of one cluster that has the schema, which is quicker than to make three.
  for (const { dataDir } of homes.slice(1)) await promisify(execFile)("cp", ["-a", first.dataDir, dataDir]);
  const servers: DatabaseServer[] = [];
  for (const { name, dataDir } of homes) servers.push(makeServer(name, dataDir, await freePort()));
  await Promise.all(servers.map((server) => server.start()));
  return servers;
};
