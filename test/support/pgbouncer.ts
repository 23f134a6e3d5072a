// A real PgBouncer before the tests' PostgreSQL.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "../../origin/db/free-port.ts";
import { programPath } from "../../scripts/system-programs.ts";
import { waitFor } from "./telemetry.ts";

/** PgBouncer refuses to run as root. */
const NOBODY = 65_534;

export type PoolMode = "session" | "transaction" | "statement";

export const startPgBouncer = async (
  databaseUrl: string,
  poolMode: PoolMode,
): Promise<{ readonly url: string; readonly stop: () => Promise<void> }> => {
  const folder = await mkdtemp(join(tmpdir(), "sluice-pgbouncer-"));
  const { hostname, port, username, password, pathname } = new URL(databaseUrl);
  const listenPort = await freePort();
  const name = pathname.slice(1);
  const file = join(folder, "pgbouncer.ini");
  await writeFile(
    file,
    `[databases]
${name} = host=${hostname} port=${port} dbname=${name} user=${username} password=${password}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${listenPort}
unix_socket_dir =
auth_type = any
pool_mode = ${poolMode}
`,
  );
  await chmod(folder, 0o755);
  const ids = process.getuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : {};
  const child = spawn(programPath("pgbouncer", "This test"), [file], { ...ids, stdio: "ignore" });
  const answers = () =>
    new Promise<boolean>((resolve) => {
      const socket = connect(listenPort, "127.0.0.1");
      socket.on("connect", () => resolve(true)).on("error", () => resolve(false));
      socket.on("connect", () => socket.destroy());
    });
  await waitFor(answers, 10_000);
  return {
    url: `postgres://anyone@127.0.0.1:${listenPort}/${name}`,
    stop: async () => {
      if (child.exitCode === null) {
        child.kill("SIGKILL");
        await once(child, "exit");
      }
      await rm(folder, { recursive: true, force: true });
    },
  };
};
