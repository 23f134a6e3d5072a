// The one call between the places of the edge's state: subscription, catch-up, acknowledgement and heartbeat at once.
import type { SnapshotDelta } from "../../shared/snapshot/versioned-snapshot.ts";
import type { Revision } from "../../shared/ids.ts";

export type Watch = {
  /** Who asks: an isolate's id at a replica, a region at the hub. */
  readonly watcher: string;
  /** The revision that the caller has; null: none. Naming a revision acknowledges it. */
  readonly have: Revision | null;
  /** How long the answer may be held back while there is nothing new; 0 asks for an answer now. */
  readonly waitMs: number;
  /** The answer must not have been confirmed longer ago than this. */
  readonly maxAgeMs: number;
};

export type WatchAnswer = {
  /** The newest revision that the answering place knows; null: none. */
  readonly revision: Revision | null;
  /** null: the caller is up to date. */
  readonly change: SnapshotDelta | null;
  /** Time since the hub was last known to have nothing newer than this answer; null: it was never asked with success. */
  readonly ageMs: number | null;
};

export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** The promise's value, or a rejection after `ms`: nothing at the edge waits for ever. */
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

/**
 * Those who wait for something to happen; each waits for a limited time. For Durable Objects, whose calls share their
 * timers: between requests of an isolate, workerd ignores clearTimeout on another's (nothing throws, the timer fires).
 */
export const makeGathering = (): { wait: (ms: number) => Promise<void>; wake: () => void } => {
  const waiting = new Set<() => void>();
  return {
    wait: (ms) =>
      new Promise((resolve) => {
        const leave = (): void => {
          clearTimeout(timer);
          waiting.delete(leave);
          resolve();
        };
        const timer = setTimeout(leave, ms);
        waiting.add(leave);
      }),
    wake: () => {
      for (const leave of waiting) leave();
    },
  };
};
