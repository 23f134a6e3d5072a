// A worker that judges the mutants of one module, ended and begun again when a mutant does not end or takes too much memory.
import { once } from "node:events";
import { pathToFileURL } from "node:url";
import { Worker } from "node:worker_threads";
import type { JudgeData, Verdict } from "./judge-worker.ts";

/** How a mutant ended; `text` says which test killed it, or what went wrong with all of them. */
export type Fate = {
  readonly fate: "survived" | "killed" | "endless";
  readonly text: string;
  readonly cpuSeconds: number;
};

/** Modules that were loaded are never given back: a thread that has judged so many is replaced. */
const MUTANTS_PER_THREAD = 250;
const MAX_HEAP_MB = 1_024;
const POLL_MS = 250;

/** Seconds of processor time: those that a busy machine gives to others do not count. */
const cpuSecondsOf = async (worker: Worker): Promise<number> => {
  const { user, system } = await worker.cpuUsage();
  return (user + system) / 1e6;
};

export const makeJudge = (
  module: string,
  judges: { tests: readonly string[]; reaching: readonly string[] },
) => {
  const urlOf = (path: string) => pathToFileURL(path).href;
  const workerData: JudgeData = {
    module: urlOf(module),
    tests: judges.tests.map(urlOf),
    reaching: judges.reaching.map(urlOf),
  };
  let worker: Worker | null = null;
  let judged = 0;

  const end = async (): Promise<void> => {
    await worker?.terminate();
    worker = null;
    judged = 0;
  };

  const begin = async (): Promise<Worker> => {
    const begun = new Worker(new URL("judge-worker.ts", import.meta.url), {
      workerData,
      stdout: true,
      stderr: true,
      resourceLimits: { maxOldGenerationSizeMb: MAX_HEAP_MB },
    });
    await once(begun, "online");
    return begun;
  };

  /** `limitSeconds`: processor time after which a mutant counts as one that never ends. */
  const judge = async (source: string, limitSeconds: number): Promise<Fate> => {
    if (judged++ >= MUTANTS_PER_THREAD) await end();
    const current = (worker ??= await begin());
    const before = await cpuSecondsOf(current);
    const over = new AbortController();
    const fate = once(current, "message", { signal: over.signal }).then(
      async (message: readonly Verdict[]): Promise<Fate> => {
        const killedBy = message[0]?.killedBy ?? null;
        const cpuSeconds = (await cpuSecondsOf(current)) - before;
        return killedBy === null
          ? { fate: "survived", text: "", cpuSeconds }
          : { fate: "killed", text: `${killedBy.title}: ${killedBy.error}`, cpuSeconds };
      },
      async (error: unknown): Promise<Fate> => {
        await end();
        const ended = { cpuSeconds: limitSeconds };
        return over.signal.aborted
          ? { fate: "endless", text: `more than ${limitSeconds.toFixed(1)} s of processor time`, ...ended }
          : // The worker's own "error": out of memory, or an exception that no test awaits.
            { fate: "killed", text: String(error), ...ended };
      },
    );
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
    current.postMessage(source);
    const watch = async (): Promise<void> => {
      if ((await cpuSecondsOf(current)) - before > limitSeconds) over.abort();
    };
    // A thread that has ended has no processor time; its own event says what became of it.
    const timer = setInterval(() => void watch().catch(() => {}), POLL_MS);
    return fate.finally(() => clearInterval(timer));
  };

  return { judge, end };
};
