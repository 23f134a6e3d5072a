// The tracked files of this repository, as the tests of the documentation read them.
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

export const root = join(import.meta.dirname, "../..");

export const trackedFiles = (...patterns: readonly string[]): string[] =>
  execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard", "--", ...patterns], {
    cwd: root,
    encoding: "utf8",
  })
    .split("\n")
    .filter((file) => file !== "" && existsSync(join(root, file)));

export const readFile = (file: string): string => readFileSync(join(root, file), "utf8");

/** Every page that a reader is meant to read. */
export const pages = trackedFiles("*.md");

/** Text outside of fenced blocks: what a page says itself, and not what it shows. */
export const proseOf = (markdown: string): string => markdown.replaceAll(/^```.*?^```$/gms, "");
