// PostgreSQL as an operator has it: a primary, a synchronous and an asynchronous standby, three read replicas. All of them
// follow the one address of the proxy, so that a promotion moves them too.
import { execFile } from "node:child_process";
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { connect } from "../../origin/db/connect.ts";
import { freePort } from "../../origin/db/free-port.ts";
import { startEmbeddedPostgres, type EmbeddedPostgres } from "../../origin/db/embedded-postgres.ts";
import { migrate } from "../../origin/db/migrate.ts";
import { startHaproxy } from "./haproxy.ts";

export const STANDBYS = ["sync", "async"] as const;
export type Standby = (typeof STANDBYS)[number];
const REPLICAS = ["replica-1", "replica-2", "replica-3"] as const;
export type Follower = Standby | (typeof REPLICAS)[number];
export const FOLLOWERS: readonly Follower[] = [...STANDBYS, ...REPLICAS];
export type ServerName = "primary" | Follower;

// fsync is off since only processes are killed here, and no machine loses its power.
const SETTINGS = {
  max_connections: "150",
  shared_buffers: "32MB",
  fsync: "off",
  wal_keep_size: "64MB",
  wal_retrieve_retry_interval: "200ms",
  wal_receiver_timeout: "5s",
  hot_standby_feedback: "on",
};
const FOLLOW_MS = 3_000;

/** Runs one statement on a connection of its own. */
export const askOnce = async <T extends object>(url: string, sql: string): Promise<T[]> => {
  const client = await connect({
    connectionString: url,
    connectionTimeoutMillis: 5_000,
    query_timeout: 10_000,
  });
  try {
    return (await client.query<T>(sql)).rows;
  } finally {
    await client.end().catch(() => {});
  }
};

const literal = (value: string): string => `'${value.replaceAll("'", "''")}'`;

const fileOf = (folder: string, name: string): string => join(folder, "postgres", "data", name);

export type PostgresServers = Awaited<ReturnType<typeof startPostgresServers>>;

export const startPostgresServers = async (
  folder: string,
  onStop: (stop: () => Promise<unknown>) => void,
) => {
  const dataDir = (name: ServerName): string => join(folder, name);
  const servers = new Map<ServerName, EmbeddedPostgres>();
  const ports = Object.fromEntries(
    await Promise.all(FOLLOWERS.map(async (name) => [name, await freePort()] as const)),
  ) as Record<Follower, number>;
  const first = await startEmbeddedPostgres({ dataDir: dataDir("primary"), settings: SETTINGS });
  servers.set("primary", first);
  onStop(() => Promise.all([...servers.values()].map((server) => server.stop())));
  await migrate(first.url);
  const haproxy = await startHaproxy({
    folder,
    target: Number(new URL(first.url).port),
    replicas: {
      "replica-1": ports["replica-1"],
      "replica-2": ports["replica-2"],
      "replica-3": ports["replica-3"],
    },
  });
  onStop(() => haproxy.stop());
  let leader: ServerName = "primary";
  const serverOf = (name: ServerName): EmbeddedPostgres => {
    const server = servers.get(name);
    if (server === undefined) throw new Error(`${name} does not run`);
    return server;
  };
  const through = (port: number): string => {
    const url = new URL(first.url);
    url.port = String(port);
    return url.href;
  };
  const conninfoOf = (name: Follower): string => {
    const { username, password } = new URL(first.url);
    return `host=127.0.0.1 port=${haproxy.primary} user=${username} password=${password} application_name=${name}`;
  };

  /** Copies the primary's data while it goes on, and starts the copies. */
  const clone = async (names: readonly Follower[]): Promise<void> => {
    const client = await connect({ connectionString: serverOf(leader).url });
    await client.query("select pg_backup_start('clone', true)");
    for (const name of names) {
      await rm(dataDir(name), { recursive: true, force: true });
      await promisify(execFile)("cp", ["-a", dataDir(leader), dataDir(name)]); // with its owner, which fs.cp does not keep
    }
    const { rows } = await client.query<{ labelfile: string }>("select labelfile from pg_backup_stop()");
    await client.end();
    await Promise.all(
      names.map(async (name) => {
        const copy = dataDir(name);
        for (const file of ["postmaster.pid", "standby.signal"])
          await rm(fileOf(copy, file), { force: true });
        await writeFile(fileOf(copy, "backup_label"), rows[0]?.labelfile ?? "");
        await writeFile(fileOf(copy, "standby.signal"), "");
        await writeFile(
          fileOf(copy, "postgresql.auto.conf"),
          `primary_conninfo = ${literal(conninfoOf(name))}\n`,
        );
        servers.set(
          name,
          await startEmbeddedPostgres({ dataDir: copy, port: ports[name], settings: SETTINGS }),
        );
      }),
    );
  };

  /** On the primary's timeline: one that has more than the new primary is streamed the old one, again and again. */
  const isStreaming = async (name: Follower): Promise<boolean> => {
    const sql = "select received_tli as timeline from pg_stat_wal_receiver where status = 'streaming'";
    const [at, to] = await Promise.all([
      askOnce<{ timeline: number }>(serverOf(name).url, sql).catch(() => []),
      askOnce<{ file: string }>(serverOf(leader).url, "select pg_walfile_name(pg_current_wal_lsn()) as file"),
    ]);
    return at[0] !== undefined && at[0].timeline === Number.parseInt(to[0]?.file.slice(0, 8) ?? "", 16);
  };

  /** Which of them do not follow the primary within the time, as one that has more than the new primary. */
  const stragglers = async (names: readonly Follower[]): Promise<Follower[]> => {
    const deadline = performance.now() + FOLLOW_MS;
    let left = [...names];
    while (left.length > 0 && performance.now() < deadline) {
      const streaming = await Promise.all(left.map(isStreaming));
      left = left.filter((_, i) => streaming[i] !== true);
      if (left.length > 0) await sleep(100);
    }
    return left;
  };
  const set = async (name: ServerName, setting: string, value: string): Promise<void> => {
    await askOnce(serverOf(name).url, `alter system set ${setting} = ${literal(value)}`);
    await askOnce(serverOf(name).url, "select pg_reload_conf()");
  };

  await clone(FOLLOWERS);
  const late = await stragglers(FOLLOWERS);
  if (late.length > 0) throw new Error(`these do not follow the primary: ${late.join(", ")}`);
  await set("primary", "synchronous_standby_names", "sync");

  return {
    haproxyPid: haproxy.pid,
    /** Of the primary, whichever it is. */
    url: through(haproxy.primary),
    /** Of the replicas that answer. */
    readsUrl: through(haproxy.reads),
    urlOf: (name: ServerName): string => serverOf(name).url,
    leader: (): ServerName => leader,
    names: (): ServerName[] => [...servers.keys()],
    isRunning: (name: ServerName): boolean => servers.has(name),
    /** As a machine that loses its power: no process of it says goodbye. */
    killPrimary: async (): Promise<void> => {
      const server = serverOf(leader);
      process.kill(server.pid, "SIGKILL");
      await server.ended;
      servers.delete(leader);
    },
    /** From now on it misses what the primary writes. */
    cut: (name: Follower): Promise<void> => set(name, "primary_conninfo", ""),
    /** Makes it the primary and moves the address; whoever cannot follow it is copied anew. Resolves to those. */
    promote: async (name: Standby): Promise<{ followAgain: () => Promise<readonly Follower[]> }> => {
      await askOnce(serverOf(name).url, "select pg_promote()");
      await haproxy.moveTo(ports[name]);
      leader = name;
      return {
        followAgain: async () => {
          const others = FOLLOWERS.filter((other) => other !== name && servers.has(other));
          const behind = await stragglers(others);
          await Promise.all(behind.map((other) => serverOf(other).stop()));
          if (behind.length > 0) await clone(behind);
          return behind;
        },
      };
    },
  };
};
