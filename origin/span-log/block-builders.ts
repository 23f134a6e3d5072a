// Encodes records into blocks, one for each partition, until the next commit takes them.
import { MAX_UNIT_BYTES } from "../../shared/ids.ts";
import { bytesOf, copyBytes } from "./bytes.ts";
import { hash64, type Hash64 } from "./hash.ts";
import {
  BLOCK_FORMAT,
  FIRST_FORMAT,
  MAX_NAME_BYTES,
  MORE_FLAGS,
  NETWORK,
  RAW,
  RECORD_HEAD_BYTES,
  SPAN_ID_BYTES,
  SPAN_KEY_BYTES,
  TRACE_ID_BYTES,
  type RecordDraft,
} from "./record.ts";
import { partitionsOf } from "../../shared/telemetry/partition-numbers.ts";
import { hashUnit, type FeatureEpoch } from "./unit-key.ts";

const MAX_RECORD_BYTES =
  RECORD_HEAD_BYTES + MAX_UNIT_BYTES + 1 + 4 + TRACE_ID_BYTES + SPAN_ID_BYTES + 2 + 1 + MAX_NAME_BYTES;
/** Distinct (feature, epoch) pairs of one block. More are refused; no real traffic reaches that. */
const MAX_FEATURES = 65_535;

type Builder = {
  records: DataView;
  recordBytes: number;
  spanKeys: DataView;
  count: number;
  /** of the block that is being filled */
  format: number;
  /** numbers of the features in the block's dictionary */
  features: Map<FeatureEpoch, number>;
  dictionaryBytes: number;
};

/** May point into the builders' memory: to be used before anything is added. */
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
  spanKeys: new DataView(new ArrayBuffer(2_048)),
  count: 0,
  format: FIRST_FORMAT,
  features: new Map(),
  dictionaryBytes: 0,
});

/** The same memory if `needed` more bytes fit, else a copy twice as large. */
const withRoom = (view: DataView, used: number, needed: number): DataView => {
  if (used + needed <= view.byteLength) return view;
  const larger = new DataView(new ArrayBuffer(Math.max(view.byteLength * 2, used + needed)));
  copyBytes(view, 0, used, larger, 0);
  return larger;
};

const featureNumber = (builder: Builder, feature: FeatureEpoch): number => {
  const known = builder.features.get(feature);
  if (known !== undefined) return known;
  const number = builder.features.size;
  if (number === MAX_FEATURES) throw new Error("too many features in one block");
  builder.features.set(feature, number);
  builder.dictionaryBytes += 5 + Buffer.byteLength(feature.featureId);
  return number;
};

const encodeBlock = (builder: Builder, partition: number): EncodedBlock => {
  const dictionary: Buffer[] = [];
  for (const { featureId, epoch } of builder.features.keys()) {
    const id = Buffer.from(featureId);
    const head = Buffer.allocUnsafe(5);
    head.writeUInt32LE(epoch, 0);
    head.writeUInt8(id.length, 4);
    dictionary.push(head, id);
  }
  const head = Buffer.allocUnsafe(3);
  head.writeUInt8(builder.format, 0);
  head.writeUInt16LE(builder.features.size, 1);
  return {
    partition,
    records: builder.count,
    spanKeys: bytesOf(builder.spanKeys, 0, builder.count * SPAN_KEY_BYTES),
    parts: [head, ...dictionary, bytesOf(builder.records, 0, builder.recordBytes)],
  };
};

const clear = (builder: Builder): void => {
  builder.recordBytes = 0;
  builder.count = 0;
  builder.format = FIRST_FORMAT;
  builder.features = new Map();
  builder.dictionaryBytes = 0;
};

/** Bytes of its records and of the keys beside them. */
const sizeOf = ({ recordBytes, count }: Builder): number => recordBytes + count * SPAN_KEY_BYTES;

/** `partitions`: how many the log has. A block of more than `maxBlockBytes` is divided. */
export const makeBlockBuilders = (partitions: number, maxBlockBytes = Number.POSITIVE_INFINITY) => {
  const numbers = partitionsOf(partitions);
  /** by the place of the partition among `numbers` */
  const builders = numbers.map(newBuilder);
  /** complete, in memory of their own */
  let full: EncodedBlock[] = [];
  let fullBytes = 0;
  const hash: Hash64 = { low: 0, high: 0 };
  const ids = new DataView(new ArrayBuffer(TRACE_ID_BYTES + SPAN_ID_BYTES));

  return {
    add: (draft: RecordDraft): void => {
      const { view, unit, feature } = draft;
      hashUnit(feature, unit, hash);
      const place = hash.low & (partitions - 1);
      const builder = builders[place];
      if (builder === undefined) throw new Error("unreachable: partition out of range");
      const out = withRoom(builder.records, builder.recordBytes, MAX_RECORD_BYTES);
      builder.records = out;
      let at = builder.recordBytes;
      const startHigh = Math.floor(draft.startMs / 2 ** 32);
      const moreFlags = draft.flags >>> 8;
      out.setUint8(at, moreFlags === 0 ? draft.flags : (draft.flags & 0xff) | MORE_FLAGS);
      out.setUint16(at + 1, featureNumber(builder, feature), true);
      out.setUint32(at + 3, hash.low, true);
      out.setUint32(at + 7, hash.high, true);
      out.setUint32(at + 11, draft.startMs - startHigh * 2 ** 32, true);
      out.setUint16(at + 15, startHigh, true);
      out.setUint32(at + 17, draft.durationUs, true);
      out.setUint8(at + 21, unit.end - unit.start - 1);
      at = copyBytes(unit.view, unit.start, unit.end, out, at + RECORD_HEAD_BYTES);
      if (moreFlags !== 0) {
        builder.format = BLOCK_FORMAT;
        out.setUint8(at++, moreFlags);
        if ((draft.flags & NETWORK) !== 0) {
          out.setUint32(at, draft.network, true);
          at += 4;
        }
      }

      const keyAt = builder.count * SPAN_KEY_BYTES;
      const spanKeys = withRoom(builder.spanKeys, keyAt, SPAN_KEY_BYTES);
      builder.spanKeys = spanKeys;
      if (draft.traceAt < 0) {
        spanKeys.setUint32(keyAt, 0);
        spanKeys.setUint32(keyAt + 4, 0);
      } else {
        copyBytes(view, draft.traceAt, draft.traceAt + TRACE_ID_BYTES, ids, 0);
        copyBytes(view, draft.spanAt, draft.spanAt + SPAN_ID_BYTES, ids, TRACE_ID_BYTES);
        hash64(ids, 0, ids.byteLength, 0x9747b28c, 0x1b873593, hash);
        // Zero marks a record that is not de-duplicated.
        spanKeys.setUint32(keyAt, hash.low === 0 && hash.high === 0 ? 1 : hash.low, true);
        spanKeys.setUint32(keyAt + 4, hash.high, true);
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
      if (sizeOf(builder) + builder.dictionaryBytes >= maxBlockBytes) {
        const block = encodeBlock(builder, numbers[place] ?? -1);
        full.push({ ...block, spanKeys: Buffer.from(block.spanKeys), parts: [Buffer.concat(block.parts)] });
        fullBytes += sizeOf(builder);
        clear(builder);
      }
    },
    /** Bytes of the records that no commit has taken yet. */
    size: (): number => builders.reduce((sum, builder) => sum + sizeOf(builder), fullBytes),
    /** Takes all records out, as one block for each partition that has any, or several in their order. */
    takeBlocks: (): EncodedBlock[] => {
      const blocks = full;
      full = [];
      fullBytes = 0;
      for (const [place, builder] of builders.entries()) {
        if (builder.count > 0) blocks.push(encodeBlock(builder, numbers[place] ?? -1));
        clear(builder);
      }
      return blocks;
    },
  };
};
