// Ends the process in order: on a signal, or when the process that started it goes away. A request to stop that comes
// while the process still starts is carried out once it has started, so that everything is ended in order.
import type { Logger } from "./log.ts";

export type Stoppable = { readonly stop: () => Promise<void> };

export type Shutdown = {
  /** Whether the process was asked to end, also while it still starts. */
  readonly isRequested: () => boolean;
  /** Whether the end has begun. From then on broken connections are expected. */
  readonly hasBegun: () => boolean;
  /** From now on a request to stop ends `parts`, one after the other, and the process. */
  readonly ready: (parts: readonly Stoppable[]) => void;
  /** Ends `parts` and the process, which cannot start, and says why in one line. */
  readonly giveUp: (parts: readonly Stoppable[], why: string, exitCode: number) => Promise<never>;
};

export const makeShutdown = (log: Logger): Shutdown => {
  let stopping = false;
  let requested: string | null = null;
  let started: readonly Stoppable[] | null = null;

  const end = async (parts: readonly Stoppable[], exitCode: number): Promise<never> => {
    stopping = true;
    for (const part of parts) await part.stop();
    process.exit(exitCode);
  };
  const stop = (parts: readonly Stoppable[], reason: string): void => {
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
      return end(parts, exitCode);
    },
  };
};
