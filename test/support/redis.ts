// Real Redis servers for tests: one node, or a cluster of three masters with a replica each.
import { spawn, type ChildProcess } from "node:child_process";
import { randomInt } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Redis } from "ioredis";
import { freePort, isFreePort } from "../../origin/db/free-port.ts";
import { programPath } from "../../scripts/system-programs.ts";
import type { Certificate } from "./certificates.ts";

/** Its certificate and key, the authority that signed it, and whether clients have to show one of that authority too. */
export type RedisTls = Certificate & { readonly ca: string; readonly asksClients?: boolean };

export type RedisNode = {
  readonly port: number;
  readonly url: string;
  /** 0: it takes none. */
  readonly tlsPort: number;
  process: ChildProcess;
};

/** A port of its own for TLS: the tests' own questions go to the other one. */
const tlsFlags = (port: number, { cert, key, ca, asksClients = false }: RedisTls): readonly string[] =>
  Object.entries({
    "tls-port": String(port),
    "tls-cert-file": cert,
    "tls-key-file": key,
    "tls-ca-cert-file": ca,
    "tls-auth-clients": asksClients ? "yes" : "no",
  }).flatMap(([name, value]) => [`--${name}`, value]);

const launch = async (folder: string, port: number, more: readonly string[]): Promise<ChildProcess> => {
  const settings = ["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", folder];
  const program = programPath("redis-server", "This test");
  const process = spawn(program, ["--port", String(port), ...settings, ...more], { stdio: "ignore" });
  const died = once(process, "exit").then(([code]) => {
    throw new Error(`redis-server ended with ${String(code)} before it answered on port ${port}`);
  });
  died.catch(() => {});
  const probe = new Redis({ port, host: "127.0.0.1", retryStrategy: () => 20, maxRetriesPerRequest: null });
  probe.on("error", () => {});
  try {
    await Promise.race([probe.ping(), died]);
  } finally {
    probe.disconnect();
  }
  return process;
};

const startNode = async (
  folder: string,
  { port, tlsPort = 0 }: { readonly port: number; readonly tlsPort?: number },
  more: readonly string[],
): Promise<RedisNode> => ({
  port,
  url: `redis://127.0.0.1:${port}`,
  tlsPort,
  process: await launch(folder, port, more),
});

const end = async (node: RedisNode): Promise<void> => {
  if (node.process.exitCode !== null || node.process.signalCode !== null) return;
  const ended = once(node.process, "exit");
  node.process.kill("SIGKILL");
  await ended;
};

/** One node. `crash` kills it; `start` brings an empty one back on the same port. */
export const startRedis = async (tls?: RedisTls) => {
  const folder = await mkdtemp(join(tmpdir(), "sluice-redis-"));
  const tlsPort = tls === undefined ? 0 : await freePort();
  const flags = tls === undefined ? [] : tlsFlags(tlsPort, tls);
  const node = await startNode(folder, { port: await freePort(), tlsPort }, flags);
  return {
    url: node.url,
    port: node.port,
    tlsPort,
    crash: () => end(node),
    start: async () => {
      node.process = await launch(folder, node.port, flags);
    },
    stop: async () => {
      await end(node);
      await rm(folder, { recursive: true, force: true });
    },
  };
};

/** A free port whose cluster bus port (10,000 above it) is free too. Both are below those that `freePort` gives. */
const clusterPort = async (): Promise<number> => {
  for (;;) {
    const port = randomInt(11_000, 12_000);
    if ((await isFreePort(port)) && (await isFreePort(port + 10_000))) return port;
  }
};

const run = async (command: string, args: readonly string[]): Promise<void> => {
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "inherit"] });
  let output = "";
  child.stdout.on("data", (chunk: Buffer) => {
    output += chunk.toString();
  });
  const [code] = await once(child, "exit");
  if (code !== 0) throw new Error(`${command} ended with ${String(code)}: ${output}`);
};

/** Clients that come by TLS are told the ports for it, and the name that stands in the certificate. */
const clusterTlsFlags = (port: number, tlsPort: number): readonly string[] =>
  Object.entries({
    "tls-cluster": "yes",
    "tls-replication": "yes",
    "cluster-port": String(port + 10_000),
    "cluster-announce-tls-port": String(tlsPort),
    "cluster-announce-hostname": "localhost",
    "cluster-preferred-endpoint-type": "hostname",
  }).flatMap(([name, value]) => [`--${name}`, value]);

const NODE_TIMEOUT_MS = 1_500;
const dumpOf = (port: number): string => `dump-${port}.rdb`;

/** The node's own answer, or the error when there is none. */
const ask = async ({ port }: RedisNode, command: string, ...more: string[]): Promise<string> => {
  const client = new Redis({ port, host: "127.0.0.1", retryStrategy: () => null, commandTimeout: 1_000 });
  client.on("error", () => {});
  try {
    return String(await client.call(command, ...more));
  } catch (error) {
    return String(error);
  } finally {
    client.disconnect();
  }
};

/**
 * Three masters and three replicas, formed by redis-cli. `announce` gives the port by which a node tells others to
 * reach it, when that is not its own.
 */
export const startRedisCluster = async ({
  announce = (port) => Promise.resolve(port),
  tls,
}: {
  announce?: (port: number) => Promise<number>;
  tls?: RedisTls;
} = {}) => {
  const folder = await mkdtemp(join(tmpdir(), "sluice-cluster-"));
  const settingsOf = new Map<RedisNode, readonly string[]>();
  for (let i = 0; i < 6; i += 1) {
    const port = await clusterPort();
    const tlsPort = tls === undefined ? 0 : await freePort();
    const settings = {
      "cluster-enabled": "yes",
      // A replica writes what it is sent into a file, and would take up what another wrote.
      dbfilename: dumpOf(port),
      "cluster-config-file": `nodes-${port}.conf`,
      "cluster-node-timeout": String(NODE_TIMEOUT_MS),
      "cluster-announce-ip": "127.0.0.1",
      "cluster-announce-port": String(await announce(port)),
      "cluster-announce-bus-port": String(port + 10_000),
      // A replica that has not yet been copied to is no candidate when its master dies.
      "repl-diskless-sync-delay": "0",
      "cluster-replica-validity-factor": "0",
    };
    const flags = [
      ...Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]),
      ...(tls === undefined ? [] : [...tlsFlags(tlsPort, tls), ...clusterTlsFlags(port, tlsPort)]),
    ];
    settingsOf.set(await startNode(folder, { port, tlsPort }, flags), flags);
  }
  const nodes = [...settingsOf.keys()];
  const addresses = nodes.map((node) => `127.0.0.1:${node.port}`);
  const redisCli = programPath("redis-cli", "This test");
  await run(redisCli, ["--cluster", "create", ...addresses, "--cluster-replicas", "1", "--cluster-yes"]);
  for (const node of nodes) {
    const client = new Redis({ port: node.port, host: "127.0.0.1" });
    while (!String(await client.call("cluster", "info")).includes("cluster_state:ok")) await sleep(50);
    while ((await client.info("replication")).includes("master_link_status:down")) await sleep(50);
    client.disconnect();
  }
  const masters = async (): Promise<RedisNode[]> => {
    const answers = await Promise.all(nodes.map((node) => ask(node, "info", "replication")));
    return nodes.filter((_, i) => answers[i]?.includes("role:master"));
  };
  return {
    nodes,
    urls: nodes.map((node) => node.url),
    /** In the order of `nodes`; one that is dead or paused is none. */
    masters,
    /** How each node sees the cluster, for a person to read. */
    views: async (): Promise<string> => {
      const views = await Promise.all(nodes.map((node) => ask(node, "cluster", "nodes")));
      return nodes.map((node, i) => `${node.port}:\n${views[i]}`).join("\n");
    },
    crash: end,
    /** Brings a crashed node back, with what it knew of the cluster and nothing else. */
    start: async (node: RedisNode) => {
      await rm(join(folder, dumpOf(node.port)), { force: true });
      node.process = await launch(folder, node.port, settingsOf.get(node) ?? []);
    },
    stop: async () => {
      await Promise.all(nodes.map(end));
      await rm(folder, { recursive: true, force: true });
    },
  };
};
