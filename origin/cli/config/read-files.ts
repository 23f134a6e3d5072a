// The configuration files below a path, as text. What cannot be one is refused before it is read.
import { lstat, readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { UsageError } from "../errors.ts";

export type ConfigFile = { readonly path: string; readonly text: string };

/** As much as the origin takes of all files together. */
const MAX_BYTES = 16 * 1024 * 1024;
const MAX_FILES = 5_000;
const CONFIG = /\.(?:ya?ml|json)$/i;

/** Files of the folder and of those below, by name. Names that begin with a dot are others'. Links are not followed. */
const pathsIn = async (folder: string): Promise<string[]> => {
  const entries = await readdir(folder, { withFileTypes: true });
  const paths: string[] = [];
  for (const entry of entries.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    if (entry.name.startsWith(".") || entry.name === "node_modules") continue;
    const path = join(folder, entry.name);
    if (entry.isDirectory()) paths.push(...(await pathsIn(path)));
    else if (entry.isFile() && CONFIG.test(entry.name)) paths.push(path);
  }
  return paths;
};

const readText = async (path: string): Promise<string> => {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(await readFile(path));
  } catch (cause) {
    if (cause instanceof TypeError) throw new UsageError(`${path} is not text in UTF-8`);
    throw cause;
  }
};

export const readConfigFiles = async (path: string): Promise<ConfigFile[]> => {
  const found = await stat(path).catch((cause: unknown) => {
    const isMissing = cause instanceof Error && "code" in cause && cause.code === "ENOENT";
    throw isMissing ? new UsageError(`there is no file or folder ${path}`) : cause;
  });
  const paths = found.isDirectory() ? await pathsIn(path) : [path];
  if (paths.length === 0) throw new UsageError(`${path} has no .yaml, .yml or .json file`);
  if (paths.length > MAX_FILES) throw new UsageError(`${path} has more than ${MAX_FILES} files`);
  let bytes = 0;
  for (const one of paths) {
    const file = found.isDirectory() ? await lstat(one) : found;
    if (!file.isFile()) throw new UsageError(`${one} is no file`);
    bytes += file.size;
    if (bytes > MAX_BYTES) throw new UsageError(`${path} has more than ${MAX_BYTES / 1024 / 1024} MiB`);
  }
  const files: ConfigFile[] = [];
  // With / on every system: the origin keeps the path and shows it to others.
  for (const one of paths) files.push({ path: one.replaceAll("\\", "/"), text: await readText(one) });
  return files;
};
