// When two pictures of a page count as the same, and that the seeded shop is seen at one moment whatever day it is.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { PNG } from "pngjs";
import { expect, test } from "vitest";
import { comparePictures } from "../../scripts/pictures/compare-pictures.ts";
import { steadyAnswer } from "../../scripts/pictures/steady-answers.ts";

const file = fileURLToPath(new URL("../../docs/console/features.png", import.meta.url));
const picture = readFileSync(file);

/** The picture with the part at x, y moved to the right. */
const moved = (byX: number, part = { x: 640, y: 100, width: 110, height: 32 }): Buffer => {
  const png = PNG.sync.read(picture);
  const next = new PNG({ width: png.width, height: png.height });
  png.data.copy(next.data);
  PNG.bitblt(png, next, part.x, part.y, part.width, part.height, part.x + byX, part.y);
  return PNG.sync.write(next);
};

test("a picture is the same as itself", () => {
  expect(comparePictures(picture, picture)).toMatchObject({ same: true, difference: null });
});

test.each([3, 6])("a button that has moved by %i pixels is found", (byX) => {
  const { same, found, difference } = comparePictures(picture, moved(byX));
  expect(same).toBe(false);
  expect(found).toMatch(/around \d+, \d+/);
  expect(difference).not.toBeNull();
});

test("letters whose edges are a little lighter or darker are the same letters", () => {
  const png = PNG.sync.read(picture);
  for (let at = 0; at < png.data.length; at += 4)
    for (const channel of [0, 1, 2]) {
      const value = png.data[at + channel] ?? 0;
      if (value > 60 && value < 220) png.data[at + channel] = Math.min(255, value + (at % 7 === 0 ? 24 : -8));
    }
  expect(comparePictures(picture, PNG.sync.write(png))).toMatchObject({ same: true });
});

test("a page that has grown is not the same", () => {
  const larger = PNG.sync.write(new PNG({ width: 1_280, height: 900 }));
  expect(comparePictures(picture, larger)).toMatchObject({
    same: false,
    found: "it is 1280 × 900 and was 1280 × 800",
  });
});

test.each([
  ["a time of before, by so long ago", "2027-01-10T11:00:00.123Z", "2026-11-20T11:00:00.000Z"],
  ["what happens while one looks, as just now", "2027-01-10T12:04:00Z", "2026-11-20T11:59:58.000Z"],
  ["a week before the answer, as a week ago", "2027-01-03T12:04:00Z", "2026-11-13T12:00:00.000Z"],
  ["what lies ahead, at its time of the day", "2027-01-12T09:00:00Z", "2026-11-22T09:00:00.000Z"],
  ["a time in a sentence", "at 2027-01-09 12:00:00 UTC.", "at 2026-11-19 12:00:00 UTC."],
])("pictures show %s", (_, answer, shown) => {
  expect(steadyAnswer(`"${answer}"`, Date.parse("2027-01-10T12:00:00Z"))).toBe(`"${shown}"`);
});
