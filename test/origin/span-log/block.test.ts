// Blocks: what is written is read again, record for record.
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { makeBlockBuilders } from "../../../origin/span-log/block-builders.ts";
import { viewOf } from "../../../origin/span-log/bytes.ts";
import { readFeatures, readRecords, recordCount } from "../../../origin/span-log/read-block.ts";
import {
  DOCUMENT,
  MAX_NAME_BYTES,
  NETWORK,
  NO_EXPOSURE,
  RAW,
  UNFINISHED,
  type RecordDraft,
} from "../../../origin/span-log/record.ts";
import { featureEpoch } from "../../../origin/span-log/unit-key.ts";
import { partitionOf } from "../../../shared/telemetry/partition-numbers.ts";

const features = [
  featureEpoch("feat_a", 1, null),
  featureEpoch("feat_a", 2, null),
  featureEpoch("feat_ü", 1, null),
];

type Item = {
  feature: number;
  flags: number;
  startMs: number;
  durationUs: number;
  unit: Buffer;
  /** 16 bytes of trace id and 8 of span id; null for log records */
  ids: Buffer | null;
  name: Buffer;
  httpStatus: number;
  network: number;
};

const bytes = (minLength: number, maxLength = minLength) =>
  fc.uint8Array({ minLength, maxLength }).map((array) => Buffer.from(array));

const item: fc.Arbitrary<Item> = fc.record({
  feature: fc.nat(2),
  flags: fc.tuple(fc.nat(127), fc.oneof(fc.constant(0), fc.nat(15))).map(([low, high]) => low | (high << 8)),
  startMs: fc.integer({ min: 0, max: 2 ** 42 }),
  durationUs: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
  unit: bytes(1, 256),
  ids: fc.option(bytes(24)),
  name: bytes(0, 200),
  httpStatus: fc.integer({ min: 0, max: 999 }),
  network: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
});

/** Of log records there is nothing to keep whole: they never have the flag. */
const flagsOf = ({ flags, ids }: Item): number => (ids === null ? flags & ~RAW : flags);

const draftOf = (one: Item): RecordDraft => {
  const ids = one.ids ?? Buffer.alloc(0);
  return {
    feature: features[one.feature]!,
    flags: flagsOf(one),
    startMs: one.startMs,
    durationUs: one.durationUs,
    unit: { view: viewOf(one.unit), start: 0, end: one.unit.length },
    view: viewOf(Buffer.concat([ids, one.name])),
    traceAt: one.ids === null ? -1 : 0,
    spanAt: one.ids === null ? -1 : 16,
    nameStart: ids.length,
    nameEnd: ids.length + one.name.length,
    httpStatus: one.httpStatus,
    network: one.network,
  };
};

const keptOf = (one: Item) => ({
  featureId: features[one.feature]!.featureId,
  epoch: features[one.feature]!.epoch,
  flags: flagsOf(one),
  startMs: one.startMs,
  durationUs: one.durationUs,
  unit: one.unit.toString("hex"),
  isDeduplicated: one.ids !== null,
  network: (one.flags & NETWORK) === 0 ? 0 : one.network,
  raw:
    (flagsOf(one) & RAW) === 0
      ? null
      : {
          ids: one.ids!.toString("hex"),
          status: one.httpStatus,
          name: one.name.subarray(0, MAX_NAME_BYTES).toString("hex"),
        },
});

const inOrder = (all: readonly object[]): string[] => all.map((one) => JSON.stringify(one)).toSorted();

test("records are read as they were written, each in the partition of its unit", () => {
  fc.assert(
    fc.property(fc.array(item, { maxLength: 60 }), (items) => {
      const builders = makeBlockBuilders(4);
      for (const one of items) builders.add(draftOf(one));
      const found: ReturnType<typeof keptOf>[] = [];
      for (const { partition, records, spanKeys, parts } of builders.takeBlocks()) {
        const block = Buffer.concat(parts);
        const head = readFeatures(block);
        expect(recordCount(spanKeys)).toBe(records);
        readRecords(block, spanKeys, head.end, (record) => {
          expect(partitionOf(record.keyLow, 4)).toBe(partition);
          const at = record.rawAt;
          found.push({
            ...head.features[record.feature]!,
            flags: record.flags,
            startMs: record.startMs,
            durationUs: record.durationUs,
            unit: block.toString("hex", record.unitStart, record.unitEnd),
            isDeduplicated: record.spanLow !== 0 || record.spanHigh !== 0,
            network: record.network,
            raw:
              (record.flags & RAW) === 0
                ? null
                : {
                    ids: block.toString("hex", at, at + 24),
                    status: block.readUInt16LE(at + 24),
                    name: block.toString("hex", at + 27, at + 27 + block.readUInt8(at + 26)),
                  },
          });
        });
      }
      expect(inOrder(found)).toEqual(inOrder(items.map(keptOf)));
      expect(builders.size()).toBe(0);
      expect(builders.takeBlocks()).toEqual([]);
    }),
  );
});

test("a unit has one key in each feature and epoch, and a span one key wherever it is", () => {
  const one: Item = {
    feature: 0,
    flags: 0,
    startMs: 1,
    durationUs: 1,
    unit: Buffer.from("visitor"),
    ids: Buffer.alloc(24, 7),
    name: Buffer.alloc(0),
    httpStatus: 0,
    network: 0,
  };
  const keysOf = (given: Item) => {
    const builders = makeBlockBuilders(4);
    builders.add(draftOf(given));
    const [block] = builders.takeBlocks();
    const keys = { unit: "", span: "" };
    const whole = Buffer.concat(block!.parts);
    readRecords(whole, block!.spanKeys, readFeatures(whole).end, (record) => {
      keys.unit = `${record.keyLow} ${record.keyHigh}`;
      keys.span = `${record.spanLow} ${record.spanHigh}`;
    });
    return keys;
  };
  expect(keysOf({ ...one, startMs: 99, flags: 1 })).toEqual(keysOf(one));
  expect(keysOf({ ...one, feature: 1 }).unit).not.toBe(keysOf(one).unit);
  expect(keysOf({ ...one, feature: 1 }).span).toBe(keysOf(one).span);
  expect(keysOf({ ...one, unit: Buffer.from("visitos") }).unit).not.toBe(keysOf(one).unit);
});

test("a block has the bytes in which databases already hold telemetry", () => {
  const ids = Buffer.from("000102030405060708090a0b0c0d0e0f1011121314151617", "hex");
  const span: Item = {
    feature: 0,
    flags: 0b111_0110,
    startMs: 1_790_000_000_123,
    durationUs: 20_500,
    unit: Buffer.from("visitor 7"),
    ids,
    name: Buffer.from("GET /"),
    httpStatus: 503,
    network: 0xdecade,
  };
  const logRecord = {
    ...draftOf({ ...span, flags: 1, startMs: 1_790_000_000_124, durationUs: 0, ids: null }),
  };
  const builders = makeBlockBuilders(4);
  builders.add({ ...draftOf(span), feature: featureEpoch("feat_ü", 3, null) });
  builders.add({ ...logRecord, feature: featureEpoch("feat_b", 1, null) });
  const blocks = builders.takeBlocks().map(({ partition, spanKeys, parts }) => ({
    partition,
    spanKeys: spanKeys.toString("hex"),
    block: Buffer.concat(parts).toString("hex"),
  }));
  expect(blocks).toEqual([
    {
      partition: 0,
      spanKeys: "842bcbee81034377",
      block:
        "0101000300000007666561745fc3bc" +
        "760000a48b4df817b23fe57b6c50c4a001145000000876697369746f722037" +
        "000102030405060708090a0b0c0d0e0f1011121314151617f70105474554202f",
    },
    {
      partition: 1,
      spanKeys: "0000000000000000",
      block: "0101000100000006666561745f6201000079dd5b4a7d8943377c6c50c4a001000000000876697369746f722037",
    },
  ]);
});

test("a record that says more than its first flags makes the block one of the second format, and only that block", () => {
  const unit = Buffer.from("visitor 7");
  const one: Item = {
    feature: 0,
    flags: 1,
    startMs: 1_790_000_000_123,
    durationUs: 20_500,
    unit,
    ids: null,
    name: Buffer.alloc(0),
    httpStatus: 0,
    network: 0xc0ffee01,
  };
  const builders = makeBlockBuilders(4);
  const blockOf = (flags: number): string => {
    builders.add(draftOf({ ...one, flags }));
    return Buffer.concat(builders.takeBlocks()[0]!.parts).toString("hex");
  };
  const before = blockOf(1);
  const rest = before.slice(before.indexOf("01", 28) + 2);
  expect(blockOf(1 | NO_EXPOSURE | DOCUMENT | UNFINISHED | NETWORK)).toBe(
    `02${before.slice(2, before.length - rest.length - 2)}81${rest}0f01eeffc0`,
  );
  expect(blockOf(1 | NO_EXPOSURE)).toMatch(/^02.*01$/);
  expect(blockOf(1)).toBe(before);
});

test("records of any number fit, whose sizes are known until a commit takes them", () => {
  const one: Item = {
    feature: 1,
    flags: RAW,
    startMs: 7,
    durationUs: 9,
    unit: Buffer.alloc(256, "u"),
    ids: Buffer.alloc(24, 3),
    name: Buffer.alloc(MAX_NAME_BYTES, "n"),
    httpStatus: 200,
    network: 0,
  };
  const bytesOfOne = 22 + 256 + 24 + 2 + 1 + MAX_NAME_BYTES + 8;
  const builders = makeBlockBuilders(4);
  for (let n = 1; n <= 500; n++) {
    builders.add(draftOf({ ...one, startMs: n }));
    expect(builders.size()).toBe(n * bytesOfOne);
  }
  const [block] = builders.takeBlocks();
  const whole = Buffer.concat(block!.parts);
  let expected = 1;
  readRecords(whole, block!.spanKeys, readFeatures(whole).end, ({ startMs, unitStart, unitEnd }) => {
    expect(startMs).toBe(expected++);
    expect(unitEnd - unitStart).toBe(256);
  });
  expect(expected).toBe(501);
  builders.add(draftOf({ ...one, feature: 2 }));
  expect(readFeatures(Buffer.concat(builders.takeBlocks()[0]!.parts)).features).toEqual([
    { featureId: "feat_ü", epoch: 1 },
  ]);
});

test("a block of an unknown format is refused", () => {
  expect(() => readFeatures(Buffer.from([3, 0, 0]))).toThrow(/unknown format 3/);
});

test("a block that has grown to the largest size of a message is divided, and its records stay in their order", () => {
  const builders = makeBlockBuilders(4, 2_000);
  const units = Array.from({ length: 400 }, (_, n) => Buffer.from(`unit ${n}`));
  for (const unit of units)
    builders.add({
      ...draftOf({
        feature: 0,
        flags: 0,
        startMs: 1,
        durationUs: 1,
        unit,
        ids: Buffer.alloc(24, unit),
        name: Buffer.alloc(0),
        httpStatus: 0,
        network: 0,
      }),
    });
  const size = builders.size();
  const blocks = builders.takeBlocks();
  expect(builders.size()).toBe(0);
  expect(blocks.length).toBeGreaterThan(8);
  expect(size).toBeGreaterThan(blocks.length * 1_000);
  const read = new Map<number, string[]>();
  for (const { partition, spanKeys, parts } of blocks) {
    const block = Buffer.concat(parts);
    expect(block.length + spanKeys.length).toBeLessThan(2_500);
    readRecords(block, spanKeys, readFeatures(block).end, ({ unitStart, unitEnd }) => {
      read.set(partition, [...(read.get(partition) ?? []), block.toString("utf8", unitStart, unitEnd)]);
    });
  }
  const order = units.map(String);
  for (const inPartition of read.values())
    expect(inPartition).toEqual(order.filter((unit) => inPartition.includes(unit)));
  expect([...read.values()].flat().toSorted()).toEqual(order.toSorted());
});
