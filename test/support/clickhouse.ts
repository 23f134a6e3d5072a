// A server with ClickHouse's interface and engine, as a process of its own that can be killed. It keeps its folder and port.
import { execFile, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { Certificate } from "./certificates.ts";
import { freePort } from "../../origin/db/free-port.ts";

const fileOf = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const START_MS = 30_000;

/**
 * The versions of its lockfile, once. Install scripts stay off: it needs none. Not `npm ci`, which refuses a lockfile without the
 * engines of all other systems, and not every registry has those.
 */
const installEngine = async (): Promise<void> => {
  const folder = fileOf("../clickhouse");
  if (existsSync(join(folder, "node_modules", ".package-lock.json"))) return;
  const args = ["install", "--no-save", "--ignore-scripts", "--no-audit", "--no-fund"];
  await promisify(execFile)("npm", args, { cwd: folder });
};

export type ClickHouse = Awaited<ReturnType<typeof startClickHouse>>;

export const startClickHouse = async (tls?: Certificate) => {
  await installEngine();
  const folder = await mkdtemp(join(tmpdir(), "sluice-clickhouse-"));
  const [port, controlPort] = [await freePort(), await freePort()];
  const control = `http://127.0.0.1:${controlPort}`;
  const url = `${tls === undefined ? "http" : "https"}://127.0.0.1:${port}`;
  let child: ChildProcess;

  const start = async (): Promise<void> => {
    const program = [fileOf("clickhouse-server.ts"), folder, String(port), String(controlPort)];
    const args = tls === undefined ? program : [...program, tls.cert, tls.key];
    child = spawn(process.execPath, args, {
      env: { PATH: process.env["PATH"] },
      stdio: ["ignore", "pipe", "inherit"],
    });
    const { stdout } = child;
    if (stdout === null) throw new Error("no output");
    await once(stdout, "data", { signal: AbortSignal.timeout(START_MS) });
  };
  const kill = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, "exit");
    child.kill("SIGKILL");
    await ended;
  };
  /** The rows of a SELECT; none of another statement. */
  const query = async (sql: string): Promise<Record<string, unknown>[]> => {
    const response = await fetch(control, { method: "POST", body: sql });
    const text = await response.text();
    if (!response.ok) throw new Error(text);
    return text
      .split("\n")
      .filter(Boolean)
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  };

  await start();
  return {
    /** With the database, as CLICKHOUSE_URL. */
    url: `${url}/sluice`,
    query,
    createTable: async () => {
      await query(await readFile(fileOf("../../deploy/clickhouse/otel_spans.sql"), "utf8"));
    },
    setFault: async (fault: "none" | "busy" | "answerLost") => {
      await fetch(`${control}/fault`, { method: "POST", body: fault });
    },
    start,
    kill,
    stop: async () => {
      await kill();
      await rm(folder, { recursive: true, force: true });
    },
  };
};
