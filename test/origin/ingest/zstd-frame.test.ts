import { randomBytes } from "node:crypto";
import { constants, createZstdCompress, zstdCompressSync } from "node:zlib";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readZstdFrames } from "../../../origin/ingest/zstd-frame.ts";

/** As an exporter writes that does not know the size beforehand. */
const streamed = async (pieces: readonly Buffer[], params: Record<number, number> = {}): Promise<Buffer> => {
  const stream = createZstdCompress({ params });
  for (const piece of pieces) stream.write(piece);
  stream.end();
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
};

const mostBytes = (packed: Buffer): number | undefined =>
  readZstdFrames(packed)?.reduce((sum, frame) => sum + frame.mostBytes, 0);

const CONTENTS: readonly [string, Buffer][] = [
  ["nothing", Buffer.alloc(0)],
  ["one byte", Buffer.from("a")],
  ["300 bytes", Buffer.from("abc".repeat(100))],
  ["a million equal bytes", Buffer.alloc(1_000_000, "a")],
  ["300,000 random bytes", randomBytes(300_000)],
  ["5 MiB of text", Buffer.from("the quick brown fox ".repeat(262_144))],
];

describe.each(CONTENTS)("a frame of %s", (_what, content) => {
  test("that names its size promises exactly that", () => {
    for (const checksum of [0, 1]) {
      const packed = zstdCompressSync(content, { params: { [constants.ZSTD_c_checksumFlag]: checksum } });
      expect(mostBytes(packed)).toBe(content.length);
    }
  });

  test("that does not name its size promises at least what comes out", async () => {
    const packed = await streamed([content.subarray(0, 100), content.subarray(100)]);
    expect(mostBytes(packed)).toBeGreaterThanOrEqual(content.length);
  });

  test("that another one follows is read with it, and sixteen are the most", () => {
    const packed = zstdCompressSync(content);
    const times = (n: number) => readZstdFrames(Buffer.concat(Array.from({ length: n }, () => packed)));
    expect(times(2)?.map(({ bytes }) => bytes.equals(packed))).toEqual([true, true]);
    expect(times(16)).toHaveLength(16);
    expect(times(17)).toBe(null);
  });

  test("that is cut off, or followed by anything else, is not read", () => {
    const packed = zstdCompressSync(content);
    for (const length of [0, 3, 5, packed.length - 1])
      expect(readZstdFrames(packed.subarray(0, length))).toBe(null);
    expect(readZstdFrames(Buffer.concat([packed, Buffer.from([0])]))).toBe(null);
  });
});

test("a window of 8 MiB is taken, and a larger one is refused", async () => {
  const content = [Buffer.alloc(100), Buffer.alloc(100)];
  const withWindow = (log: number) => streamed(content, { [constants.ZSTD_c_windowLog]: log });
  expect(readZstdFrames(await withWindow(23))?.[0]?.windowBytes).toBe(8 * 2 ** 20);
  expect(readZstdFrames(await withWindow(24))).toBe(null);
});

test("no bytes make it throw, or run beyond them", () => {
  const header = Buffer.from("28b52ffd", "hex");
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.boolean(), (bytes, isFrame) => {
      const body = Buffer.concat([isFrame ? header : Buffer.alloc(0), bytes]);
      const frames = readZstdFrames(body);
      expect(frames === null || Buffer.concat(frames.map((frame) => frame.bytes)).equals(body)).toBe(true);
    }),
  );
});
