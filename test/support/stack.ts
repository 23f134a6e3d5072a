// The whole stack for a flow test: free ports, a data folder of its own, gone afterwards.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "../../origin/db/free-port.ts";
import { startStack, type Stack, type StackOptions } from "../../scripts/local-stack/stack.ts";

export type TestStack = Stack & { readonly admin: Admin };
type Json = Record<string, unknown>;
/** Throws unless the answer is 2xx. */
type Admin = (
  method: string,
  path: string,
  body?: Json,
  headers?: Readonly<Record<string, string>>,
) => Promise<Json>;

export const makeTestStack = async ({
  originPort,
  ...options
}: Pick<StackOptions, "originEnv" | "edgeVars"> & {
  /** Where the origin's address is needed before it runs. */
  originPort?: number;
} = {}): Promise<TestStack> => {
  const dataDir = await mkdtemp(join(tmpdir(), "sluice-flow-"));
  const [edge, origin, shop] = await Promise.all([freePort(), originPort ?? freePort(), freePort()]);
  const stack = await startStack({
    dataDir,
    ports: { edge, origin, shop },
    onLine: (line) => process.stderr.write(`${line}\n`),
    ...options,
    originEnv: { LOG_LEVEL: "error", ...options.originEnv },
  });
  return {
    ...stack,
    admin: async (method, path, body, headers = {}) => {
      const response = await fetch(`${stack.origin.url}/admin/v1${path}`, {
        method,
        headers: { ...headers, authorization: `Bearer ${stack.secrets.adminToken}` },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const text = await response.text();
      if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
      return JSON.parse(text) as Json;
    },
    stop: async () => {
      await stack.stop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
};

/** Asks until `check` says true; fails after `withinMs`. */
export const eventually = async (check: () => Promise<boolean>, withinMs = 10_000): Promise<void> => {
  const deadline = performance.now() + withinMs;
  while (!(await check())) {
    if (performance.now() > deadline) throw new Error(`not within ${withinMs} ms`);
    await new Promise((wake) => setTimeout(wake, 10));
  }
};
