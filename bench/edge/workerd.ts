// Workers on bare `workerd serve`, a process each, and what the kernel says of the process's CPU time.
import { spawn } from "node:child_process";
import { mkdir, readdir, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join, relative } from "node:path";
import { procFile, residentMb, threadsCpuMs } from "../../test/support/linux-processes.ts";

const WORKERD = createRequire(import.meta.url).resolve("workerd/bin/workerd");

export type Served = {
  readonly url: string;
  /** CPU time used so far by all its threads, in µs, from the scheduler's own account (ns, where ticks are 10 ms). */
  readonly cpuUs: () => number;
  /** The same of the one thread that runs all isolates: how long requests have to wait, without other programs. */
  readonly isolatesUs: () => number;
  readonly residentMb: () => number;
  readonly stop: () => Promise<void>;
};

export type Serving = {
  /** Folder, below that of `serve`, of a bundle whose entry is `entry`; its .wasm files are modules too. */
  readonly bundleDir: string;
  readonly entry: string;
  readonly port: number;
  readonly bindings: Readonly<Record<string, string>>;
  /** Sluice's own bindings: Durable Objects and an empty KV. `apart`: the Durable Objects in an isolate of their own. */
  readonly state: boolean | "apart";
  /** Where the inspector listens. */
  readonly inspectorPort?: number;
};

const quote = (text: string): string => JSON.stringify(text);

const EMPTY_KV = `export default { fetch: (request) => new Response(null, { status: request.method === "PUT" ? 200 : 404 }) };`;

/** workerd embeds files by their place beside the configuration, which lies in `folder`. */
const configOf = async (folder: string, serving: Serving): Promise<string> => {
  const { bundleDir, entry, port, bindings, state } = serving;
  const stateDir = join(folder, `${port}-state`);
  await mkdir(stateDir);
  const wasm = (await readdir(bundleDir)).filter((file) => file.endsWith(".wasm"));
  const modules = [
    `(name = "worker.js", esModule = embed ${quote(relative(folder, join(bundleDir, entry)))})`,
    ...wasm.map(
      (file) => `(name = ${quote(file)}, wasm = embed ${quote(relative(folder, join(bundleDir, file)))})`,
    ),
  ];
  const texts = Object.entries(bindings).map(
    ([name, value]) => `(name = ${quote(name)}, text = ${quote(value)})`,
  );
  const stateful = (isOwn: boolean): readonly string[] => [
    ...(["Hub", "Replica"] as const).map((name) => {
      const namespace = isOwn ? `"${name}"` : `(className = "${name}", serviceName = "state")`;
      return `(name = "${name.toUpperCase()}", durableObjectNamespace = ${namespace})`;
    }),
    `(name = "FEATURES", kvNamespace = "kv")`,
  ];
  const classes = `
    durableObjectNamespaces = [
      (className = "Hub", uniqueKey = "hub", enableSql = true),
      (className = "Replica", uniqueKey = "replica", enableSql = true),
    ],
    durableObjectStorage = (localDisk = "disk"),`;
  const worker = (isStateOwn: boolean): string => `(
  modules = [${modules.join(", ")}],
  compatibilityDate = "2026-10-20",
  compatibilityFlags = [${state === false ? "" : `"enable_request_signal"`}],
  bindings = [${[...texts, ...(state === false ? [] : stateful(isStateOwn))].join(", ")}],${state !== false && isStateOwn ? classes : ""}
)`;
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "main", worker = ${worker(state !== "apart")}),${
      state === "apart" ? `\n    (name = "state", worker = ${worker(true)}),` : ""
    }
    (name = "kv", worker = (modules = [(name = "kv.js", esModule = ${quote(EMPTY_KV)})], compatibilityDate = "2026-10-20")),
    (name = "disk", disk = (path = ${quote(stateDir)}, writable = true)),
    (name = "internet", network = (allow = ["public", "private", "local"])),
  ],
  sockets = [(name = "http", address = "127.0.0.1:${port}", http = (), service = "main")],
);
`;
};

const untilAnswered = async (url: string): Promise<void> => {
  for (let tries = 0; tries < 200; tries++) {
    const answered = await fetch(url).then(
      () => true,
      () => false,
    );
    if (answered) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`workerd does not answer at ${url}`);
};

export const serve = async (folder: string, serving: Serving): Promise<Served> => {
  const configPath = join(folder, `${serving.port}.capnp`);
  await writeFile(configPath, await configOf(folder, serving));
  const { inspectorPort } = serving;
  const inspector = inspectorPort === undefined ? [] : [`--inspector-addr=127.0.0.1:${inspectorPort}`];
  const child = spawn(WORKERD, ["serve", "--experimental", ...inspector, configPath], {
    stdio: ["ignore", "inherit", "inherit"],
  });
  const url = `http://127.0.0.1:${serving.port}`;
  await untilAnswered(url);
  const pid = child.pid ?? 0;
  return {
    url,
    cpuUs: () => threadsCpuMs(pid) * 1_000,
    isolatesUs: () => Number(procFile(pid, "schedstat").split(" ")[0]) / 1_000,
    residentMb: () => residentMb(pid),
    stop: async () => {
      if (child.signalCode !== null) return;
      const ended = new Promise((resolve) => child.once("exit", resolve));
      child.kill("SIGKILL");
      await ended;
    },
  };
};
