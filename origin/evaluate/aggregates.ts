// Where an evaluation reads counts: in the main database, or in each database that some partitions live in. A database that cannot
// be asked leaves out the people of its partitions. They are a part by hash of every cohort, so what is left is a fair
// sample, and a decision on it is as good as one on less traffic.
import { MAIN, readPlaces, type AggregateDatabases, type Places } from "../db/aggregate-databases.ts";
import type { Queryable } from "../db/pool.ts";
import { errorText } from "../runtime/error-text.ts";

/** Some partitions in one database, as one statement reads them. */
export type AggregatePart = {
  readonly database: string;
  readonly db: Queryable;
  /** null: all, whose counts are kept together */
  readonly partitions: readonly number[] | null;
};

/** A partition whose database cannot be asked. */
export type AwayPartition = {
  readonly partition: number;
  readonly database: string;
  readonly reason: string;
};

export type AggregateView = {
  /** Tells whether partitions have moved since; null: counts are not kept by partition, and nothing moves. */
  readonly moves: number | null;
  readonly parts: readonly AggregatePart[];
  readonly away: readonly AwayPartition[];
};

export type Aggregates = {
  /** Throws when no database can be asked. */
  readonly view: () => Promise<AggregateView>;
  /** A read of the database failed: its people are left out for some seconds. */
  readonly noteFailure: (database: string, error: unknown) => void;
};

/** From here on nothing would be decided (origin/decide/guards.ts): the partitions of one database stop no others. */
const AWAY_FROM_LAG_S = 60;
const PLACES_MS = 1_000;
/** Longer than it takes to find out that a database says nothing: one that hangs holds up a round now and then, not each. */
const AFTER_FAILURE_MS = 15_000;

/** Latencies of documents have this added to their partition (origin/aggregate/latency/latency-table.ts). */
const DOCUMENT_PARTITIONS = 100;

const listed = (partitions: readonly number[]): string =>
  `'{${partitions.map(Number).join(",")}}'::smallint[]`;

const source = (
  { partitions }: AggregatePart,
  table: string,
  byPartition: string,
  more: (partition: number) => number[] = (partition) => [partition],
): string =>
  partitions === null
    ? table
    : `(select * from ${byPartition} where partition = any(${listed(partitions.flatMap(more))}))`;

/** What statements of counts read from. */
export const countsOf = (part: AggregatePart): string =>
  source(part, "outcome_counts", "outcome_counts_by_partition");
export const arrivalsOf = (part: AggregatePart): string => source(part, "arrivals", "arrivals_by_partition");
export const sketchesOf = (part: AggregatePart): string =>
  source(part, "latency_sketches", "latency_sketches", (partition) => [
    partition,
    partition + DOCUMENT_PARTITIONS,
  ]);

/** The name of a statement over such a source: another plan for other partitions. */
export const planOf = (name: string, { partitions }: AggregatePart): string =>
  partitions === null ? name : `${name} of ${partitions.join(" ")}`;

/** The main database with all partitions together: what there is before a partition has ever moved. */
export const allTogether = (db: Queryable): AggregatePart => ({ database: MAIN, db, partitions: null });

export const onlyMain = (db: Queryable): Aggregates => ({
  view: async () => ({ moves: null, parts: [allTogether(db)], away: [] }),
  noteFailure: () => {},
});

/** The pure part of the view. `problemOf`: why a database cannot be asked; null: it can. */
export const viewOf = (
  { moves, byPartition, byDatabase }: Places,
  dbOf: (database: string) => Queryable | undefined,
  problemOf: (database: string) => string | null,
  isBehind: (database: string) => boolean,
): AggregateView => {
  const main = dbOf(MAIN);
  if (!byPartition && main !== undefined) return { moves: null, parts: [allTogether(main)], away: [] };
  const parts: AggregatePart[] = [];
  const behind: AggregatePart[] = [];
  const away: AwayPartition[] = [];
  for (const [database, partitions] of byDatabase) {
    const db = dbOf(database);
    const reason =
      db === undefined ? "AGGREGATE_DATABASE_URLS of this process does not name it" : problemOf(database);
    if (db === undefined || reason !== null)
      for (const partition of partitions) away.push({ partition, database, reason: reason ?? "" });
    else (isBehind(database) ? behind : parts).push({ database, db, partitions });
  }
  // Where all are behind, nobody is away: the lag itself says that nothing can be decided.
  if (parts.length === 0) return { moves, parts: behind, away };
  for (const { database, partitions } of behind)
    for (const partition of partitions ?? [])
      away.push({ partition, database, reason: `its fold is more than ${AWAY_FROM_LAG_S} s behind` });
  return { moves, parts, away };
};

/** `lagOf`: seconds by which the fold of a database's partitions is behind; null: not known. */
export const makeAggregates = ({
  databases,
  lagOf,
  nowMs,
}: {
  databases: AggregateDatabases;
  lagOf: (database: string) => number | null;
  /** a monotonic clock */
  nowMs: () => number;
}): Aggregates => {
  const [main] = databases.all;
  if (main === undefined) throw new Error("unreachable: there is no main database");
  let places: { readonly value: Places; readonly atMs: number } | undefined;
  const failures = new Map<string, { readonly reason: string; readonly untilMs: number }>();

  const problemOf = (database: string): string | null => {
    const known = databases.problems().get(database);
    if (known !== undefined) return known;
    const failure = failures.get(database);
    return failure !== undefined && failure.untilMs > nowMs() ? failure.reason : null;
  };

  return {
    view: async () => {
      if (places === undefined || nowMs() - places.atMs > PLACES_MS)
        places = { value: await readPlaces(main.pool()), atMs: nowMs() };
      const view = viewOf(
        places.value,
        (name) => databases.all.find((one) => one.name === name && problemOf(name) === null)?.pool(),
        problemOf,
        (name) => (lagOf(name) ?? 0) > AWAY_FROM_LAG_S,
      );
      if (view.parts.length === 0)
        throw new Error("no database of aggregates can be asked", { cause: view.away[0]?.reason });
      return view;
    },
    noteFailure: (database, error) => {
      failures.set(database, { reason: errorText(error), untilMs: nowMs() + AFTER_FAILURE_MS });
    },
  };
};
