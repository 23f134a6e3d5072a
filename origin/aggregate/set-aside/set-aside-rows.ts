// What a batch sets aside: the records of features that cannot be counted, cut out of their blocks, and rows of the log that
// cannot be read. Written in the batch's transaction, so that a record is either counted or kept.
import { copyInto } from "../../db/copy.ts";
import { CopyBuffer } from "../../db/copy-format.ts";
import type { Client } from "../../db/pool.ts";
import { RECORD_HEAD_BYTES, SPAN_KEY_BYTES, type StoredRecord } from "../../span-log/record.ts";
import { recordCount } from "../../span-log/read-block.ts";
import type { LogRow } from "../../span-log/span-log.ts";
import { UNREADABLE } from "./quarantine.ts";

type NamedFeature = { readonly featureId: string; readonly epoch: number };
type Cut = { readonly row: LogRow; readonly feature: NamedFeature; readonly records: Buffer[] };

/** The head of a block that names this one feature. */
const headFor = (format: number, { featureId, epoch }: NamedFeature): Buffer => {
  const id = Buffer.from(featureId);
  const head = Buffer.alloc(8);
  head.writeUInt8(format, 0);
  head.writeUInt16LE(1, 1);
  head.writeUInt32LE(epoch, 3);
  head.writeUInt8(id.length, 7);
  return Buffer.concat([head, id]);
};

/** A copy of the record that names the first feature of its block. */
const cutRecord = (block: Buffer, { unitStart, end }: StoredRecord): Buffer => {
  const record = Buffer.from(block.subarray(unitStart - RECORD_HEAD_BYTES, end));
  record.writeUInt16LE(0, 1);
  return record;
};

export const makeSetAsideRows = () => {
  /** by feature, of the row at hand */
  let cuts = new Map<number, Cut>();
  const copy = new CopyBuffer();
  let count = 0;

  const put = (
    { featureId, epoch }: NamedFeature,
    row: LogRow,
    records: number,
    spanKeys: Buffer,
    parts: readonly Buffer[],
  ): void => {
    copy.row(7);
    copy.text(featureId);
    copy.int4(epoch);
    copy.int2(row.partition);
    copy.timestamp(Math.floor(row.atMs));
    copy.int4(records);
    copy.joined([spanKeys]);
    copy.joined(parts);
    count += records;
  };

  return {
    /** A record of the row at hand. It is no duplicate, and is not to be looked for as one again: its key becomes zero. */
    addRecord: (row: LogRow, feature: NamedFeature, record: StoredRecord): void => {
      let cut = cuts.get(record.feature);
      if (cut === undefined) cuts.set(record.feature, (cut = { row, feature, records: [] }));
      cut.records.push(cutRecord(row.block, record));
    },
    /** The row at hand is read to its end. */
    endRow: (): void => {
      for (const { row, feature, records } of cuts.values()) {
        const spanKeys = Buffer.alloc(records.length * SPAN_KEY_BYTES);
        put(feature, row, records.length, spanKeys, [headFor(row.block.readUInt8(0), feature), ...records]);
      }
      if (cuts.size > 0) cuts = new Map();
    },
    /** A row that cannot be read, as it is. */
    addRow: (row: LogRow): void =>
      put(UNREADABLE, row, Math.floor(recordCount(row.spanKeys)), row.spanKeys, [row.block]),
    /** Writes what was added; returns the number of its records. */
    write: async (client: Client): Promise<number> => {
      if (copy.rows === 0) return 0;
      await copyInto(
        client,
        "fold_set_aside (feature_id, epoch, partition, at, records, span_keys, block)",
        copy.finish(),
      );
      copy.clear();
      const written = count;
      count = 0;
      return written;
    },
  };
};
export type SetAsideRows = ReturnType<typeof makeSetAsideRows>;
