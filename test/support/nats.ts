// Real NATS servers with JetStream for tests: one, or a cluster of three. A node can be killed, paused and started again with
// the data that it had; its connections to the others may lead through proxies that a test cuts.
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { appendFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { freePort } from "../../origin/db/free-port.ts";
import type { JetStreamSettings } from "../../origin/span-log/jetstream/settings.ts";
import { newerNats } from "../../scripts/newer-nats.ts";
import { programPath } from "../../scripts/system-programs.ts";

export type NatsNode = {
  readonly name: string;
  readonly port: number;
  readonly url: string;
  readonly storeDir: string;
  readonly pid: () => number;
  readonly kill: () => Promise<void>;
  readonly pause: () => void;
  readonly resume: () => void;
  readonly start: () => Promise<void>;
};

/** One that PATH leads to before the system's; else the newer one; else the system's. */
const natsProgram = (): string => {
  const found = programPath("nats-server", "This test");
  return found.startsWith("/usr/") ? (newerNats() ?? found) : found;
};

const isListening = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.on("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.on("error", () => resolve(false));
  });

const makeNode = async (options: {
  folder: string;
  name: string;
  port: number;
  storeDir?: string | undefined;
  maxStore?: string | undefined;
  config: string;
}): Promise<NatsNode> => {
  const { folder, name, port, config } = options;
  const storeDir = options.storeDir ?? join(folder, name);
  const file = join(folder, `${name}.conf`);
  await writeFile(
    file,
    `server_name: ${name}\nlisten: "127.0.0.1:${port}"\njetstream { store_dir: "${storeDir}", max_file_store: ${options.maxStore ?? "1GB"} }\n${config}\n`,
  );
  const program = natsProgram();
  let child: ChildProcess | undefined;
  const hasEnded = (): boolean => child === undefined || child.exitCode !== null || child.signalCode !== null;
  return {
    name,
    port,
    url: `nats://127.0.0.1:${port}`,
    storeDir,
    pid: () => child?.pid ?? 0,
    kill: async () => {
      if (child === undefined || hasEnded()) return;
      const ended = once(child, "exit");
      child.kill("SIGKILL");
      await ended;
    },
    pause: () => void child?.kill("SIGSTOP"),
    resume: () => void child?.kill("SIGCONT"),
    start: async () => {
      let output = "";
      child = spawn(program, ["-c", file], { stdio: ["ignore", "ignore", "pipe"] });
      child.stderr?.on("data", (chunk: Buffer) => {
        appendFileSync(join(folder, `${name}.log`), chunk);
        output = (output + chunk.toString()).slice(-2_000);
      });
      while (!(await isListening(port))) {
        if (hasEnded()) throw new Error(`nats-server ended before it listened: ${output}`);
        await sleep(20);
      }
    },
  };
};

/**
 * `storeDirs`: folders of the nodes' data, in place of some in a temporary folder. `routes`: the address by which one node reaches
 * another; `config`: more of each server's configuration.
 */
export const startNats = async (
  options: {
    nodes?: 1 | 3;
    storeDirs?: readonly (string | undefined)[];
    config?: string;
    /** what all streams together may take of a server's disk */
    maxStore?: string;
    route?: (from: number, to: number, port: number) => Promise<number>;
  } = {},
) => {
  const { nodes: count = 1, storeDirs = [], config = "", maxStore, route } = options;
  const folder = await mkdtemp(join(tmpdir(), "sluice-nats-"));
  const ports: number[] = [];
  const clusterPorts: number[] = [];
  for (let n = 0; n < count; n++) {
    ports.push(await freePort());
    clusterPorts.push(await freePort());
  }
  const nodes: NatsNode[] = [];
  for (let n = 0; n < count; n++) {
    const routes: string[] = [];
    for (const [to, port] of clusterPorts.entries())
      if (to !== n) routes.push(`"nats://127.0.0.1:${(await route?.(n, to, port)) ?? port}"`);
    // Without no_advertise servers would tell each other the ways that no proxy cuts.
    const cluster =
      count === 1
        ? ""
        : `cluster { name: sluice, listen: "127.0.0.1:${clusterPorts[n]}", no_advertise: true, routes: [${routes.join(", ")}] }`;
    nodes.push(
      await makeNode({
        folder,
        name: `n${n}`,
        port: ports[n] ?? 0,
        storeDir: storeDirs[n],
        maxStore,
        config: `${cluster}\n${config}`,
      }),
    );
  }
  await Promise.all(nodes.map((node) => node.start()));
  return {
    nodes,
    folder,
    urls: nodes.map(({ url }) => url),
    stop: async () => {
      for (const node of nodes) node.resume();
      await Promise.all(nodes.map((node) => node.kill()));
      await rm(folder, { recursive: true, force: true });
    },
  };
};
export type TestNats = Awaited<ReturnType<typeof startNats>>;

export const jetStreamSettings = (
  { urls, nodes }: Pick<TestNats, "urls" | "nodes">,
  prefix: string,
): JetStreamSettings => ({
  urls,
  prefix,
  replicas: nodes.length,
  caFile: null,
  credentialsFile: null,
});
