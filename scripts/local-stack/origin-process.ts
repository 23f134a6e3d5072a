// The origin as a process of its own, supervised: one that dies is started again and continues with its data.
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { INSTANCE_HEADER } from "../../origin/runtime/http-app.ts";
import { moduleUrl } from "../../origin/runtime/place.ts";

const main = fileURLToPath(moduleUrl("../../origin/main", import.meta.url));
const Greeting = z.object({ instance: z.string() });
const READY_TIMEOUT_MS = 60_000;

export type OriginProcess = {
  readonly url: string;
  readonly pid: () => number;
  /** Ends the process without a chance to clean up; the supervisor starts it again. */
  readonly kill: () => Promise<void>;
  /** Resolves when `/readyz` answers 200. Throws with the origin's last words when it does not. */
  readonly ready: () => Promise<void>;
  readonly stop: () => Promise<void>;
};

/** Where an origin that listens on `host` (ORIGIN_HOST) is reached from this machine. */
export const originUrl = (port: number, host = "127.0.0.1"): string => {
  const reached = { "0.0.0.0": "127.0.0.1", "::": "::1" }[host] ?? host;
  return `http://${reached.includes(":") ? `[${reached}]` : reached}:${port}`;
};

/** `env` is the origin's whole configuration; its log lines go to `onLine`. */
export const startOriginProcess = (options: {
  port: number;
  env: Readonly<Record<string, string>>;
  onLine: (line: string) => void;
}): OriginProcess => {
  const url = originUrl(options.port, options.env["ORIGIN_HOST"]);
  let stopping = false;
  let child: ChildProcess;
  let wasReady = false;
  /** What the running process calls itself; undefined until it listens. */
  let instance: string | undefined;
  let lastWords = "";

  const launch = (): ChildProcess => {
    const started = spawn(process.execPath, [main], {
      env: { PATH: process.env["PATH"], ...options.env, ORIGIN_PORT: String(options.port) },
      // The channel carries the origin's name for itself. It closes with this process, however that ends, and the origin stops.
      stdio: ["ignore", "pipe", "pipe", "ipc"],
      // Ctrl-C reaches the supervisor alone, which then stops the origin in order.
      detached: true,
    });
    const onLine = (line: string) => {
      lastWords = `${lastWords}${line}\n`.slice(-4_000);
      if (line !== "") options.onLine(line);
    };
    instance = undefined;
    started.on("message", (message) => {
      instance = Greeting.safeParse(message).data?.instance;
    });
    for (const input of [started.stdout, started.stderr])
      if (input !== null) createInterface({ input }).on("line", onLine);
    started.once("exit", (code, signal) => {
      // One that never came up would not come up the next time either.
      if (stopping || !wasReady) return;
      options.onLine(`origin ended (${signal ?? code}), starting it again`);
      setTimeout(() => {
        if (!stopping) child = launch();
      }, 250);
    });
    return started;
  };
  child = launch();

  /** Another program that listens on the port may answer too: only the process that was started here is believed. */
  const isReady = async (): Promise<boolean> => {
    if (instance === undefined) return false;
    const answer = await fetch(`${url}/readyz`).catch(() => undefined);
    return answer?.ok === true && answer.headers.get(INSTANCE_HEADER) === instance;
  };

  return {
    url,
    pid: () => child.pid ?? 0,
    kill: async () => {
      const killed = child;
      killed.kill("SIGKILL");
      await once(killed, "exit");
    },
    ready: async () => {
      const deadline = Date.now() + READY_TIMEOUT_MS;
      for (;;) {
        if (await isReady()) {
          wasReady = true;
          return;
        }
        const gaveUp = !wasReady && (child.exitCode !== null || child.signalCode !== null);
        if (gaveUp || Date.now() > deadline) {
          throw new Error(`the origin did not become ready:\n${lastWords.trim()}`);
        }
        await sleep(50);
      }
    },
    stop: async () => {
      stopping = true;
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill("SIGTERM");
      await once(child, "exit");
    },
  };
};
