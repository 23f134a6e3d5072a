// A sleep that can be cut short: work loops wait for news or for their slow poll, whichever comes first.

export type Alarm = {
  /** Resolves after `ms` or at the next ring; at once when it rang since the last wait. */
  readonly wait: (ms: number) => Promise<void>;
  readonly ring: () => void;
};

export const makeAlarm = (): Alarm => {
  let rung = false;
  let wake: (() => void) | null = null;
  return {
    wait: (ms) =>
      new Promise((resolve) => {
        const done = () => {
          clearTimeout(timer);
          wake = null;
          rung = false;
          resolve();
        };
        const timer = setTimeout(done, ms);
        wake = done;
        if (rung) done();
      }),
    ring: () => {
      rung = true;
      wake?.();
    },
  };
};

/** Pause before the next attempt, in ms: doubling from `firstMs` to `mostMs`, and half of it at random. */
export const backoffMs = (
  attempts: number,
  { firstMs, mostMs }: { firstMs: number; mostMs: number },
): number => Math.min(mostMs, firstMs * 2 ** Math.min(attempts, 30)) * (0.5 + Math.random() / 2);
