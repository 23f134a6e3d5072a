// The door for the sample of spans that is kept whole: PostgreSQL's otel_spans, or a column store by way of a spool. Either is
// written in the fold's transaction, as the last thing in it, so the sample is stored exactly when the counts are.
import { LOCK_NOT_AVAILABLE, sqlState } from "../../db/errors.ts";
import type { Client } from "../../db/pool.ts";
import type { StoredRecord } from "../../span-log/record.ts";

export type RawSpanSink = {
  readonly add: (
    record: Readonly<StoredRecord>,
    block: Buffer,
    feature: { featureId: string; epoch: number },
    cohort: number,
  ) => void;
  /** Stores what was added. Returns how many spans had to be left out: the sample never holds up the counts. */
  readonly store: (client: Client) => Promise<number>;
};

/** How long the counts of a batch wait for its sample, when somebody has locked its table: an index build, for one. */
const LOCK_WAIT_MS = 100;

/**
 * Does `work` under a savepoint, for which locks are not waited for from here on in the transaction. false: a lock was in the
 * way, and nothing of it was done. `savepoint`: one more, in the same round trip.
 */
export const withoutWaiting = async (
  client: Client,
  work: () => Promise<void>,
  savepoint?: string,
): Promise<boolean> => {
  const further = savepoint === undefined ? "" : `; savepoint ${savepoint}`;
  let isDone = true;
  await client.query(`savepoint raw_spans; set local lock_timeout = ${LOCK_WAIT_MS}${further}`);
  try {
    await work();
  } catch (error) {
    if (sqlState(error) !== LOCK_NOT_AVAILABLE) throw error;
    await client.query("rollback to savepoint raw_spans");
    isDone = false;
  }
  await client.query("release savepoint raw_spans");
  return isDone;
};
