// Commits changes, and lets those that come while others are under way travel together.
import { isRefusal } from "../db/errors.ts";
import type { Pool } from "../db/pool.ts";
import { err, type Result } from "../../shared/result.ts";
import {
  commitTogether,
  refusalOf,
  toResult,
  type Change,
  type CommitError,
  type Committed,
} from "./commit-change.ts";

/** `seconds`: from the request to the commit, waiting included. */
export type OnCommitted = (commit: {
  readonly change: Change;
  readonly committed: Committed;
  readonly seconds: number;
}) => void;

type QueuedChange = {
  readonly change: Change;
  readonly queuedAtMs: number;
  readonly resolve: (result: Result<Committed, CommitError>) => void;
  readonly reject: (error: Error) => void;
};

/** Transactions under way: one syncs to disk while the next waits for its lock. */
const MAX_UNDER_WAY = 2;
const MAX_TOGETHER = 200;

/**
 * Commits the change or says why not, with nothing written. Retries for `patienceMs`; after that it throws, and the
 * outcome is unknown: the same change id may be committed again later to learn it.
 */
export type Commit = (change: Change) => Promise<Result<Committed, CommitError>>;

/**
 * Changes that come while others are under way travel together, each with its own outcome and revision: a hundred at
 * once cost a few syncs to disk instead of a hundred.
 */
export const makeCommit = (
  pool: Pool,
  { patienceMs = 15_000, onCommitted }: { patienceMs?: number; onCommitted?: OnCommitted } = {},
): Commit => {
  const queue: QueuedChange[] = [];
  let underWay = 0;

  const commitBatch = async (batch: readonly QueuedChange[]): Promise<void> => {
    try {
      const changes = batch.map(({ change }) => change);
      const answers = await commitTogether(pool, changes, patienceMs);
      for (const [i, { change, queuedAtMs, resolve }] of batch.entries()) {
        const result = toResult(answers[i]);
        const seconds = (performance.now() - queuedAtMs) / 1_000;
        if (result.ok) onCommitted?.({ change, committed: result.value, seconds });
        resolve(result);
      }
    } catch (cause) {
      if (isRefusal(cause) && batch.length > 1) {
        // The database refused the batch because of one of them. Each is committed by itself, so that the others pass.
        for (const one of batch) await commitBatch([one]);
        return;
      }
      const refusal = refusalOf(cause);
      for (const { change, resolve, reject } of batch)
        if (refusal !== null) resolve(err(refusal));
        else reject(new Error(`change ${change.changeId} was not confirmed by the database`, { cause }));
    }
  };

  const drainQueue = async (): Promise<void> => {
    underWay += 1;
    while (queue.length > 0) await commitBatch(queue.splice(0, MAX_TOGETHER));
    underWay -= 1;
  };

  return (change) =>
    new Promise((resolve, reject) => {
      queue.push({ change, queuedAtMs: performance.now(), resolve, reject });
      if (underWay < MAX_UNDER_WAY) void drainQueue();
    });
};
