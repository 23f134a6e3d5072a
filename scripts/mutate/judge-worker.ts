// Judges mutants of one module, one after the other, in a thread that can be ended when a mutant does not end. Node's own
// loader runs tests and modules: whatever reaches the mutated module is loaded anew for each mutant, the rest stays.
import { readFileSync } from "node:fs";
import { registerHooks, stripTypeScriptTypes } from "node:module";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parentPort, workerData } from "node:worker_threads";
import * as fc from "fast-check";
import { takeTests } from "./vitest-shim.ts";

/** `tests` and `reaching` are URLs, without a query. */
export type JudgeData = {
  readonly module: string;
  readonly tests: readonly string[];
  readonly reaching: readonly string[];
};

/** `killedBy`: the first test that fails; null: all passed. */
export type Verdict = { readonly killedBy: { readonly title: string; readonly error: string } | null };

const { module, tests, reaching: list }: JudgeData = workerData;
const reaching = new Set(list);
const shim = pathToFileURL(`${import.meta.dirname}/vitest-shim.ts`).href;

// The same runs each time, so that the same mutants survive; and no search for a smaller example of a failure.
fc.configureGlobal({ seed: 1, endOnFailure: true });

let turn = 0;
let mutated = "";
const stripped = new Map<string, string>();

const sourceOf = (url: string): string => {
  if (url === module) return stripTypeScriptTypes(mutated);
  const source = stripped.get(url) ?? stripTypeScriptTypes(readFileSync(fileURLToPath(url), "utf8"));
  stripped.set(url, source);
  return source;
};

registerHooks({
  resolve: (specifier, context, next) => {
    if (specifier === "vitest" && context.parentURL !== shim) return { url: shim, shortCircuit: true };
    const resolved = next(specifier, context);
    return reaching.has(resolved.url) ? { ...resolved, url: `${resolved.url}?turn=${turn}` } : resolved;
  },
  load: (url, context, next) => {
    const [path = "", query] = url.split("?");
    return query === undefined
      ? next(url, context)
      : { format: "module", source: sourceOf(path), shortCircuit: true };
  },
});

/** How many mutants each test has killed, by its file and title. */
const kills = new Map<string, number>();

const judge = async (): Promise<Verdict> => {
  turn++;
  for (const url of tests) {
    takeTests();
    let title = url;
    try {
      await import(url);
      const found = takeTests();
      if (found.length === 0) throw new Error("no tests");
      const killsOf = (one: { title: string }) => kills.get(`${url} ${one.title}`) ?? 0;
      for (const one of found.toSorted((a, b) => killsOf(b) - killsOf(a))) {
        title = `${url} ${one.title}`;
        await one.run();
      }
    } catch (error) {
      kills.set(title, (kills.get(title) ?? 0) + 1);
      return { killedBy: { title, error: error instanceof Error ? error.message : String(error) } };
    }
  }
  return { killedBy: null };
};

// oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
const report = (verdict: Verdict): void => parentPort?.postMessage(verdict);

parentPort?.on("message", (source: string) => {
  mutated = source;
  void judge().then(report);
});
