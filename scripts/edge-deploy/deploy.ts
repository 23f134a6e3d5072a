// Carries out `sluice edge deploy`: reads configuration and secrets, has them checked, and starts wrangler.
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseEnv, promisify } from "node:util";
import { z } from "zod";
import { unstable_readConfig } from "wrangler";
import type { EdgeDeployment, EdgeDeploymentResult } from "../../origin/cli/edge.ts";
import { root } from "../../origin/runtime/place.ts";
import { withoutEmpty } from "../../shared/variables.ts";
import { QUIET_WRANGLER, wranglerProgram } from "../local-stack/edge-server.ts";
import { workerProblems, type Secrets, type WorkerConfig } from "./check-worker.ts";

/** Of wrangler's own form, which has no types. */
const WranglerConfig = z.looseObject({
  vars: z.record(z.string(), z.unknown()),
  kv_namespaces: z.array(z.looseObject({ binding: z.string() })),
  durable_objects: z.looseObject({
    bindings: z.array(z.looseObject({ name: z.string(), class_name: z.string() })),
  }),
  migrations: z.array(z.looseObject({ new_sqlite_classes: z.array(z.string()).default([]) })),
  compatibility_date: z.string().default(""),
  compatibility_flags: z.array(z.string()),
  route: z.unknown().optional(),
  routes: z.array(z.unknown()).default([]),
});

const readWorkerConfig = (path: string): WorkerConfig => {
  const config = WranglerConfig.parse(unstable_readConfig({ config: path }));
  return {
    vars: config.vars,
    kvBindings: config.kv_namespaces.map(({ binding }) => binding),
    durableObjects: Object.fromEntries(
      config.durable_objects.bindings.map(({ name, class_name: className }) => [name, className]),
    ),
    migratedClasses: config.migrations.flatMap(({ new_sqlite_classes: classes }) => classes),
    compatibilityDate: config.compatibility_date,
    compatibilityFlags: config.compatibility_flags,
    hasRoute: config.route !== undefined || config.routes.length > 0,
  };
};

const environment = { ...process.env, ...QUIET_WRANGLER };
const SecretNames = z.array(z.looseObject({ name: z.string() }));

/** Of wrangler that failed. */
const Output = z.looseObject({ stdout: z.string(), stderr: z.string() });

/** Names of the secrets that the Worker has at Cloudflare; a Worker that is not there yet has none. */
const namesAtCloudflare = async (config: string): Promise<string[]> => {
  const args = [wranglerProgram(), "secret", "list", "--format", "json", "--config", config];
  try {
    const { stdout } = await promisify(execFile)(process.execPath, args, { env: environment });
    return SecretNames.parse(JSON.parse(stdout)).map(({ name }) => name);
  } catch (cause) {
    const output = Output.safeParse(cause);
    if (!output.success) throw cause;
    const words = output.data.stderr + output.data.stdout;
    // Cloudflare's code for a Worker that does not exist.
    if (words.includes("code: 10007")) return [];
    throw new Error(`wrangler cannot say which secrets the Worker has:\n${words}`, { cause });
  }
};

const readSecrets = async ({ config, secretsFile, dryRun }: EdgeDeployment): Promise<Secrets> => {
  if (secretsFile !== null) {
    const values = parseEnv(await readFile(secretsFile, "utf8"));
    return { known: "values", values: withoutEmpty(values) };
  }
  return { known: "names", names: dryRun ? [] : await namesAtCloudflare(config) };
};

/** Runs wrangler in this terminal; returns its exit code. */
const wrangler = async (args: readonly string[]): Promise<number> => {
  const child = spawn(process.execPath, [wranglerProgram(), ...args], { stdio: "inherit", env: environment });
  const [code] = await once(child, "exit");
  return typeof code === "number" ? code : 1;
};

export const deployEdge = async (deployment: EdgeDeployment): Promise<EdgeDeploymentResult> => {
  const { config, dryRun } = deployment;
  const secrets = await readSecrets(deployment);
  const own = readWorkerConfig(join(root, "wrangler.toml"));
  const problems = workerProblems(readWorkerConfig(resolve(config)), own, secrets);
  if (problems.length > 0) return { ok: false, problems };

  const args = ["deploy", "--config", config, ...(dryRun ? ["--dry-run"] : [])];
  if (secrets.known === "names") return { ok: true, code: await wrangler(args) };
  // In JSON: of NAME=value lines wrangler would replace a `$` by this process's environment.
  const folder = await mkdtemp(join(tmpdir(), "sluice-secrets-"));
  try {
    const file = join(folder, "secrets.json");
    await writeFile(file, JSON.stringify(secrets.values), { mode: 0o600 });
    return { ok: true, code: await wrangler([...args, "--secrets-file", file]) };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
};
