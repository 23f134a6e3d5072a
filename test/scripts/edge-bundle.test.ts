// What a deployment uploads. An isolate parses all of it before its first request, so it stays small. The edge and shared
// import zod as a namespace (`import * as z`): the bundler then leaves out what nothing uses, such as 50 languages of
// messages. With `import { z }` in a single file it keeps all of zod, 750 kB.
import { glob, readdir, readFile, rm } from "node:fs/promises";
import { dirname, join, matchesGlob, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { afterAll, expect, test } from "vitest";
import { z } from "zod";
import { buildEdge, EDGE_SOURCES } from "../../scripts/local-stack/build-edge.ts";
import { builtOnce } from "../../scripts/local-stack/built-once.ts";

const MAX_GZIPPED_BYTES = 150_000;
const root = fileURLToPath(new URL("../..", import.meta.url));

test("the Worker's modules take no more than 150 kB gzipped", async () => {
  const folder = await buildEdge();
  const modules = (await readdir(folder)).filter((file) => /\.(?:js|wasm)$/.test(file));
  expect(modules).toContain("worker.js");
  const sizes = await Promise.all(
    modules.map(async (file) => gzipSync(await readFile(join(folder, file))).length),
  );
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThanOrEqual(MAX_GZIPPED_BYTES);
});

test("a kept bundle is one of the sources as they are: it has no file whose change is not noticed", async () => {
  const folder = await buildEdge();
  const { sources } = z
    .object({ sources: z.array(z.string()) })
    .parse(JSON.parse(await readFile(join(folder, "worker.js.map"), "utf8")));
  const own = sources
    .map((source) => relative(root, join(folder, source)))
    .filter((path) => !path.startsWith("node_modules"));
  expect(own.length).toBeGreaterThan(50);
  expect(own.filter((path) => !EDGE_SOURCES.some((pattern) => matchesGlob(path, pattern)))).toEqual([]);
});

const NAME = `test-built-once-${process.pid}`;
afterAll(() => rm(join(root, "node_modules", ".cache", NAME), { recursive: true, force: true }));

test("what two build at once lies in one folder, is not built again, and a build that fails leaves nothing", async () => {
  let builds = 0;
  const build = async (): Promise<void> => void (builds += 1);
  const [first, second] = await Promise.all([
    builtOnce(NAME, ["package.json"], build),
    builtOnce(NAME, ["package.json"], build),
  ]);
  expect(second).toBe(first);
  expect(await builtOnce(NAME, ["package.json"], build)).toBe(first);
  expect(builds).toBeLessThanOrEqual(2);
  const fails = builtOnce(NAME, ["README.md"], () => Promise.reject(new Error("it cannot be built")));
  await expect(fails).rejects.toThrow("it cannot be built");
  const left: string[] = [];
  for await (const path of glob("*", { cwd: dirname(first) })) left.push(path);
  expect(left.map((path) => join(dirname(first), path))).toEqual([first]);
});
