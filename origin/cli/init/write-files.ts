// Writes a site's files, and never over one that is there.
import { chmod, mkdir, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { UsageError } from "../errors.ts";
import type { SiteFile } from "./site-files.ts";

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );

/** Throws, with nothing written, when one of them is there. */
export const refuseToOverwrite = async (folder: string, files: readonly SiteFile[]): Promise<void> => {
  for (const { name } of files) {
    const path = join(folder, name);
    if (await exists(path))
      throw new UsageError(
        `${path} is there already, and nothing is overwritten; name another folder with --dir`,
      );
  }
};

export const writeSiteFiles = async (folder: string, files: readonly SiteFile[]): Promise<void> => {
  await mkdir(folder, { recursive: true });
  for (const { name, text, isSecret } of files) {
    const path = join(folder, name);
    // `wx`: one that came meanwhile is left alone too.
    await writeFile(path, text, { flag: "wx", mode: isSecret ? 0o600 : 0o644 });
    // The mode of a new file is lessened by the process's umask, never widened; a secret's is the owner's alone.
    if (isSecret) await chmod(path, 0o600);
  }
};
