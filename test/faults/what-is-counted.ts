// What all databases of an installation have counted, as their rows say and as evaluations read them, and whether each partition is in
// one database alone.
import {
  MAIN,
  readPlaces,
  type AggregateDatabase,
  type AggregateDatabases,
} from "../../origin/db/aggregate-databases.ts";
import { makePool } from "../../origin/db/pool.ts";
import { PARTITION_TABLES } from "../../origin/aggregate/move/partition-tables.ts";
import { readPositionsOfAll } from "../../origin/aggregate/checkpoints.ts";
import { makeAggregates, sketchesOf } from "../../origin/evaluate/aggregates.ts";
import { readExposed } from "../../origin/evaluate/read-exposed.ts";
import { FeatureId } from "../../shared/ids.ts";
import type { FoldPositions } from "../../origin/span-log/span-log.ts";
import type { DatabaseServer } from "./database-servers.ts";

const withDatabases = async <T>(
  servers: readonly DatabaseServer[],
  work: (databases: readonly AggregateDatabase[]) => Promise<T>,
): Promise<T> => {
  const pools = servers.map(({ name, url }) => ({
    name,
    url,
    pool: makePool(url(), {
      applicationName: "sluice-test-faults",
      max: 2,
      queryTimeoutMs: 10_000,
      onIdleError: () => {},
    }),
  }));
  try {
    return await work(pools.map(({ name, url, pool }) => ({ name, url, pool: () => pool })));
  } finally {
    await Promise.all(pools.map(({ pool }) => pool.end()));
  }
};

const mainOf = (databases: readonly AggregateDatabase[]) => {
  const main = databases.find(({ name }) => name === MAIN);
  if (main === undefined) throw new Error("unreachable: there is no main database");
  return main.pool();
};

/** How far each partition is folded, asked where it lives. */
export const readPositionsOf = (servers: readonly DatabaseServer[]): Promise<FoldPositions> =>
  withDatabases(servers, (databases) => readPositionsOfAll(mainOf(databases), databases));

export type Counted = {
  readonly requests: number;
  readonly units: number;
  /** spans that no count may have, such as the many requests of one person */
  readonly leftOut: number;
  /** as an evaluation reads them */
  readonly evaluated: { readonly requests: number; readonly units: number };
  /** rows of partitions in databases that they do not live in, and partitions that are folded in two or in none */
  readonly misplaced: readonly string[];
};

/** Which partitions have rows in the database, by table. */
const partitionsIn = async ({ pool }: AggregateDatabase): Promise<Map<string, number[]>> => {
  const found = new Map<string, number[]>();
  for (const name of [
    ...PARTITION_TABLES.map((table) => table.name),
    "unit_runs",
    "fold_partitions",
    "moved_partitions",
  ]) {
    const { rows } = await pool().query<{ partition: number }>(
      `select distinct (partition % 100)::integer as partition from ${name} order by 1`,
    );
    found.set(
      name,
      rows.map(({ partition }) => partition),
    );
  }
  return found;
};

const misplacedIn = async (databases: readonly AggregateDatabase[]): Promise<string[]> => {
  const { byDatabase } = await readPlaces(mainOf(databases));
  const misplaced: string[] = [];
  for (const database of databases) {
    const home = byDatabase.get(database.name) ?? [];
    for (const [table, partitions] of await partitionsIn(database)) {
      const strangers =
        table === "moved_partitions" ? partitions : partitions.filter((one) => !home.includes(one));
      if (strangers.length > 0) misplaced.push(`${table} of ${database.name} has ${strangers.join(", ")}`);
      const missing = table === "fold_partitions" ? home.filter((one) => !partitions.includes(one)) : [];
      if (missing.length > 0) misplaced.push(`${database.name} does not fold ${missing.join(", ")}`);
    }
  }
  return misplaced;
};

export const readCounted = (servers: readonly DatabaseServer[], feature: string): Promise<Counted> =>
  withDatabases(servers, async (databases) => {
    let [requests, units, leftOut] = [0, 0, 0];
    for (const { pool } of databases) {
      const { rows } = await pool().query<{ requests: number; units: number; leftOut: number }>(
        `select (select coalesce(sum(spans), 0)::integer from uncounted_signals)
           + (select coalesce(sum(spans), 0)::integer from uncounted_by_partition) as "leftOut",
           (select coalesce(sum(requests), 0)::integer from latency_sketches) as requests,
           (select coalesce(sum(units), 0)::integer from outcome_counts where signal = 'exposure')
           + (select coalesce(sum(units), 0)::integer from outcome_counts_by_partition where signal = 'exposure') as units`,
      );
      requests += rows[0]?.requests ?? 0;
      units += rows[0]?.units ?? 0;
      leftOut += rows[0]?.leftOut ?? 0;
    }
    const all: AggregateDatabases = { all: databases, problems: () => new Map(), stop: async () => {} };
    const view = await makeAggregates({
      databases: all,
      lagOf: () => 0,
      nowMs: () => performance.now(),
    }).view();
    const exposed = await readExposed(mainOf(databases), view.parts, {
      featureId: FeatureId.parse(feature),
      epoch: 1,
    });
    let evaluatedRequests = 0;
    for (const part of view.parts) {
      const { rows } = await part.db.query<{ requests: number }>(
        `select coalesce(sum(requests), 0)::integer as requests from ${sketchesOf(part)} s where feature_id = $1`,
        [feature],
      );
      evaluatedRequests += rows[0]?.requests ?? 0;
    }
    return {
      requests,
      units,
      leftOut,
      evaluated: { requests: evaluatedRequests, units: exposed.treatment + exposed.holdout },
      misplaced: await misplacedIn(databases),
    };
  });
