// The second pass over a batch: applies every record that is no duplicate to its unit, the latencies and the sample.
import { BOT, COHORT_MASK } from "../../span-log/cohort-code.ts";
import { readRecords } from "../../span-log/read-block.ts";
import {
  ACTIVATION,
  DOCUMENT,
  FAILED,
  NETWORK,
  NO_EXPOSURE,
  RAW,
  RETURNED,
  TIMED,
  UNFINISHED,
  type StoredRecord,
} from "../../span-log/record.ts";
import type { LogRow } from "../../span-log/span-log.ts";
import type { AggregateStore } from "../aggregate-store.ts";
import { hourOf } from "../arrivals.ts";
import { cohortIndex, type CountedFeature } from "../outcome-counts.ts";
import {
  applyObservation,
  exposureBucketOf,
  NO_COHORT,
  requestBucketOf,
  unknownUnit,
} from "../units/unit.ts";
import type { UnitTable } from "../units/unit-table.ts";
import { growsLargest } from "../weights/largest-network.ts";
import { admitRequest, admitUnit, type Sender } from "../weights/feature-weights.ts";
import { waitsForExposure } from "../waiting/waiting-spans.ts";
import type { WaitingSpan } from "../waiting/waiting-table.ts";
import type { BatchColumns } from "./batch-columns.ts";
import type { FoldableRow } from "./find-units.ts";

/**
 * Notes the units that change in `changed` of the columns. Returns how many requests were capped: left out of latencies and
 * errors, because their unit or their network has made too many.
 */
export const applyRecords = (
  rows: readonly FoldableRow[],
  {
    arrivals,
    latencies,
    raw,
    uncounted,
    waiting,
  }: Pick<AggregateStore, "arrivals" | "latencies" | "raw" | "uncounted" | "waiting">,
  units: UnitTable,
  { slots, changed }: BatchColumns,
): number => {
  let capped = 0;
  const unit = unknownUnit();
  const observation = { cohort: 0, atMs: 0, exposed: false, activated: false, returned: false };

  /** Applies what a span says to `unit`; whether anything changed. */
  const observe = (
    { flags, startMs }: Pick<WaitingSpan, "flags" | "startMs">,
    returnAfterS: number,
  ): boolean => {
    observation.cohort = flags & COHORT_MASK;
    observation.atMs = startMs;
    observation.exposed = (flags & NO_EXPOSURE) === 0;
    observation.activated = (flags & ACTIVATION) !== 0;
    observation.returned = (flags & RETURNED) !== 0;
    return applyObservation(unit, observation, returnAfterS * 1_000);
  };

  const senderOf = (
    { flags, network }: Pick<WaitingSpan, "flags" | "network">,
    slot: number,
    bucketS: number,
    { windows }: CountedFeature,
  ): Sender => ({
    bucketS,
    bucketWidthS: windows.bucketS,
    network: (flags & NETWORK) === 0 ? -1 : network,
    unitHigh: units.high(slot),
  });

  const countRequest = (
    span: WaitingSpan,
    slot: number,
    { partition, atMs }: LogRow,
    feature: CountedFeature,
  ): void => {
    if ((span.flags & TIMED) === 0) return;
    const bucketS = requestBucketOf(span, atMs, feature.windows.bucketS);
    const sender = senderOf(span, slot, bucketS, feature);
    const cohort = cohortIndex(unit.cohort);
    const outcome = admitRequest(feature.weights, sender, cohort, units.requests(slot, bucketS));
    if (outcome !== "counted") {
      uncounted.add(feature, outcome, 1);
      capped++;
      return;
    }
    units.countRequest(slot, bucketS);
    latencies.record(feature, latencies.bucketKey(partition, bucketS), cohort, {
      kind: (span.flags & DOCUMENT) === 0 ? 0 : 1,
      durationMs: span.durationUs / 1_000,
      failed: (span.flags & FAILED) !== 0,
      unfinished: (span.flags & UNFINISHED) !== 0,
    });
  };

  /** A unit that is new, with what of it has waited; or that sends something again. */
  const noteArrival = (
    record: StoredRecord,
    slot: number,
    feature: CountedFeature,
    { isNew, released }: { isNew: boolean; released: readonly WaitingSpan[] },
  ): void => {
    const { exposedMs } = unit;
    if (isNew) {
      arrivals.add(feature, exposedMs, "units");
      const network = (record.flags & NETWORK) === 0 ? -1 : record.network;
      if (growsLargest(feature.weights.hours, hourOf(exposedMs), network))
        arrivals.add(feature, exposedMs, "largestNetwork");
    }
    const isAgain = isNew
      ? released.some(({ flags }) => (flags & ACTIVATION) !== 0)
      : (record.flags & (NO_EXPOSURE | ACTIVATION)) !== NO_EXPOSURE && record.startMs > exposedMs;
    if (isAgain && units.markSeenAgain(slot)) arrivals.add(feature, exposedMs, "seenAgain");
  };

  const applyRecord = (record: StoredRecord, slot: number, row: LogRow, feature: CountedFeature): void => {
    units.read(slot, unit);
    const { cohort, exposedMs, activatedMs, returnedMs } = unit;
    const isBots = (record.flags & COHORT_MASK) === BOT;
    if ((record.flags & NO_EXPOSURE) !== 0 && !isBots && waitsForExposure(record.startMs, exposedMs)) {
      const { keyLow: low, keyHigh: high, startMs, durationUs, flags, network } = record;
      if (cohort !== BOT)
        waiting.add({ low, high }, feature, { startMs, durationUs, flags, network }, row.atMs);
      return;
    }
    const { returnAfterS } = feature.windows;
    let hasChanged = observe(record, returnAfterS);
    const isNew = exposedMs === Infinity && unit.cohort !== BOT;
    const exposureBucketS = isNew ? exposureBucketOf(unit.exposedMs, feature.windows.bucketS) : 0;
    if (isNew && !admitUnit(feature.weights, senderOf(record, slot, exposureBucketS, feature))) {
      uncounted.add(feature, "network-share", 1);
      unit.cohort = BOT;
    }
    const released =
      unit.exposedMs < exposedMs ? waiting.release(record.keyLow, record.keyHigh, unit.exposedMs) : [];
    for (const span of released) if (observe(span, returnAfterS)) hasChanged = true;
    if (hasChanged) {
      units.write(slot, unit);
      if (units.markChanged(slot)) {
        const at = changed.count++;
        changed.slots[at] = slot;
        changed.features.push(feature);
        changed.cohorts[at] = cohort;
        changed.exposedMs[at] = exposedMs;
        changed.activatedMs[at] = activatedMs;
        changed.returnedMs[at] = returnedMs;
        changed.blocks.push(row.block);
        changed.unitStarts[at] = record.unitStart;
        changed.unitEnds[at] = record.unitEnd;
      }
    }
    if (unit.cohort === BOT) return;
    noteArrival(record, slot, feature, { isNew, released });
    for (const span of released) countRequest(span, slot, row, feature);
    countRequest(record, slot, row, feature);
  };

  let position = 0;
  for (const { row, features, recordsAt } of rows)
    readRecords(row.block, row.spanKeys, recordsAt, (record) => {
      const slot = slots[position++] ?? -1;
      const feature = features[record.feature];
      if (slot < 0 || feature === undefined || feature === null) return;
      applyRecord(record, slot, row, feature);
      if ((record.flags & RAW) === 0 || unit.cohort === BOT) return;
      // A unit that waits for its exposure has no cohort yet but the one that the span names.
      const cohort = unit.cohort === NO_COHORT ? record.flags & COHORT_MASK : unit.cohort;
      raw.add(record, row.block, feature, cohort);
    });
  return capped;
};
