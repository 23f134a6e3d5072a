// The console's files, built by vite when they are not there yet. Each state of the sources has a folder of its own, so
// several stacks may start at the same time.
import { createHash } from "node:crypto";
import { glob, mkdir, mkdtemp, readFile, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { isBuilt, root } from "../../origin/runtime/place.ts";

const sources = join(root, "console");
const cache = join(root, "node_modules", ".cache", "console");

const hashOfSources = async (): Promise<string> => {
  const hash = createHash("sha256").update(await readFile(join(root, "package-lock.json")));
  const files: string[] = [];
  for await (const file of glob("{index.html,vite.config.ts,src/**,public/**}", { cwd: sources }))
    files.push(file);
  for (const file of files.toSorted()) {
    const path = join(sources, file);
    if ((await stat(path)).isFile()) hash.update(`\n${file}\n`).update(await readFile(path));
  }
  return hash.digest("hex").slice(0, 16);
};

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );

/** The folder that the console is built in. In the package it was built with everything else. */
export const buildConsole = async (): Promise<string> => {
  if (isBuilt) return join(sources, "dist");
  const dir = join(cache, await hashOfSources());
  if (await exists(dir)) return dir;
  await mkdir(dirname(dir), { recursive: true });
  const { build } = await import("vite");
  const fresh = await mkdtemp(`${dir}-`);
  await build({
    configFile: join(sources, "vite.config.ts"),
    logLevel: "warn",
    build: { outDir: fresh, emptyOutDir: true },
  });
  try {
    await rename(fresh, dir);
  } catch (error) {
    await rm(fresh, { recursive: true, force: true });
    if (!(await exists(dir))) throw error;
  }
  return dir;
};
