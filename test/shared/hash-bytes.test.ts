import { expect, test } from "vitest";
import { h32, h32Joined } from "../../shared/hash.ts";

test("the first character beyond ASCII is hashed by its two bytes of UTF-8", () => {
  for (const text of ["\u0080", "\u0081", "\u00ff", "a\u0080", "\u0080".repeat(20)]) {
    expect(h32Joined(text, "unit")).toBe(h32(`${text}:unit`));
    expect(h32Joined("feature", text)).toBe(h32(`feature:${text}`));
  }
});

test("every length around a stripe and around the limit of plain code has the same hash", () => {
  for (const length of [0, 1, 2, 3, 4, 13, 14, 15, 16, 17, 29, 30, 31, 32, 1_021, 1_022, 1_023, 1_024]) {
    const text = "0123456789abcdef".repeat(65).slice(0, length);
    expect(h32Joined("f", text)).toBe(h32(`f:${text}`));
    expect(h32Joined(text, "\u007f", "#")).toBe(h32(`${text}#\u007f`));
  }
});
