// What is built from sources, kept in a folder for each state of them: several stacks may start at the same time, and the next start
// finds it there.
import { createHash } from "node:crypto";
import { glob, mkdir, mkdtemp, readFile, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { root } from "../../origin/runtime/place.ts";

/** Globs of what is built, below the root. The versions of the packages are always among them. */
type Sources = readonly string[];

const hashOf = async (sources: Sources): Promise<string> => {
  const hash = createHash("sha256");
  const paths: string[] = [];
  for await (const path of glob([...sources, "package-lock.json"], { cwd: root })) paths.push(path);
  for (const path of paths.toSorted()) {
    const file = join(root, path);
    if ((await stat(file)).isFile()) hash.update(`\n${path}\n`).update(await readFile(file));
  }
  return hash.digest("hex").slice(0, 16);
};

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );

/** The folder that `build` has filled, now or at an earlier call. */
export const builtOnce = async (
  name: string,
  sources: Sources,
  build: (folder: string) => Promise<unknown>,
): Promise<string> => {
  const folder = join(root, "node_modules", ".cache", name, await hashOf(sources));
  if (await exists(folder)) return folder;
  await mkdir(dirname(folder), { recursive: true });
  const fresh = await mkdtemp(`${folder}-`);
  try {
    await build(fresh);
    await rename(fresh, folder);
  } catch (error) {
    await rm(fresh, { recursive: true, force: true });
    // Another process was faster.
    if (!(await exists(folder))) throw error;
  }
  return folder;
};
