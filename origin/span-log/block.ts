// The stored form of acknowledged telemetry: one compact record a span, about 30 bytes and the unit's id.
// Written by ingest, read by the fold. Little-endian.
//
//   block   u8 format · u16 features · features × (u32 epoch, u8 length, id) · records
//   record  u8 flags · u16 feature · u64 unit key · u48 start ms · u32 duration µs · u8 unit length − 1 · unit
//           with RAW: 16 trace id · 8 span id · u16 http status · u8 name length · name
import { hash64, type Hash64 } from "./hash.ts";
import { bytesOf, copyBytes, viewOf } from "./bytes.ts";

const FORMAT = 1;
const FIXED_BYTES = 1 + 2 + 8 + 6 + 4 + 1;
export const MAX_UNIT_BYTES = 256;
const MAX_NAME_BYTES = 128;
export const TRACE_ID_BYTES = 16;
export const SPAN_ID_BYTES = 8;
const RAW_BYTES = TRACE_ID_BYTES + SPAN_ID_BYTES + 2 + 1 + MAX_NAME_BYTES;

/** Bits of a record's flags. */
export const VARIANT_MASK = 0b11;
export const TREATMENT = 1;
export const HOLDOUT = 2;
/** In place of a variant: the unit is a bot, and nothing of it counts. */
export const BOT = 3;
export const ACTIVATION = 1 << 2;
export const RETURNED = 1 << 3;
export const FAILED = 1 << 4;
/** The duration counts as a latency: a span that ended, not a log record. */
export const TIMED = 1 << 5;
/** The record goes to otel_spans too. */
export const RAW = 1 << 6;

/** Log partitions, a power of two: units are spread over them by their key. Rows of fold_partitions. */
const PARTITIONS = 4;
/** Of a unit, by the lower half of its key. */
export const partitionOf = (keyLow: number): number => keyLow & (PARTITIONS - 1);

/** A feature in one epoch, with the seeds of its units' keys. */
export type FeatureEpoch = {
  readonly featureId: string;
  readonly epoch: number;
  readonly seedLow: number;
  readonly seedHigh: number;
};

export const featureEpoch = (featureId: string, epoch: number): FeatureEpoch => {
  const text = Buffer.from(`${epoch}:${featureId}`);
  const seed: Hash64 = { low: 0, high: 0 };
  hash64(viewOf(text), 0, text.length, 0x5bd1e995, 0x27d4eb2f, seed);
  return { featureId, epoch, seedLow: seed.low, seedHigh: seed.high };
};

/** One record on its way into a block. Ranges of bytes point into the request: nothing is copied before it is stored. */
export type RecordDraft = {
  feature: FeatureEpoch;
  flags: number;
  startMs: number;
  durationUs: number;
  /** what the ids and the name point into */
  view: DataView;
  unitView: DataView;
  unitStart: number;
  unitEnd: number;
  /** start of the 16 bytes; −1 for log records, which are not de-duplicated */
  traceAt: number;
  spanAt: number;
  nameStart: number;
  nameEnd: number;
  httpStatus: number;
};

type Builder = {
  records: DataView;
  recordBytes: number;
  keys: DataView;
  count: number;
  features: Map<FeatureEpoch, number>;
};

/** Points into the builders' memory: to be read before anything is added. */
export type EncodedBlock = {
  readonly partition: number;
  readonly records: number;
  readonly spanKeys: Buffer;
  /** one after the other they are the block */
  readonly parts: readonly Buffer[];
};

const newBuilder = (): Builder => ({
  records: new DataView(new ArrayBuffer(16_384)),
  recordBytes: 0,
  keys: new DataView(new ArrayBuffer(2_048)),
  count: 0,
  features: new Map(),
});

const grown = (view: DataView, used: number, needed: number): DataView => {
  if (used + needed <= view.byteLength) return view;
  const larger = new DataView(new ArrayBuffer(Math.max(view.byteLength * 2, used + needed)));
  copyBytes(view, 0, used, larger, 0);
  return larger;
};

const seal = (builder: Builder, partition: number): EncodedBlock => {
  const dictionary: Buffer[] = [];
  for (const { featureId, epoch } of builder.features.keys()) {
    const id = Buffer.from(featureId);
    const head = Buffer.allocUnsafe(5);
    head.writeUInt32LE(epoch, 0);
    head.writeUInt8(id.length, 4);
    dictionary.push(head, id);
  }
  const head = Buffer.allocUnsafe(3);
  head.writeUInt8(FORMAT, 0);
  head.writeUInt16LE(builder.features.size, 1);
  return {
    partition,
    records: builder.count,
    spanKeys: bytesOf(builder.keys, 0, builder.count * 8),
    parts: [head, ...dictionary, bytesOf(builder.records, 0, builder.recordBytes)],
  };
};

/** Distinct (feature, epoch) pairs of one block; more are refused, which no real traffic reaches. */
const MAX_FEATURES = 65_535;

const featureNumber = (builder: Builder, feature: FeatureEpoch): number => {
  const known = builder.features.get(feature);
  if (known !== undefined) return known;
  const number = builder.features.size;
  if (number === MAX_FEATURES) throw new Error("too many features in one block");
  builder.features.set(feature, number);
  return number;
};

/** What is waiting for the next group commit. `mark` and `reset` take back a request that turns out malformed. */
export const makeBlockBuilders = () => {
  const builders = Array.from({ length: PARTITIONS }, newBuilder);
  const hash: Hash64 = { low: 0, high: 0 };
  const ids = new DataView(new ArrayBuffer(TRACE_ID_BYTES + SPAN_ID_BYTES));
  let marks = builders.map(() => ({ recordBytes: 0, count: 0 }));

  return {
    add: (draft: RecordDraft): void => {
      const { view, unitView, unitStart, unitEnd, feature } = draft;
      hash64(unitView, unitStart, unitEnd, feature.seedLow, feature.seedHigh, hash);
      const builder = builders[partitionOf(hash.low)];
      if (builder === undefined) throw new Error("unreachable: partition out of range");
      const out = grown(builder.records, builder.recordBytes, FIXED_BYTES + MAX_UNIT_BYTES + RAW_BYTES);
      builder.records = out;
      let at = builder.recordBytes;
      const startHigh = Math.floor(draft.startMs / 2 ** 32);
      out.setUint8(at, draft.flags);
      out.setUint16(at + 1, featureNumber(builder, feature), true);
      out.setUint32(at + 3, hash.low, true);
      out.setUint32(at + 7, hash.high, true);
      out.setUint32(at + 11, draft.startMs - startHigh * 2 ** 32, true);
      out.setUint16(at + 15, startHigh, true);
      out.setUint32(at + 17, draft.durationUs, true);
      out.setUint8(at + 21, unitEnd - unitStart - 1);
      at = copyBytes(unitView, unitStart, unitEnd, out, at + FIXED_BYTES);

      const keys = grown(builder.keys, builder.count * 8, 8);
      builder.keys = keys;
      const keyAt = builder.count * 8;
      if (draft.traceAt < 0) {
        keys.setUint32(keyAt, 0);
        keys.setUint32(keyAt + 4, 0);
      } else {
        copyBytes(view, draft.traceAt, draft.traceAt + TRACE_ID_BYTES, ids, 0);
        copyBytes(view, draft.spanAt, draft.spanAt + SPAN_ID_BYTES, ids, TRACE_ID_BYTES);
        hash64(ids, 0, ids.byteLength, 0x9747b28c, 0x1b873593, hash);
        // Zero marks a record that is not de-duplicated.
        keys.setUint32(keyAt, hash.low === 0 && hash.high === 0 ? 1 : hash.low, true);
        keys.setUint32(keyAt + 4, hash.high, true);
        if ((draft.flags & RAW) !== 0) {
          const nameBytes = Math.min(draft.nameEnd - draft.nameStart, MAX_NAME_BYTES);
          at = copyBytes(ids, 0, ids.byteLength, out, at);
          out.setUint16(at, draft.httpStatus, true);
          out.setUint8(at + 2, nameBytes);
          at = copyBytes(view, draft.nameStart, draft.nameStart + nameBytes, out, at + 3);
        }
      }
      builder.recordBytes = at;
      builder.count++;
    },
    mark: (): void => {
      marks = builders.map(({ recordBytes, count }) => ({ recordBytes, count }));
    },
    reset: (): void => {
      for (const [i, builder] of builders.entries()) Object.assign(builder, marks[i]);
    },
    /** Bytes waiting. */
    size: (): number => builders.reduce((sum, builder) => sum + builder.recordBytes + builder.count * 8, 0),
    /** Takes everything out, as one block a partition. */
    seal: (): EncodedBlock[] => {
      const sealed: EncodedBlock[] = [];
      for (const [partition, builder] of builders.entries()) {
        if (builder.count > 0) sealed.push(seal(builder, partition));
        Object.assign(builder, { recordBytes: 0, count: 0, features: new Map() });
      }
      marks = builders.map(() => ({ recordBytes: 0, count: 0 }));
      return sealed;
    },
  };
};
export type BlockBuilders = ReturnType<typeof makeBlockBuilders>;

/** A record as read back. The same object is handed out for each record of a block. */
export type StoredRecord = {
  flags: number;
  /** index into the block's features */
  feature: number;
  keyLow: number;
  keyHigh: number;
  spanLow: number;
  spanHigh: number;
  startMs: number;
  durationUs: number;
  unitStart: number;
  unitEnd: number;
  /** start of trace id, span id, status and name; only with RAW */
  rawAt: number;
};

export const readFeatures = (
  block: Buffer,
): { features: { featureId: string; epoch: number }[]; end: number } => {
  if (block[0] !== FORMAT) throw new Error(`span block of unknown format ${String(block[0])}`);
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

/** Hands every record of a block to `visit`; `from` is where `readFeatures` ended. */
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
    rawAt: 0,
  };
  let at = from;
  for (let key = 0; key < spanKeys.length; key += 8) {
    record.spanLow = get32(spanKeys, key);
    record.spanHigh = get32(spanKeys, key + 4);
    record.flags = block[at] ?? 0;
    record.feature = get16(block, at + 1);
    record.keyLow = get32(block, at + 3);
    record.keyHigh = get32(block, at + 7);
    record.startMs = get32(block, at + 11) + get16(block, at + 15) * 2 ** 32;
    record.durationUs = get32(block, at + 17);
    record.unitStart = at + FIXED_BYTES;
    record.unitEnd = record.unitStart + (block[at + 21] ?? 0) + 1;
    record.rawAt = record.unitEnd;
    at = record.unitEnd;
    if ((record.flags & RAW) !== 0) {
      at += TRACE_ID_BYTES + SPAN_ID_BYTES + 2;
      at += 1 + block.readUInt8(at);
    }
    visit(record);
  }
};
