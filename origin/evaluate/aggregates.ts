// Where an evaluation reads counts: in the main database, or in each database that some partitions live in. A database that cannot
// be asked leaves out the people of its partitions. They are a part by hash of every cohort, so what is left is a fair
// sample, and a decision on it is as good as one on less traffic.
import { createHash } from "node:crypto";
import { MAIN, readPlaces, type AggregateDatabases, type Places } from "../db/aggregate-databases.ts";
import type { Queryable } from "../db/pool.ts";
import { errorText } from "../runtime/error-text.ts";
import { documentsOf } from "../../shared/telemetry/partition-numbers.ts";

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
  /** How far the fold of the parts was behind when they were chosen: the most of them. 0 where the process asks for its lag itself. */
  readonly lagSeconds: number;
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
  source(part, "latency_sketches", "latency_sketches", (partition) => [partition, documentsOf(partition)]);

/** The name of a statement over such a source: another plan for other partitions. */
export const planOf = (name: string, { partitions }: AggregatePart): string =>
  partitions === null
    ? name
    : // 63 characters at most.
      `${name} of ${createHash("sha256").update(partitions.join(" ")).digest("base64url").slice(0, 20)}`;

/** The main database with all partitions together: what there is before a partition has ever moved. */
export const allTogether = (db: Queryable): AggregatePart => ({ database: MAIN, db, partitions: null });

export const onlyMain = (db: Queryable): Aggregates => ({
  view: async () => ({ moves: null, parts: [allTogether(db)], away: [], lagSeconds: 0 }),
  noteFailure: () => {},
});

const NOT_NAMED = "AGGREGATE_DATABASE_URLS of this process does not name it";

/**
 * The pure part of the view. `dbOf`: undefined where the process does not know the database; `problemOf`: why it cannot be asked;
 * null: it can. `lagOf`: null where it is not known. What may lack people is not read: they would seem not to have acted.
 */
export const viewOf = (
  { moves, byPartition, byDatabase }: Places,
  dbOf: (database: string) => (() => Queryable) | undefined,
  problemOf: (database: string) => string | null,
  lagOf: (database: string) => number | null,
): AggregateView => {
  const main = dbOf(MAIN);
  if (!byPartition && main !== undefined)
    return { moves: null, parts: [allTogether(main())], away: [], lagSeconds: 0 };
  const near: AggregatePart[] = [];
  const behind: AggregatePart[] = [];
  const away: AwayPartition[] = [];
  const leaveOut = (database: string, partitions: readonly number[], reason: string): void => {
    for (const partition of partitions) away.push({ partition, database, reason });
  };
  const lagAt = (database: string): number => lagOf(database) ?? Infinity;
  for (const [database, partitions] of byDatabase) {
    const db = dbOf(database);
    const reason = db === undefined ? NOT_NAMED : problemOf(database);
    if (db === undefined || reason !== null) leaveOut(database, partitions, reason ?? NOT_NAMED);
    else (lagAt(database) > AWAY_FROM_LAG_S ? behind : near).push({ database, db: db(), partitions });
  }
  // Where all are behind, nobody is away: the lag itself says that nothing can be decided.
  const parts = near.length === 0 ? behind : near;
  const lagSeconds = Math.max(0, ...parts.map(({ database }) => lagAt(database)));
  if (near.length > 0)
    for (const { database, partitions } of behind)
      leaveOut(
        database,
        partitions ?? [],
        lagOf(database) === null
          ? "how far its fold is behind is not known"
          : `its fold is more than ${AWAY_FROM_LAG_S} s behind`,
      );
  return { moves, parts, away, lagSeconds };
};

/** `lagOf`: seconds by which the fold is behind of the partitions that live in a database after so many moves; null: not known. */
export const makeAggregates = ({
  databases,
  lagOf,
  nowMs,
}: {
  databases: AggregateDatabases;
  lagOf: (database: string, moves: number) => number | null;
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
      const { moves } = places.value;
      const view = viewOf(
        places.value,
        (name) => databases.all.find((one) => one.name === name)?.pool,
        problemOf,
        (name) => lagOf(name, moves),
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
