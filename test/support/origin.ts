// An origin process that nobody starts again: it stays dead until the test starts another.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { freePort } from "../../origin/db/free-port.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const READY_TIMEOUT_MS = 60_000;

export const ADMIN_TOKEN = "admin-token-of-the-tests-0123456789abcdefghijklm";
export const ORIGIN_INGEST_TOKEN = "ingest-token-of-the-tests-0123456789abcdefghijkl";

export type OriginUnderTest = Awaited<ReturnType<typeof startOrigin>>;

/** `folder`: of another version's code. */
export const startOrigin = async (env: Readonly<Record<string, string>>, folder = root) => {
  // A test that has to know the address before the start names its port.
  const port = env["ORIGIN_PORT"] === undefined ? await freePort() : Number(env["ORIGIN_PORT"]);
  const url = `http://127.0.0.1:${port}`;
  let output = "";
  const child = spawn(process.execPath, [join(folder, "origin", "main.ts")], {
    env: {
      PATH: process.env["PATH"],
      LOG_LEVEL: "warn",
      ADMIN_TOKEN,
      INGEST_TOKEN: ORIGIN_INGEST_TOKEN,
      ...env,
      ORIGIN_PORT: String(port),
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const keep = (chunk: Buffer) => {
    output = (output + chunk.toString()).slice(-2_000_000);
  };
  child.stdout.on("data", keep);
  child.stderr.on("data", keep);
  const isRunning = () => child.exitCode === null && child.signalCode === null;

  const deadline = Date.now() + READY_TIMEOUT_MS;
  while (
    !(await fetch(`${url}/readyz`).then(
      (answer) => answer.ok,
      () => false,
    ))
  ) {
    if (!isRunning() || Date.now() > deadline) {
      child.kill("SIGKILL");
      throw new Error(`the origin did not become ready:\n${output}`);
    }
    await sleep(50);
  }
  return {
    url,
    pid: child.pid ?? 0,
    output: () => output,
    isRunning,
    /** SIGSTOP and SIGCONT pause and wake it. */
    signal: (signal: NodeJS.Signals) => child.kill(signal),
    /** Resolves with the exit code, null after a deadly signal. */
    end: async (signal: NodeJS.Signals): Promise<number | null> => {
      if (!isRunning()) return child.exitCode;
      const ended = once(child, "exit");
      child.kill(signal);
      if (signal === "SIGKILL") child.kill("SIGCONT");
      await ended;
      return child.exitCode;
    },
    admin: async (method: string, path: string, body?: object): Promise<Record<string, unknown>> => {
      const answer = await fetch(`${url}/admin/v1${path}`, {
        method,
        headers: { authorization: `Bearer ${ADMIN_TOKEN}` },
        body: body === undefined ? null : JSON.stringify(body),
      });
      const text = await answer.text();
      if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
      return text === "" ? {} : JSON.parse(text);
    },
  };
};
