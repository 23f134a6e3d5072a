// A fresh clone of what is being tested: every file of the working tree that Git would track, and no other.
import { execFileSync } from "node:child_process";
import { cp, mkdir } from "node:fs/promises";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));

export const makeCheckout = async (folder: string): Promise<void> => {
  const list = ["-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard"];
  const names = execFileSync("git", list, { cwd: root, encoding: "utf8" }).split("\0");
  for (const name of new Set(names)) {
    // A file that was removed and not yet committed is still listed.
    if (name === "" || !existsSync(join(root, name))) continue;
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await cp(join(root, name), join(folder, name));
  }
};
