// What the conformance suite puts into a log, and a fold as simple as can be: it remembers checkpoints and counts.
import { randomBytes } from "node:crypto";
import { viewOf } from "../../../../origin/span-log/bytes.ts";
import { readFeatures, readRecords } from "../../../../origin/span-log/read-block.ts";
import type { RecordDraft } from "../../../../origin/span-log/record.ts";
import type {
  Checkpoint,
  FoldPositions,
  LogRow,
  SpanLogReader,
} from "../../../../origin/span-log/span-log.ts";
import { featureEpoch } from "../../../../origin/span-log/unit-key.ts";
import { DEFAULT_PARTITIONS, partitionsOf } from "../../../../shared/telemetry/partition-numbers.ts";

const feature = featureEpoch("feat_conformance", 1, null);
export const ALL = partitionsOf(DEFAULT_PARTITIONS);

/** A span of another unit each time. */
export const newSpan = (): RecordDraft => {
  const unit = randomBytes(8);
  return {
    feature,
    flags: 0,
    startMs: 1_700_000_000_000,
    durationUs: 1_000,
    unit: { view: viewOf(unit), start: 0, end: unit.length },
    view: viewOf(randomBytes(24)),
    traceAt: 0,
    spanAt: 16,
    nameStart: 24,
    nameEnd: 24,
    httpStatus: 0,
    network: 0,
  };
};
export const newSpans = (count: number): RecordDraft[] => Array.from({ length: count }, newSpan);

export const unitOf = ({ unit }: RecordDraft): string =>
  Buffer.from(unit.view.buffer, unit.view.byteOffset, unit.end).toString("hex");
export const unitsOf = (spans: readonly RecordDraft[]): string[] => spans.map(unitOf).toSorted();

/** The units of these rows, as often as they stand there. */
export const unitsIn = (rows: readonly LogRow[]): string[] => {
  const units: string[] = [];
  for (const { block, spanKeys } of rows)
    readRecords(block, spanKeys, readFeatures(block).end, ({ unitStart, unitEnd }) =>
      units.push(block.toString("hex", unitStart, unitEnd)),
    );
  return units.toSorted();
};

export const keysIn = (rows: readonly { spanKeys: Buffer }[]): string[] =>
  rows.flatMap(({ spanKeys }) => spanKeys.toString("hex").match(/.{16}/g) ?? []).toSorted();

export const makePositions = (partitions: readonly number[] = ALL) => {
  const checkpoints = new Map<string, Checkpoint>();
  return {
    get: (): FoldPositions => ({ partitions, checkpoints: [...checkpoints.values()] }),
    fold: (rows: readonly LogRow[]): void => {
      for (const { partition, writer, seq } of rows) {
        const key = `${partition}:${writer}`;
        const before = checkpoints.get(key)?.seq ?? 0;
        if (seq <= before) throw new Error(`stream ${key} gave ${seq} after ${before}`);
        checkpoints.set(key, { partition, writer, seq });
      }
    },
  };
};
export type Positions = ReturnType<typeof makePositions>;

/** Reads and folds until `enough` says that it is. Resolves to all rows. */
export const foldUntil = async (
  reader: SpanLogReader,
  positions: Positions,
  enough: (rows: readonly LogRow[]) => boolean,
): Promise<LogRow[]> => {
  const rows: LogRow[] = [];
  const deadline = Date.now() + 30_000;
  while (!enough(rows)) {
    if (Date.now() > deadline) throw new Error(`after 30 s ${unitsIn(rows).length} spans were read`);
    const read = await reader.readUnfolded(positions.get());
    positions.fold(read);
    rows.push(...read);
    if (read.length === 0) await new Promise((wake) => setTimeout(wake, 20));
  }
  return rows;
};

export const foldSpans = (reader: SpanLogReader, positions: Positions, count: number): Promise<LogRow[]> =>
  foldUntil(reader, positions, (rows) => new Set(unitsIn(rows)).size >= count);
