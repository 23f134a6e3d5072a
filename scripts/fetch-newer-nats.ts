// Fetches the nats-server of newer-nats.ts with apt-get, whose lists and packages lie in a folder of its own. Runs while the system's
// packages are installed. Where it does not succeed, one line says so.
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { NEWER_NATS, newerNats } from "./newer-nats.ts";

const SUITE = "testing";
/** What the tests were seen to pass with. Another one is not taken: the suite moves on. */
const KNOWN = /^nats-server: v2\.15\./;
const KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg";
const LIMIT_MS = 60_000;

const run = (command: string, args: readonly string[], cwd?: string): string =>
  execFileSync(command, args, {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
    timeout: LIMIT_MS,
    ...(cwd === undefined ? {} : { cwd }),
  });

/** The mirror of Debian that this machine uses: its lists may not be there yet, so apt-get cannot be asked. */
const mirror = (): string => {
  const files = globSync(["/etc/apt/sources.list", "/etc/apt/sources.list.d/*.{list,sources}"]);
  const text = files.map((file) => readFileSync(file, "utf8").replaceAll(/^#.*$/gm, "")).join("\n");
  const [, uri] = /(https?:\/\/\S+\/debian)\/?(?=\s|$)/.exec(text) ?? [];
  if (uri === undefined) throw new Error("apt has no mirror of Debian");
  return uri;
};

const fetchInto = (folder: string): void => {
  if (!existsSync(KEYRING)) throw new Error(`there is no ${KEYRING}`);
  for (const each of ["lists/partial", "cache/archives/partial"])
    mkdirSync(join(folder, each), { recursive: true });
  const list = join(folder, "sources.list");
  writeFileSync(list, `deb [signed-by=${KEYRING}] ${mirror()} ${SUITE} main\n`);
  const options = [
    `Dir::Etc::SourceList=${list}`,
    "Dir::Etc::SourceParts=/dev/null",
    `Dir::State::Lists=${join(folder, "lists")}`,
    `Dir::Cache=${join(folder, "cache")}`,
    "Acquire::Languages=none",
  ].flatMap((option) => ["-o", option]);
  run("apt-get", [...options, "update"]);
  run("apt-get", [...options, "download", "nats-server"], folder);
  const [file] = globSync("nats-server_*.deb", { cwd: folder });
  if (file === undefined) throw new Error("apt-get downloaded no package");
  run("dpkg", ["-x", file, "."], folder);
  const program = join(folder, "usr", "sbin", "nats-server");
  const version = run(program, ["--version"]).trim();
  if (!KNOWN.test(version)) throw new Error(`${version} is none that the tests were run with`);
  mkdirSync(dirname(NEWER_NATS), { recursive: true });
  const fresh = `${NEWER_NATS}-${process.pid}`;
  copyFileSync(program, fresh);
  chmodSync(fresh, 0o755);
  renameSync(fresh, NEWER_NATS);
};

if (newerNats() === undefined) {
  const folder = mkdtempSync(join(tmpdir(), "sluice-apt-"));
  try {
    fetchInto(folder);
  } catch (error) {
    const [reason = ""] = String(error).split("\n");
    process.stderr.write(
      `nats-server 2.15 could not be had from Debian ${SUITE}, so the tests take the system's: ${reason}\n`,
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
