// Bytes read four at a time, against one at a time.
import { isAscii as nodeIsAscii } from "node:buffer";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { copyBytes, isAscii, isPrintable, isSame, viewOf } from "../../../origin/span-log/bytes.ts";

/** Often bytes just inside or outside of printable or ASCII. */
const byte = fc.oneof(
  fc.constantFrom(0, 1, 0x1f, 0x20, 0x7e, 0x7f, 0x80, 0xff),
  fc.integer({ min: 0x20, max: 0x7e }),
);
const range = fc.tuple(fc.array(byte, { maxLength: 40 }), fc.nat(40), fc.nat(40)).map(([bytes, a, b]) => {
  const [start, end] = [Math.min(a, b, bytes.length), Math.min(Math.max(a, b), bytes.length)];
  return { bytes: Buffer.from(bytes), start, end };
});

test("a text is ASCII, or printable, exactly when each of its bytes is", () => {
  fc.assert(
    fc.property(range, ({ bytes, start, end }) => {
      const part = bytes.subarray(start, end);
      expect(isAscii(viewOf(bytes), start, end)).toBe(nodeIsAscii(part));
      expect(isPrintable(viewOf(bytes), start, end)).toBe(
        part.every((value) => value >= 0x20 && value <= 0x7e),
      );
    }),
    { numRuns: 2_000 },
  );
});

test("a copy has the bytes of its source, and writes nothing beside them", () => {
  fc.assert(
    fc.property(range, fc.nat(9), ({ bytes, start, end }, at) => {
      const to = Buffer.alloc(64, 0xaa);
      expect(copyBytes(viewOf(bytes), start, end, viewOf(to), at)).toBe(at + end - start);
      const expected = Buffer.alloc(64, 0xaa);
      bytes.copy(expected, at, start, end);
      expect(to).toEqual(expected);
    }),
  );
});

test("texts are the same exactly when every byte is", () => {
  fc.assert(
    fc.property(range, fc.nat(40), fc.boolean(), ({ bytes, start, end }, at, changed) => {
      const other = Buffer.from(bytes.subarray(start, end));
      const place = at % Math.max(1, other.length);
      if (changed && other.length > 0) other[place] = (other[place] ?? 0) ^ 0x40;
      expect(isSame(viewOf(bytes), start, end, viewOf(other))).toBe(!changed || other.length === 0);
      expect(isSame(viewOf(bytes), start, end, viewOf(Buffer.from([...other, 0])))).toBe(false);
    }),
  );
});
