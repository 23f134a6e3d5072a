// What a person sees who runs a command too early or with an old Node.
import { spawnSync } from "node:child_process";
import { cp, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";

const makeFolder = async (kind: "clone" | "package" = "clone"): Promise<string> => {
  const folder = await mkdtemp(join(tmpdir(), "sluice-node-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  await mkdir(join(folder, "scripts"));
  if (kind === "clone") await mkdir(join(folder, "origin"));
  await cp("scripts/require-node.js", join(folder, "scripts", "require-node.js"));
  await writeFile(join(folder, "package.json"), '{ "type": "module" }');
  await writeFile(join(folder, "command.js"), 'console.log("the command runs")');
  return folder;
};

const run = (folder: string, nodeVersion = process.versions.node) => {
  const pretend = `data:text/javascript,Object.defineProperty(process.versions,"node",{value:"${nodeVersion}"})`;
  const args = ["--import", pretend, "--import", "./scripts/require-node.js", "command.js"];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: folder, encoding: "utf8" });
  return { status, stdout: stdout.trim(), stderr: stderr.trim() };
};

test("without packages a command says that npm ci comes first", async () => {
  const { status, stdout, stderr } = run(await makeFolder());
  expect({ status, stdout }).toEqual({ status: 1, stdout: "" });
  expect(stderr).toBe("Sluice's packages are not installed. Run `npm ci` first.");
});

const addPackages = async (folder: string): Promise<void> => {
  const zod = join(folder, "node_modules", "zod");
  await mkdir(zod, { recursive: true });
  await writeFile(join(zod, "index.js"), "");
};

test("without its packages an installed Sluice names npm install", async () => {
  const { status, stderr } = run(await makeFolder("package"));
  expect(status).toBe(1);
  expect(stderr).toContain("Run `npm install` where Sluice is installed.");
});

test("where packages lie above it, as npm installs them, an installed Sluice finds them", async () => {
  const folder = await makeFolder("package");
  await addPackages(folder);
  const inner = join(folder, "node_modules", "sluice");
  await mkdir(join(inner, "scripts"), { recursive: true });
  for (const file of ["package.json", "command.js", "scripts/require-node.js"])
    await cp(join(folder, file), join(inner, file));
  expect(run(inner)).toMatchObject({ status: 0, stdout: "the command runs" });
});

test("an installed Sluice on an old Node says where the package's own is taken", async () => {
  const folder = await makeFolder("package");
  await addPackages(folder);
  const { status, stderr } = run(folder, "20.20.2");
  expect(status).toBe(1);
  expect(stderr).toContain("Sluice needs Node 22.18 or newer");
  expect(stderr).toContain("`npx sluice` takes");
});

test.each([
  ["20.20.2", 1],
  ["22.17.9", 1],
  ["22.18.0", 0],
  ["24.0.0", 0],
])("with Node %s a command ends with %i", async (version, code) => {
  const folder = await makeFolder();
  await addPackages(folder);
  const { status, stdout, stderr } = run(folder, version);
  expect(status, stderr).toBe(code);
  expect(stdout).toBe(code === 0 ? "the command runs" : "");
  if (code === 1) expect(stderr).toContain("Sluice needs Node 22.18 or newer");
});
