// Decodes the blocks of the log.
import {
  BLOCK_FORMAT,
  FIRST_FORMAT,
  MORE_FLAGS,
  NETWORK,
  RAW,
  RECORD_HEAD_BYTES,
  SPAN_ID_BYTES,
  SPAN_KEY_BYTES,
  TRACE_ID_BYTES,
  type StoredRecord,
} from "./record.ts";

/** How many records there are of these span keys. */
export const recordCount = (spanKeys: Buffer): number => spanKeys.length / SPAN_KEY_BYTES;

/** The features that a block's records name, and where its records begin. */
export const readFeatures = (
  block: Buffer,
): { features: { featureId: string; epoch: number }[]; end: number } => {
  if (block[0] !== BLOCK_FORMAT && block[0] !== FIRST_FORMAT)
    throw new Error(`span block of unknown format ${String(block[0])}`);
  const features: { featureId: string; epoch: number }[] = [];
  let at = 3;
  for (let left = block.readUInt16LE(1); left > 0; left--) {
    const epoch = block.readUInt32LE(at);
    const length = block.readUInt8(at + 4);
    features.push({ featureId: block.toString("utf8", at + 5, at + 5 + length), epoch });
    at += 5 + length;
  }
  return { features, end: at };
};

const get16 = (from: Buffer, at: number): number => (from[at] ?? 0) | ((from[at + 1] ?? 0) << 8);
const get32 = (from: Buffer, at: number): number => (get16(from, at) | (get16(from, at + 2) << 16)) >>> 0;

/**
 * Calls `visit` with each record of a block; `from` is where `readFeatures` ended. The same object is filled for each
 * record: as objects of their own, a hundred thousand a second, they would be the collector's main work.
 */
export const readRecords = (
  block: Buffer,
  spanKeys: Buffer,
  from: number,
  visit: (record: StoredRecord) => void,
): void => {
  const record: StoredRecord = {
    flags: 0,
    feature: 0,
    keyLow: 0,
    keyHigh: 0,
    spanLow: 0,
    spanHigh: 0,
    startMs: 0,
    durationUs: 0,
    unitStart: 0,
    unitEnd: 0,
    network: 0,
    rawAt: 0,
    end: 0,
  };
  let at = from;
  for (let key = 0; key < spanKeys.length; key += SPAN_KEY_BYTES) {
    record.spanLow = get32(spanKeys, key);
    record.spanHigh = get32(spanKeys, key + 4);
    record.flags = block[at] ?? 0;
    record.feature = get16(block, at + 1);
    record.keyLow = get32(block, at + 3);
    record.keyHigh = get32(block, at + 7);
    record.startMs = get32(block, at + 11) + get16(block, at + 15) * 2 ** 32;
    record.durationUs = get32(block, at + 17);
    record.unitStart = at + RECORD_HEAD_BYTES;
    record.unitEnd = record.unitStart + (block[at + 21] ?? 0) + 1;
    record.network = 0;
    at = record.unitEnd;
    if ((record.flags & MORE_FLAGS) !== 0) {
      record.flags = (record.flags & ~MORE_FLAGS) | ((block[at++] ?? 0) << 8);
      if ((record.flags & NETWORK) !== 0) {
        record.network = get32(block, at);
        at += 4;
      }
    }
    record.rawAt = at;
    if ((record.flags & RAW) !== 0) {
      at += TRACE_ID_BYTES + SPAN_ID_BYTES + 2;
      at += 1 + block.readUInt8(at);
    }
    record.end = at;
    visit(record);
  }
};

/** What is wrong with a row of the log; null when all of its records can be read. */
export const blockProblem = (block: Buffer, spanKeys: Buffer): string | null => {
  try {
    if (!Number.isInteger(recordCount(spanKeys))) return "its span keys are cut off";
    const { features, end } = readFeatures(block);
    let last = end;
    let problem: string | null = null;
    readRecords(block, spanKeys, end, (record) => {
      last = record.end;
      if (record.feature >= features.length)
        problem = "a record names a feature that its block does not have";
    });
    return last === block.length ? problem : `its records end at ${last} of ${block.length} bytes`;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
};
