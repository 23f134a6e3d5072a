// An example as a reader runs it: a copy of its folder outside this repository, and the shell blocks of its README.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { cp, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { freePort } from "../../origin/db/free-port.ts";
import { eventually } from "./stack.ts";

const examples = fileURLToPath(new URL("../../examples/", import.meta.url));
/** With `npm ci`, whose time is the registry's. */
const START_MS = 120_000;
const MADE_FILES = new Set(["node_modules", "page.bundle.js"]);

/** The README names the default ports; a test has others. */
type Places = Readonly<Record<"edge" | "origin", string>>;

export type Example = {
  /** Where the example's own server is. */
  readonly url: string;
  /** The shell blocks of the README in their order. */
  readonly blocks: readonly string[];
  /** Runs the block that starts the example's server, and waits until it answers. */
  readonly start: (block: string, env?: Readonly<Record<string, string>>) => Promise<void>;
  /** Runs a block of curl commands and returns what they print. Variables that earlier blocks set are set. */
  readonly run: (block: string, places: Places, token: string) => Promise<string>;
  readonly stop: () => Promise<void>;
};

/** This process's environment, with proxies and certificates that npm needs, but without what npm and vitest add to it. */
export const readersEnv = (): NodeJS.ProcessEnv =>
  Object.fromEntries(
    Object.entries(process.env).filter(
      ([name]) => !/^(?:npm_|VITEST|NODE_ENV|NODE_OPTIONS|TEST$|DEV$)/.test(name),
    ),
  );

const shell = (command: string, options: { cwd: string; env: Readonly<Record<string, string>> }) =>
  spawn("bash", ["-euo", "pipefail", "-c", command], {
    cwd: options.cwd,
    env: { ...readersEnv(), ...options.env },
    // A group of its own, so that npm and what it starts end together.
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
  });

export const openExample = async (name: string): Promise<Example> => {
  const folder = await mkdtemp(join(tmpdir(), "sluice-example-"));
  await cp(join(examples, name), folder, {
    recursive: true,
    filter: (path) => !MADE_FILES.has(basename(path)),
  });
  const readme = await readFile(join(folder, "README.md"), "utf8");
  const blocks = [...readme.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, block = ""]) => block);
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  let server: ReturnType<typeof shell> | undefined;
  let words = "";

  return {
    url,
    blocks,
    start: async (block, env = {}) => {
      const child = shell(block, { cwd: folder, env: { PORT: String(port), ...env } });
      server = child;
      for (const stream of [child.stdout, child.stderr])
        stream.on("data", (chunk: Buffer) => (words += chunk.toString()));
      await eventually(async () => {
        if (child.exitCode !== null) throw new Error(`the example ended with ${child.exitCode}: ${words}`);
        return fetch(url).then(
          () => true,
          () => false,
        );
      }, START_MS);
    },
    run: async (block, places, token) => {
      const variables = blocks
        .slice(0, blocks.indexOf(block))
        .flatMap((earlier) => earlier.split("\n").filter((line) => /^\w+=\S+$|^\w+="[^"]*"$/.test(line)));
      const command = [...variables, block]
        .join("\n")
        .replaceAll("http://127.0.0.1:8080", places.origin)
        .replaceAll("http://127.0.0.1:8787", places.edge)
        .replaceAll("http://127.0.0.1:3000", url)
        .replaceAll("curl ", "curl --fail-with-body ");
      const child = shell(command, { cwd: folder, env: { TOKEN: token } });
      let printed = "";
      child.stdout.on("data", (chunk: Buffer) => (printed += chunk.toString()));
      child.stderr.on("data", (chunk: Buffer) => (printed += chunk.toString()));
      const [code] = await once(child, "close");
      if (code !== 0) throw new Error(`${command}\nended with ${code}: ${printed}`);
      return printed;
    },
    stop: async () => {
      if (server?.pid !== undefined && server.exitCode === null) {
        const ended = once(server, "close");
        process.kill(-server.pid, "SIGTERM");
        await ended;
      }
      await rm(folder, { recursive: true, force: true });
    },
  };
};
