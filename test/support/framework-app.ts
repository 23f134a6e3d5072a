// An app of test/frameworks as its owner deploys it: installed from its lockfile, built, and served by the framework's own
// server. It runs in a copy of its folder, so that no build is left in the repository.
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { freePort } from "../../origin/db/free-port.ts";
import { readersEnv } from "./example.ts";
import { eventually } from "./stack.ts";

export const FRAMEWORKS = ["next", "nuxt", "sveltekit"] as const;
export type Framework = (typeof FRAMEWORKS)[number];

const MADE = new Set(["node_modules", ".next", ".nuxt", ".output", ".svelte-kit", "build"]);
const START_MS = 30_000;

export type FrameworkApp = { readonly url: string; readonly stop: () => Promise<void> };

const npm = (
  cwd: string,
  words: readonly string[],
  env: Readonly<Record<string, string>> = {},
): ChildProcess =>
  spawn("npm", words, {
    cwd,
    env: { ...readersEnv(), ...env, NEXT_TELEMETRY_DISABLED: "1", NUXT_TELEMETRY_DISABLED: "1" },
    // A group of its own, so that npm and what it starts end together.
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
  });

const listen = ({ stdout, stderr }: ChildProcess): (() => string) => {
  let words = "";
  for (const stream of [stdout, stderr]) stream?.on("data", (chunk: Buffer) => (words += chunk.toString()));
  return () => words;
};

const finish = async (child: ChildProcess): Promise<void> => {
  const said = listen(child);
  const [code] = await once(child, "close");
  if (code !== 0) throw new Error(`${child.spawnargs.join(" ")} ended with ${code}: ${said()}`);
};

/** Install scripts stay off: no app needs one. */
export const startFrameworkApp = async (framework: Framework): Promise<FrameworkApp> => {
  const folder = await mkdtemp(join(tmpdir(), `sluice-${framework}-`));
  const source = fileURLToPath(new URL(`../frameworks/${framework}`, import.meta.url));
  await cp(source, folder, { recursive: true, filter: (path) => !MADE.has(basename(path)) });
  await finish(npm(folder, ["ci", "--no-audit", "--no-fund", "--ignore-scripts"]));
  await finish(npm(folder, ["run", "build"]));
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const server = npm(folder, ["run", "serve"], { PORT: String(port), HOST: "127.0.0.1" });
  const said = listen(server);
  await eventually(async () => {
    if (server.exitCode !== null) throw new Error(`${framework} ended with ${server.exitCode}: ${said()}`);
    return fetch(url).then(
      () => true,
      () => false,
    );
  }, START_MS);
  return {
    url,
    stop: async () => {
      if (server.pid !== undefined && server.exitCode === null) {
        const ended = once(server, "close");
        process.kill(-server.pid, "SIGTERM");
        await ended;
      }
      await rm(folder, { recursive: true, force: true });
    },
  };
};
