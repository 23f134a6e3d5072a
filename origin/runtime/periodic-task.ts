// Work that is done again and again, never twice at once.

export type PeriodicTask = {
  /** Waits for the run under way; afterwards nothing runs any more. */
  readonly stop: () => Promise<void>;
};

/**
 * Begins a run `everyMs` after the last one began, or as soon as that one has ended if it took longer. A run that
 * throws is reported, and the next one comes at its time.
 */
export const startPeriodicTask = (options: {
  /** until the first run; `everyMs` when it is not given */
  firstAfterMs?: number;
  everyMs: number;
  run: () => Promise<unknown>;
  onError: (error: unknown) => void;
}): PeriodicTask => {
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> = Promise.resolve();
  let stopped = false;

  const runOnce = async (): Promise<void> => {
    const began = performance.now();
    try {
      await options.run();
    } catch (error) {
      options.onError(error);
    }
    if (!stopped) schedule(Math.max(0, options.everyMs - (performance.now() - began)));
  };
  const schedule = (delayMs: number): void => {
    timer = setTimeout(() => {
      running = runOnce();
    }, delayMs);
  };
  schedule(options.firstAfterMs ?? options.everyMs);

  return {
    stop: async () => {
      stopped = true;
      clearTimeout(timer);
      await running;
    },
  };
};
