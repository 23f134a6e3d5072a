// Commands on a machine that lacks a program: they say at once which, and how to get it.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { startBrowser } from "../support/browser.ts";
import { startRedis, startRedisCluster } from "../support/redis.ts";

const AT_ONCE_MS = 10_000;

const makeFolder = async (): Promise<string> => {
  const folder = await mkdtemp(join(tmpdir(), "sluice-path-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
};

const run = async (file: string, args: string[], path: string): Promise<{ code: number; said: string }> => {
  const child = spawn(process.execPath, [file, ...args], {
    env: { PATH: path },
    stdio: ["ignore", "pipe", "pipe"],
    timeout: AT_ONCE_MS,
  });
  let said = "";
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (chunk: Buffer) => (said += chunk.toString()));
  const [code] = await once(child, "exit");
  return { code: Number(code ?? -1), said };
};

test.each([
  ["npm test", "scripts/install-test-programs.ts", [], ["redis-server", "chromium", "spin", "gcc", "curl"]],
  ["npm run model", "scripts/check-model.ts", [], ["spin", "gcc"]],
  ["npm run bench -- rollback", "scripts/bench.ts", ["rollback"], ["redis-server"]],
  ["npm run chaos", "test/chaos/main.ts", [], ["redis-server", "redis-cli"]],
] as const)("%s names what it lacks, and how to get it, at once", async (command, file, args, lacking) => {
  const { code, said } = await run(file, [...args], await makeFolder());
  expect(code).toBe(1);
  expect(said).toContain(`${command} needs `);
  for (const program of lacking) expect(said).toContain(program);
  expect(said).toContain("apt-get");
  expect(said.trim().split("\n")).toHaveLength(1);
});

/** An apt-get that writes down how it was called, and installs the programs of `brings`. */
const withAptGet = async (brings: readonly string[]): Promise<string> => {
  const folder = await makeFolder();
  const install = brings.map((name) => `: > "${folder}/${name}"; chmod +x "${folder}/${name}"`).join("\n");
  await writeFile(join(folder, "apt-get"), `#!/bin/sh\necho "$@" >> "${folder}/calls"\n${install}\n`);
  await chmod(join(folder, "apt-get"), 0o755);
  for (const program of ["sh", "chmod"]) await symlink(`/bin/${program}`, join(folder, program));
  return folder;
};

test.runIf(process.getuid?.() === 0)("as root on Debian what is missing is installed", async () => {
  const folder = await withAptGet([
    "spin",
    "gcc",
    "redis-server",
    "redis-cli",
    "chromium",
    "git",
    "curl",
    "nginx",
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
  ]);
  const { code, said } = await run("scripts/install-test-programs.ts", [], folder);
  expect(code, said).toBe(0);
  const calls = await readFile(join(folder, "calls"), "utf8");
  expect(calls).toMatch(/update\n.*install -y .*redis-server redis-tools chromium spin gcc libc6-dev/);
});

test.runIf(process.getuid?.() === 0)("an installation that does not bring it is no success", async () => {
  const folder = await withAptGet(["spin"]);
  const { code, said } = await run("scripts/check-model.ts", [], folder);
  expect(code).toBe(1);
  expect(said).toContain("npm run model needs gcc. On Debian or Ubuntu: ");
});

test.each([
  ["redis-server", startRedis],
  ["redis-server", startRedisCluster],
  ["chromium", startBrowser],
])("a test that lacks %s fails at once", async (program, start: () => Promise<unknown>) => {
  const path = process.env["PATH"];
  onTestFinished(() => {
    process.env["PATH"] = path;
  });
  process.env["PATH"] = await makeFolder();
  await expect((async () => await start())()).rejects.toThrow(`needs ${program}. On Debian or Ubuntu: `);
});
