// Aggregate databases beside a test's own main database, and what all of them have counted.
import {
  MAIN,
  prepareAggregateDatabase,
  readPlaces,
  type AggregateDatabase,
} from "../../origin/db/aggregate-databases.ts";
import { readPositionsOfAll } from "../../origin/aggregate/checkpoints.ts";
import { documentsOf } from "../../shared/telemetry/partition-numbers.ts";
import { makeLogger } from "../../origin/runtime/log.ts";
import { asServiceRole } from "../../origin/db/service-role.ts";
import { makePostgresLogReader } from "../../origin/span-log/read-log.ts";
import { makeTestDatabase, type TestDatabase } from "./database.ts";
import { waitFor } from "./telemetry.ts";

type Count = { readonly signal: string; readonly cohort: string; readonly units: number };

export const makeAggregateDatabases = async (main: TestDatabase, names: readonly string[]) => {
  const others = new Map<string, TestDatabase>();
  for (const name of names) {
    const database = await makeTestDatabase();
    await prepareAggregateDatabase({ name, url: database.url }, main.pool, makeLogger("silent"));
    others.set(name, database);
  }
  const all: AggregateDatabase[] = [
    { name: MAIN, url: () => asServiceRole(main.url), pool: () => main.servicePool },
    ...Array.from(others, ([name, database]) => ({
      name,
      url: () => asServiceRole(database.url),
      pool: () => database.servicePool,
    })),
  ];
  const databaseOf = (name: string): TestDatabase => {
    const found = name === MAIN ? main : others.get(name);
    if (found === undefined) throw new Error(`there is no database ${name}`);
    return found;
  };
  const places = async () => (await readPlaces(main.pool)).byDatabase;

  return {
    all,
    configured: Array.from(others, ([name, { url }]) => ({ name, url })),
    databaseOf,
    places,
    /** Waits until everything acknowledged is folded, wherever its partition lives. */
    folded: async (): Promise<void> => {
      const log = makePostgresLogReader(main.pool);
      await waitFor(async () => (await log.unfoldedSeconds(await readPositionsOfAll(main.pool, all))) === 0);
    },
    /** Units by signal and cohort, at the last age, as the places say. */
    counts: async (featureId: string): Promise<Count[]> => {
      const { byDatabase, byPartition } = await readPlaces(main.pool);
      const rows: Count[] = [];
      for (const [name, partitions] of byDatabase) {
        const found = await databaseOf(name).pool.query<Count>(
          byPartition
            ? `select signal, cohort, sum(units)::integer as units from outcome_counts_by_partition
               where feature_id = $1 and partition = any($2::smallint[]) group by 1, 2`
            : `select signal, cohort, sum(units)::integer as units from outcome_counts
               where feature_id = $1 and $2::smallint[] is not null group by 1, 2`,
          [featureId, partitions],
        );
        rows.push(...found.rows);
      }
      const sums = Map.groupBy(rows, ({ signal, cohort }) => `${signal} ${cohort}`);
      return Array.from(sums.values(), (some) => ({
        signal: some[0]?.signal ?? "",
        cohort: some[0]?.cohort ?? "",
        units: some.reduce((sum, { units }) => sum + units, 0),
      })).toSorted((a, b) => a.signal.localeCompare(b.signal) || a.cohort.localeCompare(b.cohort));
    },
    requests: async (): Promise<number> => {
      let sum = 0;
      for (const [name, partitions] of await places()) {
        const { rows } = await databaseOf(name).pool.query<{ requests: number }>(
          `select coalesce(sum(requests), 0)::integer as requests from latency_sketches
           where partition = any($1::smallint[])`,
          [partitions.flatMap((partition) => [partition, documentsOf(partition)])],
        );
        sum += rows[0]?.requests ?? 0;
      }
      return sum;
    },
    drop: async (): Promise<void> => {
      for (const database of others.values()) await database.drop();
    },
  };
};
