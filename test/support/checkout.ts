// A fresh clone of what is being tested: every file of the working tree that Git would track, and no other.
import { execFileSync } from "node:child_process";
import { cp, mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));

export const makeCheckout = async (folder: string): Promise<void> => {
  // An empty repository of its own: files that are not committed count as well, and so does a tree without a repository.
  const repository = await mkdtemp(join(tmpdir(), "sluice-git-"));
  try {
    const git = (...args: string[]): string =>
      execFileSync("git", [`--git-dir=${repository}`, `--work-tree=${root}`, ...args], {
        cwd: root,
        encoding: "utf8",
      });
    git("init", "--quiet");
    for (const name of git("ls-files", "-z", "--others", "--exclude-standard").split("\0")) {
      if (name === "") continue;
      await mkdir(dirname(join(folder, name)), { recursive: true });
      await cp(join(root, name), join(folder, name));
    }
  } finally {
    await rm(repository, { recursive: true, force: true });
  }
};
