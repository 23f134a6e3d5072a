// Ends the process in order: on a signal, or when the process that started it goes away. A request to stop that comes
// while the process still starts is carried out once it has started, so that everything is ended in order.
//
// A part may wait for a database or a server that says nothing any more. It is not waited for in turn: what is acknowledged is
// stored, and what is not finished is begun again by another process.
import { errorText } from "./error-text.ts";
import type { ErrorLog, Logger } from "./log.ts";

export type Stoppable = { readonly stop: () => Promise<void> };

export type Part = Stoppable & {
  readonly name: string;
  /** So long it may take whatever the others took; else PART_MS, and what is left of ALL_MS. */
  readonly withinMs?: number;
};

const PART_MS = 3_000;
const ALL_MS = 6_000;
/** Of a part for which nothing is left: most end at once. */
const LEAST_MS = 250;

/** Ends one part after the other. One that fails, or takes too long, is told of and holds up no other. */
export const endInOrder = async (parts: readonly Part[], log: ErrorLog): Promise<void> => {
  let leftMs = ALL_MS;
  for (const part of parts) {
    const { name, withinMs = Math.max(LEAST_MS, Math.min(PART_MS, leftMs)) } = part;
    const beganMs = performance.now();
    let timer: NodeJS.Timeout | undefined;
    const ended = part.stop().then(
      () => true,
      (error: unknown) => {
        log.error(
          { part: name, error: errorText(error) },
          "a part failed while it ended; the others are ended",
        );
        return true;
      },
    );
    const late = new Promise<false>((resolve) => {
      timer = setTimeout(() => resolve(false), withinMs);
    });
    const isEnded = await Promise.race([ended, late]);
    clearTimeout(timer);
    if (part.withinMs === undefined) leftMs -= performance.now() - beganMs;
    if (!isEnded)
      log.error(
        { part: name, withinMs: Math.round(withinMs) },
        "a part did not end in time: a database or server that it speaks with says nothing. The origin ends without it; what was acknowledged is stored",
      );
  }
};

export type Shutdown = {
  /** Whether the process was asked to end, also while it still starts. */
  readonly isRequested: () => boolean;
  /** Whether the end has begun. From then on broken connections are expected. */
  readonly hasBegun: () => boolean;
  /** From now on a request to stop ends `parts`, one after the other, and the process. */
  readonly ready: (parts: readonly Part[]) => void;
  /** Ends `parts` and the process, which cannot start, and says why in one line. */
  readonly giveUp: (parts: readonly Stoppable[], why: string, exitCode: number) => Promise<never>;
};

export const makeShutdown = (log: Logger): Shutdown => {
  let stopping = false;
  let requested: string | null = null;
  let started: readonly Part[] | null = null;

  const end = async (parts: readonly Part[], exitCode: number): Promise<never> => {
    stopping = true;
    await endInOrder(parts, log);
    process.exit(exitCode);
  };
  const stop = (parts: readonly Part[], reason: string): void => {
    if (stopping) return;
    log.info({ reason }, "the origin stops");
    void end(parts, 0);
  };
  const request = (reason: string): void => {
    requested ??= reason;
    if (started !== null) stop(started, reason);
  };
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => request(signal));
  process.once("disconnect", () => request("the process that started this one has ended"));

  return {
    isRequested: () => requested !== null,
    hasBegun: () => stopping,
    ready: (parts) => {
      started = parts;
      if (requested !== null) stop(parts, requested);
    },
    giveUp: (parts, why, exitCode) => {
      process.stderr.write(`${why}\n`);
      return end(
        parts.map((part) => ({ name: "what was started", stop: () => part.stop() })),
        exitCode,
      );
    },
  };
};
