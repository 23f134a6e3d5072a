// A real HAProxy before origins and edges: it asks each process whether it is ready, and can be told to leave one out.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { freePort } from "../../origin/db/free-port.ts";
import { programPath } from "../../scripts/system-programs.ts";

/** Ports on the loopback. */
export type BalancedGroup = {
  readonly ports: readonly number[];
  /** A server is ready when this path answers 200. */
  readonly check: string;
  /** Or when its answer's body matches. */
  readonly expect?: string;
  /** A GET whose server goes away before it has answered is sent to another one. */
  readonly repeats?: boolean;
};

/** A process is left out within this: two checks that fail, and some time on a busy machine. */
export const NOTICED_MS = 1_500;

const UP_WITHIN_MS = 20_000;

const describeGroup = (
  name: string,
  port: number,
  { ports, check, expect, repeats = false }: BalancedGroup,
): string => `
frontend ${name}
  bind 127.0.0.1:${port}
  default_backend ${name}
backend ${name}
  option httpchk
  http-check send meth GET uri ${check} ver HTTP/1.1 hdr Host localhost
${expect === undefined ? "" : `  http-check expect rstring ${expect.replaceAll('"', '\\"')}`}
${repeats ? "  retry-on conn-failure empty-response response-timeout" : ""}
${ports.map((each, i) => `  server ${name}-${i + 1} 127.0.0.1:${each} check`).join("\n")}
`;

export const startHaproxy = async <Name extends string>(groups: Readonly<Record<Name, BalancedGroup>>) => {
  const folder = await mkdtemp(join(tmpdir(), "sluice-haproxy-"));
  const socket = join(folder, "admin.sock");
  const names = Object.keys(groups) as Name[];
  const urls = {} as Record<Name, string>;
  let config = `
global
  maxconn 4000
  stats socket ${socket} mode 600 level admin
defaults
  mode http
  timeout connect 1s
  timeout client 60s
  timeout server 60s
  timeout check 3s
  option redispatch
  retries 3
  default-server inter 200ms fall 2 rise 1
`;
  for (const name of names) {
    const port = await freePort();
    urls[name] = `http://127.0.0.1:${port}`;
    config += describeGroup(name, port, groups[name]);
  }
  await writeFile(join(folder, "haproxy.cfg"), config);
  const child = spawn(programPath("haproxy", "This run"), ["-db", "-f", join(folder, "haproxy.cfg")], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  let said = "";
  child.stderr.on("data", (chunk: Buffer) => (said = (said + chunk.toString()).slice(-20_000)));

  /** One command of its runtime API, and the answer. */
  const command = async (text: string): Promise<string> => {
    const connection = connect(socket);
    let answer = "";
    connection.on("data", (chunk: Buffer) => (answer += chunk.toString()));
    connection.end(`${text}\n`);
    await once(connection, "close");
    return answer.trim();
  };
  const isUp = async (name: Name, index: number): Promise<boolean> =>
    (await command("show stat -1 4 -1"))
      .split("\n")
      .some((line) => line.startsWith(`${name},${name}-${index + 1},`) && line.includes(",UP,"));

  const stop = async (): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill("SIGTERM");
      await once(child, "exit");
    }
    await rm(folder, { recursive: true, force: true });
  };
  for (let tries = 0; ; tries += 1) {
    const answer = await command("show info").catch(() => "");
    if (answer !== "") break;
    if (child.exitCode !== null || tries > 100) {
      await stop();
      throw new Error(`HAProxy did not start:\n${said}`);
    }
    await sleep(50);
  }
  return {
    urls,
    /** What it has said of servers that went and came. */
    said: () => said,
    /** `drain`: it gets no new request. */
    set: async (name: Name, index: number, state: "drain" | "ready"): Promise<void> => {
      const answer = await command(`set server ${name}/${name}-${index + 1} state ${state}`);
      if (answer !== "") throw new Error(`HAProxy: ${answer}`);
    },
    /** Returns when the server gets requests again. */
    up: async (name: Name, index: number): Promise<void> => {
      const deadline = performance.now() + UP_WITHIN_MS;
      while (!(await isUp(name, index))) {
        if (performance.now() > deadline) throw new Error(`${name} ${index + 1} is not up:\n${said}`);
        await sleep(20);
      }
    },
    /** How many requests were sent again. */
    repeated: async (name: Name): Promise<number> => {
      const [head = "", ...rows] = (await command("show stat")).split("\n");
      const at = head.split(",").indexOf("wretr");
      const row = rows.find((line) => line.startsWith(`${name},BACKEND,`));
      return Number(row?.split(",")[at]);
    },
    stop,
  };
};
