// HAProxy before PostgreSQL: one address leads to the primary and is moved on promotion, another spreads reads over the
// replicas that answer. What the moves are called is HAProxy's runtime API, as an operator would type it.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { freePort } from "../../origin/db/free-port.ts";
import { programPath } from "../../scripts/system-programs.ts";

const START_MS = 10_000;

const server = (name: string, port: number): string => `  server ${name} 127.0.0.1:${port}`;

const configuration = (options: {
  readonly socket: string;
  readonly primary: number;
  readonly reads: number;
  readonly target: number;
  readonly replicas: Readonly<Record<string, number>>;
}): string => `global
  stats socket ${options.socket} level admin
defaults
  mode tcp
  timeout connect 2s
  timeout client 1h
  timeout server 1h
listen primary
  bind 127.0.0.1:${options.primary}
  # Sluice asks again by itself. HAProxy would try the dead server for three seconds, and not where the address leads meanwhile.
  retries 0
${server("now", options.target)}
listen reads
  bind 127.0.0.1:${options.reads}
  balance leastconn
  option pgsql-check user sluice
  default-server check inter 500ms fall 2 rise 1 on-marked-down shutdown-sessions
${Object.entries(options.replicas)
  .map(([name, port]) => server(name, port))
  .join("\n")}
`;

export type Haproxy = Awaited<ReturnType<typeof startHaproxy>>;

/** `target`: the primary's port; `replicas`: those of the read replicas by their names. */
export const startHaproxy = async (options: {
  readonly folder: string;
  readonly target: number;
  readonly replicas: Readonly<Record<string, number>>;
}) => {
  const [primary, reads] = [await freePort(), await freePort()];
  const socket = join(options.folder, "haproxy.sock");
  const file = join(options.folder, "haproxy.cfg");
  await writeFile(file, configuration({ ...options, socket, primary, reads }));
  const child = spawn(programPath("haproxy", "npm run cluster"), ["-db", "-f", file], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  let words = "";
  child.stderr.on("data", (chunk: Buffer) => (words = (words + chunk.toString()).slice(-2_000)));

  /** One command of the runtime API; throws with HAProxy's own words when it refuses. */
  const command = async (line: string): Promise<void> => {
    const connection = connect(socket);
    await once(connection, "connect");
    connection.end(`${line}\n`);
    const answer = (await text(connection)).trim();
    if (/^(No such|Unknown|Permission|Invalid)/i.test(answer)) throw new Error(`HAProxy: ${line}: ${answer}`);
  };

  const deadline = performance.now() + START_MS;
  while (
    !(await command("show info").then(
      () => true,
      () => false,
    ))
  ) {
    if (child.exitCode !== null || performance.now() > deadline)
      throw new Error(`HAProxy did not start: ${words}`);
    await sleep(20);
  }

  const move = async (place: string, port: number): Promise<void> => {
    await command(`set server ${place} addr 127.0.0.1 port ${port}`);
    // Connections to the old one would go on to it for as long as it lives.
    await command(`shutdown sessions server ${place}`);
  };
  return {
    primary,
    reads,
    pid: child.pid ?? 0,
    moveTo: (port: number) => move("primary/now", port),
    stop: async (): Promise<void> => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = once(child, "exit");
      child.kill("SIGTERM");
      await ended;
    },
  };
};
