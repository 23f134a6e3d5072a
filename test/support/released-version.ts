// The code of the last released version, out of the repository's history, for tests that run it beside this one.
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { readFile, symlink } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));
const git = (...args: string[]): string => execFileSync("git", args, { cwd: root, encoding: "utf8" }).trim();

export type Release = { readonly version: string; readonly commit: string };

/** The newest version that CHANGELOG.md names with its commit: "## [1.2.3] - 2026-11-26", then "Commit `…`". */
export const lastRelease = async (): Promise<Release> => {
  const changelog = await readFile(join(root, "CHANGELOG.md"), "utf8");
  const found = /^## \[(\d[^\]]*)\][^\n]*\n\s*Commit `([0-9a-f]{40})`/m.exec(changelog);
  if (found === null) throw new Error("CHANGELOG.md names no released version with its commit");
  return { version: found[1] ?? "", commit: found[2] ?? "" };
};

/** Why its code cannot be had here; null when it can. */
export const missingRelease = ({ version, commit }: Release): string | null => {
  try {
    git("cat-file", "-e", `${commit}^{commit}`);
    return null;
  } catch {
    const isShallow = git("rev-parse", "--is-shallow-repository") === "true";
    return (
      `the commit ${commit} of version ${version} (CHANGELOG.md) is not in this clone` +
      (isShallow ? ", which is shallow: git fetch --unshallow brings it" : "")
    );
  }
};

/** Writes its code into `folder`. It runs on the packages of this version. */
export const unpackRelease = async ({ commit }: Release, folder: string): Promise<void> => {
  const archive = spawn("git", ["archive", "--format=tar", commit], {
    cwd: root,
    stdio: ["ignore", "pipe", "inherit"],
  });
  const unpack = spawn("tar", ["-x", "-C", folder], { stdio: [archive.stdout, "inherit", "inherit"] });
  const codes = await Promise.all([once(archive, "exit"), once(unpack, "exit")]);
  if (codes.some(([code]) => code !== 0)) throw new Error(`git archive ${commit} could not be unpacked`);
  await symlink(join(root, "node_modules"), join(folder, "node_modules"));
};
