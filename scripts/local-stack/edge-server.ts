// The edge Worker on this machine: bundled by wrangler as for a deployment, run by workerd, state kept in a folder.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdir } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { convertV4MiniflareOptions, Log, LogLevel, Miniflare, MiniflareCoreError } from "miniflare";
import { root } from "../../origin/runtime/place.ts";
import { unstable_getMiniflareWorkerOptions, unstable_readConfig } from "wrangler";

const configPath = join(root, "wrangler.toml");

/** Wrangler as a program of its own: where a package lies is not known beforehand. */
export const wranglerProgram = (): string =>
  join(dirname(createRequire(import.meta.url).resolve("wrangler/package.json")), "bin", "wrangler.js");

export const QUIET_WRANGLER = { WRANGLER_SEND_METRICS: "false", WRANGLER_HIDE_BANNER: "true" };

export type EdgeServer = {
  readonly url: string;
  /** Of the further instances, in the order of `morePorts`. */
  readonly moreUrls: readonly string[];
  /** The KV copy; null: there is none yet. */
  readonly readKvCopy: () => Promise<string | null>;
  readonly stop: () => Promise<void>;
};

/** Bundles the Worker, or the one that `config` describes, into `outDir`. Throws with wrangler's own words. */
export const bundleEdge = async (outDir: string, config = configPath): Promise<void> => {
  const child = spawn(
    process.execPath,
    [wranglerProgram(), "deploy", "--dry-run", "--config", config, "--outdir", outDir],
    { stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, ...QUIET_WRANGLER } },
  );
  let output = "";
  const keep = (chunk: Buffer) => {
    output += chunk.toString();
  };
  child.stdout.on("data", keep);
  child.stderr.on("data", keep);
  const [code] = await once(child, "exit");
  if (code !== 0) throw new Error(`wrangler could not bundle the Worker:\n${output}`);
};

/** The Worker's modules, its entry first. */
const modulesOf = async (
  bundleDir: string,
): Promise<{ type: "ESModule" | "CompiledWasm"; path: string }[]> => {
  const files = await readdir(bundleDir);
  const wasm = files.filter((file) => file.endsWith(".wasm"));
  return [
    { type: "ESModule", path: join(bundleDir, "worker.js") },
    ...wasm.map((file) => ({ type: "CompiledWasm" as const, path: join(bundleDir, file) })),
  ];
};

/** What of wrangler's description of the Worker this file reads; the rest is handed on as it is. */
type WorkerOptions = {
  modulesRules?: unknown;
  bindings?: unknown;
  durableObjects?: Record<string, { className: string }>;
};

/**
 * Serves a bundle made by `bundleEdge` on `port` (0: any free one). `bindings` are the Worker's vars and secrets,
 * over those of wrangler.toml. KV and Durable Objects live in `stateDir` and survive a restart.
 */
export const startEdge = async (options: {
  bundleDir: string;
  stateDir: string;
  port: number;
  /** Further instances of the Worker, each an isolate of its own, that share hub, replicas and KV with the first. */
  morePorts?: readonly number[];
  bindings: Readonly<Record<string, string>>;
  /** Name of a queue that takes the telemetry which the origin does not. */
  telemetryQueue?: string;
  /** Where the inspector of every isolate listens, by its name in `/json`. */
  inspectorPort?: number;
  /** The description of another version's Worker. */
  config?: string;
  /** Hears each line that the Worker writes to its log; else they go to this process's output. */
  onLogLine?: (line: string) => void;
}): Promise<EdgeServer> => {
  const config = unstable_readConfig({ config: options.config ?? configPath });
  // The bundle lists its modules itself, so wrangler's rules for finding them have nothing to do. Its bindings would
  // bring in `.dev.vars` and `.env`, which are for `wrangler dev`.
  const {
    modulesRules: _,
    bindings: __,
    ...workerOptions
  } = unstable_getMiniflareWorkerOptions(config).workerOptions as WorkerOptions;
  const modules = await modulesOf(options.bundleDir);
  const instance = (name: string, port: number) => ({
    ...workerOptions,
    name,
    rootPath: options.bundleDir,
    modulesRoot: options.bundleDir,
    modules,
    bindings: { ...config.vars, ...options.bindings },
    // Visitors reach the Worker itself: the development server's own entry would rewrite requests.
    unsafeDirectSockets: [{ host: "127.0.0.1", port }],
  });
  const durableObjects: Record<string, object> = {};
  for (const [binding, { className }] of Object.entries(workerOptions.durableObjects ?? {}))
    durableObjects[binding] = { className, scriptName: "sluice" };
  const others = (options.morePorts ?? []).map((port, i) =>
    Object.assign(instance(`sluice-${i + 2}`, port), { durableObjects }),
  );
  const { telemetryQueue: queue, onLogLine } = options;
  const queueProducers = queue === undefined ? {} : { TELEMETRY: queue };
  const queueConsumers =
    queue === undefined ? {} : { [queue]: { maxBatchSize: 10, maxBatchTimeout: 1, maxRetries: 100 } };
  const miniflare = new Miniflare(
    convertV4MiniflareOptions({
      log: new Log(LogLevel.WARN),
      resourcePersistencePath: options.stateDir,
      telemetry: { enabled: false },
      ...(options.inspectorPort === undefined ? {} : { inspectorPort: options.inspectorPort }),
      cf: false,
      ...(onLogLine === undefined
        ? {}
        : { handleStructuredLogs: ({ message }: { readonly message: string }) => onLogLine(message) }),
      workers: [{ ...instance("sluice", options.port), queueProducers, queueConsumers }, ...others],
    }),
  );
  try {
    await miniflare.ready;
  } catch (cause) {
    const inUse = cause instanceof MiniflareCoreError && cause.code === "ERR_ADDRESS_IN_USE";
    throw inUse ? new Error(`the edge's port ${options.port} is in use`, { cause }) : cause;
  }
  const urlOf = async (name: string) => (await miniflare.unsafeGetDirectURL(name)).origin;
  return {
    url: await urlOf("sluice"),
    moreUrls: await Promise.all(others.map(({ name }) => urlOf(name))),
    readKvCopy: async () => (await miniflare.getKVNamespace("FEATURES", "sluice")).get("snapshot", "text"),
    stop: () => miniflare.dispose(),
  };
};
