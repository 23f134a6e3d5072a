// Where the fold keeps its aggregates. The changes of a batch are stored together with how far the log is folded, in one
// transaction under the fences of its partitions: a crash leaves all of it or nothing, and a process that has lost a
// partition writes nothing more.
import type { Client } from "../db/pool.ts";
import type { LogRow } from "../span-log/span-log.ts";
import { makeArrivals, type Arrivals } from "./arrivals.ts";
import { addToCounts, type CountDeltas, type CountedFeature } from "./outcome-counts.ts";
import { bucketKeyOf, makeLatencyBuckets, type LatencyBuckets } from "./latency/latency-buckets.ts";
import { holdFences, type Owned } from "./partition-ownership.ts";
import { makeUncountedSpans, type UncountedSpans } from "../span-log/uncounted.ts";
import { makeWaitingSpans, type WaitingSpans } from "./waiting/waiting-spans.ts";
import type { RawSpanSink } from "./raw-spans/raw-span-sink.ts";
import { deleteSetAside, SET_ASIDE } from "./set-aside/quarantine.ts";
import { makeSetAsideRows, type SetAsideRows } from "./set-aside/set-aside-rows.ts";
import type { StoredWindows } from "./sync-windows.ts";
import type { Unit } from "./units/unit.ts";
import type { UnitKeys } from "./units/unit-run.ts";
import { makeUnitRuns, type UnitRuns } from "./units/unit-runs.ts";

type KeptWindows = Pick<StoredWindows, "version" | "byPartition">;

/**
 * The fold's store: PostgreSQL here; the door for another one. When anything throws it is of no use any more, and its
 * owner may remember things that were never stored.
 */
export type AggregateStore = {
  /** The partitions that are owned from now on. `taken`: some of them are new, and other processes may have written them. */
  readonly open: (owned: Owned, taken: boolean) => Promise<void>;
  /** Begins a batch, unless the partitions are lost or the windows have changed. */
  readonly begin: (windows: KeptWindows) => Promise<"ok" | "lost" | "windowsChanged">;
  /** Visits the stored rows of these units; the rows of one unit are to be merged. `index`: the unit's among the keys. */
  readonly readUnits: (keys: UnitKeys, visit: (index: number, unit: Unit) => void) => Promise<void>;
  /** Brings the latencies of buckets into memory, where `latencies` does not have them. */
  readonly readLatencies: (wanted: ReadonlyMap<CountedFeature, ReadonlySet<number>>) => Promise<void>;
  /** For the batch to add to, beside its counts. */
  readonly units: Pick<UnitRuns, "add">;
  readonly latencies: Pick<LatencyBuckets, "has" | "record"> & {
    /** What `has` and `record` call the bucket of requests in this partition. */
    readonly bucketKey: (partition: number, bucketS: number) => number;
  };
  readonly arrivals: Pick<Arrivals, "add">;
  readonly raw: Pick<RawSpanSink, "add">;
  readonly uncounted: Pick<UncountedSpans, "add" | "totals">;
  readonly waiting: Pick<WaitingSpans, "add" | "of" | "release" | "expire" | "size">;
  readonly setAside: Pick<SetAsideRows, "addRecord" | "endRow" | "addRow">;
  /**
   * Stores everything that was added, the changes of counts, and that these rows are folded. Resolves to the number of
   * spans that the sample had to leave out, and of those that were set aside.
   */
  readonly commit: (
    deltas: CountDeltas,
    rows: readonly LogRow[],
  ) => Promise<{ unsampled: number; setAside: number }>;
  /** Before memory forgets units: from now on `readUnits` finds all. */
  readonly indexUnits: () => Promise<void>;
  /** Between batches: makes room for the units of the next ones, as far as no lock is in the way. */
  readonly prepare: () => Promise<void>;
  /** Does a part of the work that can wait until the fold is not behind. */
  readonly maintain: () => Promise<void>;
};

const writeCheckpoints = async (client: Client, rows: readonly LogRow[]): Promise<void> => {
  const last = new Map<string, LogRow>();
  for (const row of rows) {
    if (row.writer === SET_ASIDE) continue;
    const key = `${row.partition}:${row.writer}`;
    if ((last.get(key)?.seq ?? 0) < row.seq) last.set(key, row);
  }
  const heads = [...last.values()];
  if (heads.length === 0) return;
  await client.query({
    name: "write-checkpoints",
    text: `
      insert into fold_checkpoints (partition, writer, seq)
      select * from unnest($1::smallint[], $2::integer[], $3::bigint[])
      on conflict (partition, writer) do update set seq = excluded.seq`,
    values: [heads.map((row) => row.partition), heads.map((row) => row.writer), heads.map((row) => row.seq)],
  });
};

/**
 * `client`: the session that holds the partitions' locks. `runRows`: rows of `unit_evidence` in a run. A `rehearsal` does
 * everything and takes it back: its owner learns whether a batch can be stored. `raw`: the sample's sink, of its own.
 */
export const makeAggregateStore = (
  client: Client,
  runRows: number,
  raw: RawSpanSink,
  rehearsal?: "rehearsal",
): AggregateStore => {
  const runs = makeUnitRuns(runRows);
  const latencies = makeLatencyBuckets();
  const arrivals = makeArrivals();
  const uncounted = makeUncountedSpans();
  const waiting = makeWaitingSpans(uncounted);
  const setAside = makeSetAsideRows();
  let owned: Owned = new Map();
  /**
   * The lowest partition that is owned. Where counts are kept for all partitions together, its rows hold the latencies of all that
   * this process owns: fewer rows, and nobody asks whose they are.
   */
  let lowest = Infinity;
  /** Whether counts are kept by partition, in this batch. */
  let byPartition = false;

  return {
    open: async (now, taken) => {
      const before = lowest;
      owned = new Map(now);
      lowest = Math.min(...owned.keys());
      await runs.open(client, owned.keys());
      await waiting.open(client, owned.keys());
      if (taken || lowest !== before) latencies.forget();
    },
    begin: async (windows) => {
      await client.query("begin");
      const hold = await holdFences(client, owned, windows.version);
      byPartition = windows.byPartition;
      if (hold !== "ok") await client.query("rollback");
      return hold;
    },
    readUnits: (keys, visit) => runs.read(client, keys, visit),
    readLatencies: (wanted) => latencies.load(client, wanted),
    units: runs,
    latencies: {
      ...latencies,
      // A partition that moves takes its requests along, also those that are folded late.
      bucketKey: (partition, bucketS) => bucketKeyOf(byPartition ? partition : lowest, bucketS),
    },
    arrivals,
    raw,
    uncounted,
    waiting,
    setAside,
    commit: async (deltas, rows) => {
      const own = byPartition ? lowest : null;
      await runs.write(client);
      await addToCounts(client, deltas);
      await arrivals.write(client, own);
      await latencies.write(client);
      await waiting.write(client);
      await uncounted.write(client, own);
      const aside = await setAside.write(client);
      await deleteSetAside(client, rows);
      await writeCheckpoints(client, rows);
      const unsampled = await raw.store(client);
      await client.query(rehearsal === undefined ? "commit" : "rollback");
      latencies.age();
      runs.closeFull();
      return { unsampled, setAside: aside };
    },
    indexUnits: () => runs.indexAll(client),
    prepare: () => runs.prepare(client),
    maintain: async () => {
      await runs.finishOne(client);
    },
  };
};
