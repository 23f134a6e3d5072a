// What somebody sees who starts Sluice with a wrong environment.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const run = async (script: string, env: Record<string, string>): Promise<{ code: number; words: string }> => {
  const path = fileURLToPath(new URL(`../../${script}`, import.meta.url));
  const child = spawn(process.execPath, [path], {
    env: { PATH: process.env["PATH"], ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let words = "";
  child.stdout.on("data", (chunk: Buffer) => (words += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (words += chunk.toString()));
  const [code] = await once(child, "exit");
  return { code: Number(code), words };
};

test.each([
  ["scripts/start.ts", "EDGE_PORT", "70000", "whole number from 1 to 65535"],
  ["scripts/start.ts", "MAX_STALE_MS", "soon", "whole number"],
  ["scripts/start.ts", "COOKIE_KEYS", "hunter2hunter2", "kid:secret"],
  ["scripts/start.ts", "REDIS_URL", "http://127.0.0.1", "redis:// or rediss://"],
  ["scripts/demo.ts", "EVALUATE_EVERY_MS", "1", "whole number from 50"],
  ["origin/main.ts", "DATABASE_URL", "hunter2hunter2", "postgres://"],
])(
  "%s refuses %s=%s by name, says what is allowed and starts nothing",
  async (script, name, value, allowed) => {
    const { code, words } = await run(script, { [name]: value });
    expect(code).toBe(2);
    expect(words).toContain(name);
    expect(words).toContain(allowed);
    expect(words).not.toContain("hunter2");
  },
);
