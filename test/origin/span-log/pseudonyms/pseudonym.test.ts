import * as fc from "fast-check";
import { expect, test } from "vitest";
import { viewOf, type TextRange } from "../../../../origin/span-log/bytes.ts";
import { keyedHash } from "../../../../origin/span-log/pseudonyms/blake3.ts";
import {
  PSEUDONYM_BYTES,
  PseudonymBuffer,
  pseudonymKey,
  pseudonymOf,
} from "../../../../origin/span-log/pseudonyms/pseudonym.ts";

// From https://github.com/BLAKE3-team/BLAKE3/blob/master/test_vectors/test_vectors.json: the inputs of one chunk.
const KEY = "whats the Elvish word for friend";
test.each([
  [0, "92b2b75604ed3c761f9d6f62392c8a92"],
  [1, "6d7878dfff2f485635d39013278ae14f"],
  [1023, "c951ecdf03288d0fcc96ee3413563d8a"],
  [1024, "75c46f6f3d9eb4f55ecaaee480db732e"],
])("BLAKE3's keyed hash of %i bytes is the one of the official test vectors", (length, expected) => {
  const key = viewOf(Buffer.from(KEY));
  const input = Buffer.from(Array.from({ length: length + 3 }, (_, i) => (i + 249) % 251));
  const out = new Int32Array(4);
  keyedHash(
    Int32Array.from({ length: 8 }, (_, i) => key.getInt32(i * 4, true)),
    viewOf(input),
    2,
    2 + length,
    out,
  );
  expect(Buffer.from(out.buffer).toString("hex")).toBe(expected);
});

const key = pseudonymKey({ kid: "u1", secret: "pseudonym-secret-0123456789abcdefghijklmnop" });

test("a unit's pseudonym is the one under which databases already hold it", () => {
  expect(pseudonymOf(key, "visitor-1")).toBe("P8NcrdaHB2IXKjfeJQdzwg");
  expect(key.fingerprint).toBe("1a492f5b8a047a9cd5ed1b5a34f9b360");
});

test("another key gives other pseudonyms, and its name makes no difference", () => {
  const other = pseudonymKey({ kid: "u1", secret: "another-secret-0123456789abcdefghijklmnopqr" });
  const renamed = pseudonymKey({ kid: "u2", secret: "pseudonym-secret-0123456789abcdefghijklmnop" });
  expect(pseudonymOf(other, "visitor-1")).not.toBe(pseudonymOf(key, "visitor-1"));
  expect(other.fingerprint).not.toBe(key.fingerprint);
  expect(pseudonymOf(renamed, "visitor-1")).toBe(pseudonymOf(key, "visitor-1"));
});

test("each unit of a batch gets its own pseudonym, also beside one of the same length, and keeps it to the batch's end", () => {
  const ids = fc.array(fc.constantFrom("a", "b", "unit-1", "unit-2", "unit-10", "ünit", "x".repeat(256)), {
    maxLength: 300,
  });
  const buffer = new PseudonymBuffer();
  fc.assert(
    fc.property(ids, (units) => {
      buffer.clear();
      const ranges = units.map((unit): TextRange => {
        // As in a request: the id stands somewhere within it.
        const bytes = Buffer.from(`head${unit}tail`);
        const range = { view: viewOf(bytes), start: 4, end: bytes.length - 4 };
        buffer.replace(key, range);
        return range;
      });
      const texts = ranges.map(({ view, start, end }) => {
        expect(end - start).toBe(PSEUDONYM_BYTES);
        return Buffer.from(view.buffer, view.byteOffset + start, end - start).toString("latin1");
      });
      expect(texts).toEqual(units.map((unit) => pseudonymOf(key, unit)));
    }),
  );
});
