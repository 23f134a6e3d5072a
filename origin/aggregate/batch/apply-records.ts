// The second pass over a batch: applies every record that is no duplicate to its unit, the latencies and the sample.
import { BOT, COHORT_MASK } from "../../span-log/cohort-code.ts";
import { readRecords } from "../../span-log/read-block.ts";
import {
  ACTIVATION,
  DOCUMENT,
  FAILED,
  RAW,
  RETURNED,
  TIMED,
  UNFINISHED,
  type StoredRecord,
} from "../../span-log/record.ts";
import type { AggregateStore } from "../aggregate-store.ts";
import { cohortIndex, type CountedFeature } from "../outcome-counts.ts";
import { applyObservation, exposureBucketOf, unknownUnit } from "../units/unit.ts";
import type { UnitTable } from "../units/unit-table.ts";
import type { BatchColumns } from "./batch-columns.ts";
import type { FoldableRow } from "./find-units.ts";

/**
 * Requests of one unit that count as latencies within one bucket. One visitor's script that hammers a page must not
 * decide what the page's latency is; as a unit that visitor counts all the same.
 */
const MAX_REQUESTS_PER_UNIT = 100;

/**
 * Notes the units that change in `changed` of the columns. Returns how many requests were capped: left out of the
 * latencies because their unit has made too many.
 */
export const applyRecords = (
  rows: readonly FoldableRow[],
  { latencies, raw }: Pick<AggregateStore, "latencies" | "raw">,
  units: UnitTable,
  { slots, changed }: BatchColumns,
): number => {
  let capped = 0;
  const unit = unknownUnit();
  const observation = { cohort: 0, atMs: 0, activated: false, returned: false };

  const applyRecord = (record: StoredRecord, slot: number, block: Buffer, feature: CountedFeature): void => {
    units.read(slot, unit);
    const { cohort, exposedMs, activatedMs, returnedMs } = unit;
    observation.cohort = record.flags & COHORT_MASK;
    observation.atMs = record.startMs;
    observation.activated = (record.flags & ACTIVATION) !== 0;
    observation.returned = (record.flags & RETURNED) !== 0;
    if (applyObservation(unit, observation, feature.windows.returnAfterS * 1_000)) {
      units.write(slot, unit);
      if (units.markChanged(slot)) {
        const at = changed.count++;
        changed.slots[at] = slot;
        changed.features.push(feature);
        changed.cohorts[at] = cohort;
        changed.exposedMs[at] = exposedMs;
        changed.activatedMs[at] = activatedMs;
        changed.returnedMs[at] = returnedMs;
        changed.blocks.push(block);
        changed.unitStarts[at] = record.unitStart;
        changed.unitEnds[at] = record.unitEnd;
      }
    }
    if (unit.cohort === BOT) return;
    if ((record.flags & TIMED) !== 0) {
      const bucketS = exposureBucketOf(record.startMs, feature.windows.bucketS);
      if (units.countRequest(slot, bucketS) <= MAX_REQUESTS_PER_UNIT)
        latencies.record(feature, bucketS, cohortIndex(unit.cohort), {
          kind: (record.flags & DOCUMENT) === 0 ? 0 : 1,
          durationMs: record.durationUs / 1_000,
          failed: (record.flags & FAILED) !== 0,
          unfinished: (record.flags & UNFINISHED) !== 0,
        });
      else capped++;
    }
    if ((record.flags & RAW) !== 0) raw.add(record, block, feature, unit.cohort);
  };

  let position = 0;
  for (const { row, features, recordsAt } of rows)
    readRecords(row.block, row.spanKeys, recordsAt, (record) => {
      const slot = slots[position++] ?? -1;
      const feature = features[record.feature];
      if (slot >= 0 && feature !== undefined) applyRecord(record, slot, row.block, feature);
    });
  return capped;
};
