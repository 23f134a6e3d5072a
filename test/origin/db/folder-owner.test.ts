// A data folder has one owner among all processes of a machine, however they begin and end.
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { ownFolder } from "../../../origin/db/folder-owner.ts";

const makeFolder = async (): Promise<string> => {
  const folder = await mkdtemp(join(tmpdir(), "sluice-owner-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
};

const module = new URL("../../../origin/db/folder-owner.ts", import.meta.url).href;
/** A process that takes the folder, says "taken" or why not, and lives on. */
const takeIn = (folder: string, atMs = 0): { child: ChildProcess; said: Promise<string> } => {
  const script = `const { ownFolder } = await import(${JSON.stringify(module)});
    while (Date.now() < ${atMs});
    try {
      await ownFolder(${JSON.stringify(folder)}, { what: "the folder", port: 4711 });
      process.stdout.write("taken");
    } catch (error) {
      process.stdout.write(error.message);
    }
    setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  return { child, said: once(child.stdout, "data").then(([chunk]) => String(chunk)) };
};
const end = async (child: ChildProcess): Promise<void> => {
  child.kill("SIGKILL");
  await once(child, "exit");
};

test("a folder that a running process owns is refused with its process id and port, and free once it is killed", async () => {
  const folder = await makeFolder();
  const { child, said } = takeIn(folder);
  expect(await said).toBe("taken");
  await expect(ownFolder(folder, { what: "the folder", port: 1 })).rejects.toThrow(
    `the folder is in use by process ${child.pid}, which listens on port 4711.`,
  );
  await end(child);
  const mine = await ownFolder(folder, { what: "the folder", port: 1 });
  expect(mine.isNew).toBe(true);
  expect((await ownFolder(folder, { what: "the folder", port: 1 })).isNew).toBe(false);
  await mine.release();
  expect(await readdir(folder)).toEqual([]);
});

test("of several that begin at once after the owner was killed, one takes the folder", async () => {
  const folder = await makeFolder();
  const before = takeIn(folder);
  await before.said;
  await end(before.child);
  // Late enough for all of them to wait for this moment, also on a busy machine.
  const atMs = Date.now() + 3_000;
  const said = await Promise.all(Array.from({ length: 5 }, () => takeIn(folder, atMs).said));
  expect(said.filter((word) => word === "taken")).toHaveLength(1);
  for (const word of said)
    expect(word).toMatch(/^taken$|^the folder is in use by process \d+, which listens on port 4711/);
});

test("a file of a process whose number another one has now, or that is cut off, keeps nobody out", async () => {
  for (const text of [JSON.stringify({ pid: process.ppid, began: "1", port: 8080 }), '{"pid":']) {
    const folder = await makeFolder();
    await writeFile(join(folder, "owner.1.json"), text);
    expect((await ownFolder(folder, { what: "the folder", port: null })).isNew).toBe(true);
  }
});
