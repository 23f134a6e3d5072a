// Runs the CLI as a program of its own.
import { spawn } from "node:child_process";
import { once } from "node:events";

/** `env` is all that it gets beside PATH. No stack of this folder and no login lends it a token. */
export const startCli = (args: readonly string[], env: Readonly<Record<string, string>> = {}, input = "") => {
  const child = spawn(process.execPath, ["origin/cli/main.ts", ...args], {
    env: { PATH: process.env["PATH"], DATA_DIR: "/nonexistent", XDG_CONFIG_HOME: "/nonexistent", ...env },
    stdio: ["pipe", "pipe", "pipe"],
  });
  child.stdin.end(input);
  const said = { out: "", error: "" };
  child.stdout.on("data", (chunk: Buffer) => (said.out += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (said.error += chunk.toString()));
  return { child, said };
};

/** Waits for its end. */
export const runCli = async (args: readonly string[], env: Readonly<Record<string, string>> = {}) => {
  const { child, said } = startCli(args, env);
  const [code] = await once(child, "exit");
  return { code: Number(code), ...said };
};
