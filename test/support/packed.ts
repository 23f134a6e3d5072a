// The tarball of `npm pack`, made once for each state of the sources: building it takes some seconds.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { glob, mkdtemp, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { ownCache } from "./own-cache.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const cache = join(root, "node_modules", ".cache", "package");
const SOURCES = "{*.json,*.toml,*.md,{console,deploy,docs,edge,migrations,origin,scripts,shared}/**}";

const Packed = z.object({
  filename: z.string(),
  size: z.number(),
  unpackedSize: z.number(),
  files: z.array(z.object({ path: z.string() })),
});
export type PackedSluice = z.infer<typeof Packed> & { readonly file: string };

const hashOfSources = async (): Promise<string> => {
  const hash = createHash("sha256");
  const paths: string[] = [];
  for await (const path of glob(SOURCES, { cwd: root })) paths.push(path);
  for (const path of paths.toSorted()) {
    const file = join(root, path);
    if ((await stat(file)).isFile()) hash.update(`\n${path}\n`).update(await readFile(file));
  }
  return hash.digest("hex").slice(0, 16);
};

const read = async (folder: string): Promise<PackedSluice> => {
  const packed = Packed.parse(JSON.parse(await readFile(join(folder, "packed.json"), "utf8")));
  return { ...packed, file: join(folder, packed.filename) };
};

const build = async (folder: string): Promise<void> => {
  const fresh = await mkdtemp(`${folder}-`);
  const output = execFileSync("npm", ["pack", "--json", "--pack-destination", fresh], {
    cwd: root,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
  });
  // What the build prints comes before.
  const [packed] = z.array(Packed).parse(JSON.parse(output.slice(output.indexOf("[\n"))));
  await writeFile(join(fresh, "packed.json"), JSON.stringify(packed));
  await rm(folder, { recursive: true, force: true });
  await rename(fresh, folder);
};

/** Test files run beside each other, and `npm pack` builds in the one folder `dist`: who comes second waits for the first. */
export const packOnce = async (): Promise<PackedSluice> => {
  const ownership = await ownCache(cache, "the packages of the tests");
  try {
    const folder = join(cache, await hashOfSources());
    const kept = await read(folder).catch(() => null);
    if (kept !== null) return kept;
    await build(folder);
    return await read(folder);
  } finally {
    await ownership.release();
  }
};
