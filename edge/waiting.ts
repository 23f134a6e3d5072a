// Waiting with a limit: nothing at the edge waits for ever.

export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** The promise's value, or a rejection after `ms`. `promise` may be another request's: it is only raced. */
export const within = async <T>(ms: number, promise: Promise<T>, what: string): Promise<T> => {
  let timer: ReturnType<typeof setTimeout> | null = null;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} took more than ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
};

export type WaitList = {
  /** Resolves when `wakeAll` is called, or after `ms`. */
  readonly wait: (ms: number) => Promise<void>;
  readonly wakeAll: () => void;
};

/**
 * Requests that wait for the same thing. Each has a promise and a timer of its own, and leaves its timer running when it
 * is woken: a request may not clear the timer of another (workerd ignores that).
 *
 * The request that wakes the others resolves promises of theirs. workerd then continues in the request that made the
 * promise, by a mark on the promise. Built-ins such as Promise.withResolvers set the mark; `new Promise` in code that
 * TurboFan optimized does not, and the woken request fails with "Cannot perform I/O on behalf of a different request"
 * (seen after 13,000 changes, test/flow/ofrep-stream.test.ts).
 */
export const makeWaitList = (): WaitList => {
  const waiting = new Set<() => void>();
  return {
    wait: (ms) => {
      const { promise, resolve } = Promise.withResolvers<void>();
      const leave = (): void => {
        waiting.delete(leave);
        resolve();
      };
      waiting.add(leave);
      setTimeout(leave, ms);
      return promise;
    },
    wakeAll: () => {
      for (const leave of waiting) leave();
    },
  };
};
