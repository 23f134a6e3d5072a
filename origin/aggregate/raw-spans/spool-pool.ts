// Connections to the spool of one database, of the sender's own. A database that was away may be another one when it is back, so
// it is asked who it is before anything is taken from it.
import { assertIdentity, type AggregateDatabase } from "../../db/aggregate-databases.ts";
import { makePool, type Pool, type Queryable } from "../../db/pool.ts";

/** A database that says nothing for so long is away. */
const QUERY_TIMEOUT_MS = 10_000;

export type SpoolPool = {
  /** Rejects while the database has not been reached, and when it is another one than is configured. */
  readonly get: () => Promise<Pool>;
  /** Asks the database again who it is, before it is used the next time. */
  readonly doubt: () => void;
  readonly end: () => Promise<void>;
};

export const makeSpoolPool = (database: AggregateDatabase, main: Queryable): SpoolPool => {
  let opened: Pool | undefined;
  let isKnown = false;
  const doubt = (): void => {
    isKnown = false;
  };
  return {
    get: async () => {
      if (opened === undefined) {
        opened = makePool(database.url(), {
          applicationName: "sluice-raw-spans",
          max: 2,
          queryTimeoutMs: QUERY_TIMEOUT_MS,
          // The sender's next query says so, if the database is away.
          onIdleError: doubt,
        });
      }
      if (!isKnown) {
        await assertIdentity(opened, database.name, main);
        isKnown = true;
      }
      return opened;
    },
    doubt,
    end: async () => opened?.end(),
  };
};
