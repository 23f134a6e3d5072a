// A sleep that can be cut short: a work loop waits for a notification or for its slow poll, whichever comes first.

export type InterruptibleSleep = {
  /** Resolves after `ms` or at the next interruption; at once when one came since the last sleep. */
  readonly sleep: (ms: number) => Promise<void>;
  readonly interrupt: () => void;
};

export const makeInterruptibleSleep = (): InterruptibleSleep => {
  let interrupted = false;
  let wake: (() => void) | null = null;
  return {
    sleep: (ms) =>
      new Promise((resolve) => {
        const done = () => {
          clearTimeout(timer);
          wake = null;
          interrupted = false;
          resolve();
        };
        const timer = setTimeout(done, ms);
        wake = done;
        if (interrupted) done();
      }),
    interrupt: () => {
      interrupted = true;
      wake?.();
    },
  };
};
