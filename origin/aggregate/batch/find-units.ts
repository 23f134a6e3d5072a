// The first pass over a batch: finds duplicates, and the units and latencies to read before the second one.
import { readFeatures, readRecords } from "../../span-log/read-block.ts";
import type { LogRow } from "../../span-log/span-log.ts";
import { NO_EXPOSURE, TIMED } from "../../span-log/record.ts";
import type { AggregateStore } from "../aggregate-store.ts";
import type { CountedFeature } from "../outcome-counts.ts";
import type { WindowsByKey } from "../outcome-windows.ts";
import { requestBucketOf } from "../units/unit.ts";
import { quarantineKey, UNREADABLE } from "../set-aside/quarantine.ts";
import type { WaitingSpan } from "../waiting/waiting-table.ts";
import type { BatchColumns } from "./batch-columns.ts";
import { countedFeatures, type FoldMemory } from "./fold-memory.ts";

/** A row of the log whose features are known; its records begin at `recordsAt`. */
export type FoldableRow = {
  readonly row: LogRow;
  /** null: set aside, none of its records has a slot */
  readonly features: readonly (CountedFeature | null)[];
  readonly recordsAt: number;
};

type Found = {
  readonly rows: readonly FoldableRow[];
  /** the buckets whose latencies are not in memory, as `latencies` names them, by feature */
  readonly missingBuckets: ReadonlyMap<CountedFeature, ReadonlySet<number>>;
  readonly duplicates: number;
  /** of rows that can be read */
  readonly setAside: number;
};

/** What a batch must not count. */
export type Aside = {
  /** by `quarantineKey` */
  readonly features: ReadonlySet<string> | ReadonlyMap<string, unknown>;
  /** rows that cannot be read */
  readonly rows: ReadonlySet<LogRow>;
};

/** Fills `slots` and `missing` of the columns. Units that are not in memory get a slot, empty for now. */
export const findUnits = (
  rows: readonly LogRow[],
  byKey: WindowsByKey,
  { latencies, waiting, setAside }: Pick<AggregateStore, "latencies" | "waiting" | "setAside">,
  aside: Aside,
  memory: FoldMemory,
  { slots, missing }: BatchColumns,
): Found => {
  const found: FoldableRow[] = [];
  const missingBuckets = new Map<CountedFeature, Set<number>>();
  let duplicates = 0;
  let asideCount = 0;
  let position = 0;

  const needBucket = (
    feature: CountedFeature,
    span: Pick<WaitingSpan, "startMs" | "durationUs">,
    { partition, atMs }: LogRow,
  ): void => {
    const bucketKey = latencies.bucketKey(partition, requestBucketOf(span, atMs, feature.windows.bucketS));
    if (latencies.has(feature, bucketKey)) return;
    let buckets = missingBuckets.get(feature);
    if (buckets === undefined) missingBuckets.set(feature, (buckets = new Set()));
    buckets.add(bucketKey);
  };

  const needBucketsOf = (feature: CountedFeature, low: number, high: number, row: LogRow): void => {
    for (const span of waiting.of(low, high)) if ((span.flags & TIMED) !== 0) needBucket(feature, span, row);
  };

  for (const row of rows) {
    if (aside.rows.has(row)) {
      setAside.addRow(row);
      continue;
    }
    const head = readFeatures(row.block);
    const features = countedFeatures(memory, byKey, head.features, (feature) =>
      aside.features.has(quarantineKey({ ...feature, partition: row.partition })),
    );
    readRecords(row.block, row.spanKeys, head.end, (record) => {
      const here = position++;
      const hasSpanKey = record.spanLow !== 0 || record.spanHigh !== 0;
      if (hasSpanKey && !memory.dedupe.add(record.spanLow, record.spanHigh, row.atMs)) {
        slots[here] = -1;
        duplicates++;
        return;
      }
      const feature = features[record.feature];
      if (feature === null) {
        slots[here] = -1;
        asideCount++;
        setAside.addRecord(row, head.features[record.feature] ?? UNREADABLE, record);
        return;
      }
      if (feature === undefined) throw new Error("a record names a feature that its block does not have");
      let slot = memory.units.find(record.keyLow, record.keyHigh);
      if (slot < 0) {
        slot = memory.units.insert(record.keyLow, record.keyHigh);
        missing.low[missing.count] = record.keyLow;
        missing.high[missing.count] = record.keyHigh;
        missing.slots[missing.count++] = slot;
      }
      slots[here] = slot;
      if ((record.flags & TIMED) !== 0) needBucket(feature, record, row);
      // An exposure brings in what waits for it.
      if ((record.flags & NO_EXPOSURE) === 0 && waiting.size() > 0)
        needBucketsOf(feature, record.keyLow, record.keyHigh, row);
    });
    setAside.endRow();
    found.push({ row, features, recordsAt: head.end });
  }
  return { rows: found, missingBuckets, duplicates, setAside: asideCount };
};
