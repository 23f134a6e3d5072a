// One exhaustive search of a model below model/: spin writes a checker in C, gcc builds it, it visits every state.
import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { Search } from "./searches.ts";

export type Found = {
  /** All states were visited, or a violation ended the search. */
  readonly isComplete: boolean;
  readonly states: number;
  /** MiB */
  readonly memory: number;
  readonly ms: number;
  /** The property that a run breaks, as the model words it; null: none does. */
  readonly violation: string | null;
  /** The last steps of that run, one line each. */
  readonly trail: readonly string[];
  /** Statements that no run came to: what is claimed of them is claimed of nothing. */
  readonly unreached: readonly string[];
};

const MODELS = fileURLToPath(new URL("../../model/", import.meta.url));
const MOST_MEMORY = 1_800;
const DEPTH = 10_000;
const TRAIL_LINES = 40;

const run = promisify(execFile);

const numberIn = (text: string, pattern: RegExp): number => Number(pattern.exec(text)?.[1] ?? Number.NaN);

const unreachedIn = (report: string): string[] =>
  [...report.matchAll(/^\t\S*?:(\d+), state \d+, "(.*)"$/gm)]
    .filter(([, , statement]) => statement !== "-end-")
    .map(([, line, statement]) => `line ${line}: ${statement}`);

/** Throws when spin, gcc or the checker itself fails. */
export const search = async ({ part, flags, mutant }: Search): Promise<Found> => {
  const file = part === "HISTORIES" ? "histories.pml" : "rollback.pml";
  const model = join(MODELS, file);
  const folder = await mkdtemp(join(tmpdir(), "sluice-model-"));
  const inFolder = { cwd: folder, maxBuffer: 64 * 1024 * 1024 };
  const defines = [part, ...flags, ...(mutant === null ? [] : [mutant])].map((flag) => `-D${flag}`);
  try {
    const began = performance.now();
    await run("spin", [...defines, "-a", model], inFolder);
    await run(
      "gcc",
      [mutant === null ? "-O1" : "-O0", "-w", "-DSAFETY", `-DMEMLIM=${MOST_MEMORY}`, "-o", "pan", "pan.c"],
      inFolder,
    );
    const { stdout: report } = await run("./pan", [`-m${DEPTH}`], inFolder);
    const ms = Math.round(performance.now() - began);
    const violation = /^pan:\d+: (?:assertion violated )?(.*?) \(at depth \d+\)$/m.exec(report)?.[1] ?? null;
    const trail =
      violation === null
        ? ""
        : (await run("spin", [...defines, "-k", `${file}.trail`, "-t", "-p", model], inFolder)).stdout;
    return {
      isComplete: violation !== null || !/Search not completed|max search depth|out of memory/.test(report),
      states: numberIn(report, /(\d+) states, stored/),
      memory: numberIn(report, /([\d.]+)\s+total actual memory usage/),
      ms,
      violation,
      trail: trail
        .split("\n")
        .filter((line) => /^ *\d+:/.test(line))
        .slice(-TRAIL_LINES),
      unreached: unreachedIn(report),
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
};
