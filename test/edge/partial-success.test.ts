import { expect, test } from "vitest";
import { readPartialSuccess } from "../../edge/telemetry/partial-success.ts";

const text = (content: string): number[] => [...new TextEncoder().encode(content)];
const message = (field: number, content: number[]): number[] => [field * 8 + 2, content.length, ...content];
const read = (...bytes: number[]) => readPartialSuccess(Uint8Array.from(bytes));

test("how many spans were refused, and why, is read from the origin's answer", () => {
  expect(read(...message(1, [1 * 8, 0xac, 0x02, ...message(2, text("unit id too long"))]))).toEqual({
    rejected: 300,
    reason: "unit id too long",
  });
});

test.each([
  ["an empty answer", []],
  ["an empty partial success", [10, 0]],
  ["a warning without refusals", message(1, message(2, text("slow down")))],
  ["an answer that is cut off", [10, 200]],
  ["something else", text('{"partialSuccess":{}}')],
])("%s refuses nothing", (_, bytes) => {
  expect(read(...bytes).rejected).toBe(0);
});

test("fields that are not known are passed over", () => {
  const partial = [...message(7, [1, 2]), 3 * 8, 5, 1 * 8, 4];
  expect(read(...message(9, [0]), ...message(1, partial))).toEqual({ rejected: 4, reason: "" });
});
