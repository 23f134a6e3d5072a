// Programs that a command needs from the system, beside what `npm ci` brings. Each command asks for its own before it
// does anything else: as root on Debian or Ubuntu they are installed, elsewhere they are named and the command ends.
import { spawnSync } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

/** Each program with the Debian packages that bring it. */
const PACKAGES = {
  "redis-server": ["redis-server"],
  "redis-cli": ["redis-tools"],
  chromium: ["chromium"],
  spin: ["spin"],
  gcc: ["gcc", "libc6-dev"],
  git: ["git", "ca-certificates"],
  curl: ["curl"],
  nginx: ["nginx-light"],
  haproxy: ["haproxy"],
  apache2: ["apache2-bin", "libapache2-mod-php"],
  pgbouncer: ["pgbouncer"],
  openssl: ["openssl"],
  "prometheus-alertmanager": ["prometheus-alertmanager"],
  prometheus: ["prometheus"],
  promtool: ["prometheus"],
  bash: ["bash"],
  podman: ["podman", "runc", "conmon", "netavark", "iptables"],
  "podman-compose": ["podman-compose", "aardvark-dns"],
  mmdebstrap: ["mmdebstrap"],
  kubectl: ["kubernetes-client"],
  tmux: ["tmux"],
  zsh: ["zsh"],
  fish: ["fish"],
  mariadbd: ["mariadb-server", "php-mysql", "wordpress", "wordpress-theme-twentytwentythree"],
  varnishd: ["varnish"],
  "nats-server": ["nats-server"],
} as const;
export type Program = keyof typeof PACKAGES;

/** All that any command here needs. */
export const programs = [
  "redis-server",
  "redis-cli",
  "chromium",
  "spin",
  "gcc",
  "git",
  "curl",
  "nginx",
  "haproxy",
  "apache2",
  "pgbouncer",
  "openssl",
  "prometheus-alertmanager",
  "prometheus",
  "promtool",
  "bash",
  "podman",
  "podman-compose",
  "mmdebstrap",
  "kubectl",
  "tmux",
  "zsh",
  "fish",
  "nats-server",
] as const;

const SERVERS: ReadonlySet<string> = new Set([
  "nginx",
  "haproxy",
  "apache2",
  "pgbouncer",
  "mariadbd",
  "varnishd",
  "nats-server",
]);

const find = (name: string): string | undefined =>
  // Servers lie where only root's PATH leads.
  [...(process.env["PATH"] ?? "").split(delimiter), ...(SERVERS.has(name) ? ["/usr/sbin"] : [])]
    .map((folder) => join(folder, name))
    .find((path) => {
      try {
        accessSync(path, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });

const installCommand = (missing: readonly Program[]): string => {
  const packages = [...new Set(missing.flatMap((program) => PACKAGES[program]))].join(" ");
  // Another apt-get may be at work: it is waited for, with a limit.
  const apt = "apt-get -o DPkg::Lock::Timeout=300";
  return `${apt} update && ${apt} install -y --no-install-recommends ${packages}`;
};

const list = (names: readonly string[]): string => new Intl.ListFormat("en").format(names);

const missingText = (missing: readonly Program[], who: string): string =>
  `${who} needs ${list(missing)}. On Debian or Ubuntu: sudo sh -c '${installCommand(missing)}'`;

/** Where the program is. Throws, with how to get it, when it is not there. */
export const programPath = (program: Program, who: string): string => {
  const path = find(program);
  if (path === undefined) throw new Error(missingText([program], who));
  return path;
};

/**
 * Returns when every program is there. Otherwise the process ends with one line that says what is missing. `who` is the
 * command that a person typed.
 */
export const provide = (needed: readonly Program[], who: string): void => {
  const missingNow = (): Program[] => needed.filter((program) => find(program) === undefined);
  const missing = missingNow();
  if (missing.length === 0) return;
  if (process.getuid?.() === 0 && find("apt-get") !== undefined) {
    process.stderr.write(`${who} needs ${list(missing)}: installing with apt-get\n`);
    // When it fails apt-get says why, and the line below how to try it by hand.
    spawnSync("sh", ["-c", `(${installCommand(missing)}) >/dev/null`], {
      stdio: "inherit",
      // At runlevel 1 Debian starts no server that it installs.
      env: { ...process.env, DEBIAN_FRONTEND: "noninteractive", RUNLEVEL: "1" },
    });
  }
  const still = missingNow();
  if (still.length === 0) return;
  process.stderr.write(`${missingText(still, who)}\n`);
  process.exit(1);
};
