import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { compareVersions, parseVersion } from "../../shared/features/semver.ts";

const order = (a: string, b: string): number => {
  const [one, other] = [parseVersion(a), parseVersion(b)];
  if (one === null || other === null) throw new Error(`${a} or ${b} is no version`);
  return compareVersions(one, other);
};

// Rising, from https://semver.org/#spec-item-11 and its neighbours.
const RISING = [
  "0.0.9",
  "0.9.0",
  "1.0.0-1",
  "1.0.0-2",
  "1.0.0-11",
  "1.0.0-11.0",
  "1.0.0--",
  "1.0.0-1a",
  "1.0.0-a1",
  "1.0.0-alpha",
  "1.0.0-alpha.1",
  "1.0.0-alpha.beta",
  "1.0.0-beta",
  "1.0.0-beta.2",
  "1.0.0-beta.11",
  "1.0.0-rc.1",
  "1.0.0",
  "1.0.1",
  "1.2.0",
  "1.10.0",
  "2.0.0",
  "10.0.0",
];

test("each version of a rising list is lower than all that follow it, and equal to itself", () => {
  for (const [at, lower] of RISING.entries()) {
    expect(order(lower, lower)).toBe(0);
    for (const higher of RISING.slice(at + 1)) {
      expect(order(lower, higher), `${lower} and ${higher}`).toBeLessThan(0);
      expect(order(higher, lower), `${higher} and ${lower}`).toBeGreaterThan(0);
    }
  }
});

test("a leading v, what is missing and build metadata change nothing", () => {
  expect(order("v2", "2.0.0")).toBe(0);
  expect(order("2.1", "2.1.0")).toBe(0);
  expect(order("2.1.3+build.7", "2.1.3+b")).toBe(0);
  expect(order("2-rc.1", "2.0.0-rc.1")).toBe(0);
});

test("a version is read into numbers and pre-release identifiers", () => {
  expect(parseVersion("v3.20.100-rc.1+x")).toEqual({ numbers: [3, 20, 100], pre: ["rc", "1"] });
  expect(parseVersion("7")).toEqual({ numbers: [7, 0, 0], pre: [] });
});

test("any three numbers are read and compared as numbers", () => {
  const part = fc.nat(999_999_999);
  const parts = fc.tuple(part, part, part);
  fc.assert(
    fc.property(parts, parts, (a, b) => {
      expect(parseVersion(a.join("."))?.numbers).toEqual(a);
      const differing = a.findIndex((one, at) => one !== b[at]);
      const expected = differing < 0 ? 0 : Math.sign((a[differing] ?? 0) - (b[differing] ?? 0));
      expect(Math.sign(order(a.join("."), b.join(".")))).toBe(expected);
    }),
  );
});

const long = (length: number) => "x".repeat(length);

describe("lengths are bounded:", () => {
  test.each([
    { title: "nine digits a number", good: "123456789.123456789.123456789", bad: "1234567890" },
    { title: "nine digits in the second", good: "1.123456789", bad: "1.1234567890" },
    { title: "nine digits in the third", good: "1.1.123456789", bad: "1.1.1234567890" },
    { title: "32 characters an identifier", good: `1-${long(32)}`, bad: `1-${long(33)}` },
    { title: "32 in the second", good: `1-a.${long(32)}`, bad: `1-a.${long(33)}` },
    {
      title: "nine identifiers",
      good: `1-${Array(9).fill("a").join(".")}`,
      bad: `1-${Array(10).fill("a").join(".")}`,
    },
    { title: "64 characters of build metadata", good: `1+${long(64)}`, bad: `1+${long(65)}` },
    { title: "one character of build metadata", good: "1+x", bad: "1+" },
  ])("$title, and no more", ({ good, bad }) => {
    expect(parseVersion(good)).not.toBe(null);
    expect(parseVersion(bad)).toBe(null);
  });
});

test.each(["", "x1.0", "1.0x", "1.", ".1", "1.2.3.4", "1.0.0-", "1.0.0-a..b", "1.0.0-ä", "-1", "1 0"])(
  "%j is no version",
  (text) => {
    expect(parseVersion(text)).toBe(null);
  },
);
