// The one spelling of a path, and the ways in which servers may read it.
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  canonicalPath,
  isUnreadable,
  MAX_AMBIGUOUS_LENGTH,
  readPath,
} from "../../shared/features/canonical-path.ts";
import { compilePath } from "../../shared/features/route.ts";

describe("the canonical path", () => {
  test.each([
    ["/beta", "/beta"],
    ["/", "/"],
    ["/%62eta", "/beta"],
    ["/a%2db%5fc%7E", "/a-b_c~"],
    ["/./beta", "/beta"],
    ["/x/%2e%2e/beta", "/beta"],
    ["/x/.%2E/beta", "/beta"],
    ["/beta/.", "/beta/"],
    ["/beta/..", "/"],
    ["/../../beta", "/beta"],
    ["/x\\..\\beta", "/beta"],
    ["/beta#/../x", "/beta"],
    ["/b#", "/b"],
    ["#x", "/"],
    ["", "/"],
    ["/größe", "/gr%C3%B6%C3%9Fe"],
    ["/gr%c3%b6%c3%9fe", "/gr%C3%B6%C3%9Fe"],
    ["/\ud800", "/%EF%BF%BD"],
  ])("of %s is %s", (path, canonical) => {
    expect(canonicalPath(path)).toBe(canonical);
    expect(canonicalPath(canonical)).toBe(canonical);
  });

  test.each([
    "//beta",
    "/beta/",
    "/beta;x",
    "/a%2Fb",
    "/a%3Bb",
    "/a%40b",
    "/a@b",
    "/a%",
    "/a%zz",
    "/...",
    "/.well-known/x",
  ])("keeps %s, which some server might tell from another spelling", (path) => {
    expect(canonicalPath(path)).toBe(path);
  });

  test("is where a URL parser would end", () => {
    const piece = fc.constantFrom("a", "b", ".", "..", "%2e", "%2E.", "", "%2f", ";x", "a.b", "...", "%62");
    fc.assert(
      fc.property(fc.array(piece, { minLength: 1, maxLength: 7 }), (pieces) => {
        const path = `/${pieces.join("/")}`;
        const { pathname } = new URL(`http://shop.test${path}`);
        expect(canonicalPath(path)).toBe(canonicalPath(pathname));
        expect(new URL(`http://shop.test${canonicalPath(path)}`).pathname).toBe(canonicalPath(path));
      }),
      { numRuns: 2_000 },
    );
  });
});

test.each([
  "/beta%00",
  "/%c0%ae%c0%ae/beta",
  "/%C1%9C",
  "/%E0%80%AF",
  "/%F0%80%80%AF",
  `/a%2F${"b".repeat(4_000)}`,
])("%s is unreadable", (path) => {
  expect(isUnreadable(canonicalPath(path))).toBe(true);
});

test.each([
  "/caf%e9",
  "/%C3%A9",
  "/%E4%BD%A0",
  "/%F0%9F%98%80",
  "/%C0propos",
  `/${"b".repeat(8_000)}`,
  "/a%2Fb",
  "/%2500",
  "/shop",
])("%s is readable", (path) => {
  expect(isUnreadable(canonicalPath(path))).toBe(false);
});

test("an ambiguous path of more than 4,000 characters is unreadable, and has no further reading", () => {
  expect(MAX_AMBIGUOUS_LENGTH).toBe(4_000);
  for (const begin of ["/a%2F", "/a;"]) {
    const longest = begin.padEnd(4_000, "b");
    expect([isUnreadable(longest), readPath(longest).length]).toEqual([false, 2]);
    expect([isUnreadable(`${longest}b`), readPath(`${longest}b`).length]).toEqual([true, 1]);
  }
});

const matches = (pattern: string, path: string, options = {}): boolean =>
  compilePath(pattern, options).test(canonicalPath(path));

describe("a route on /beta", () => {
  test.each([
    "/beta",
    "/%62eta",
    "/./beta",
    "/x/%2e%2e/beta",
    "//beta",
    "/beta/",
    "/BETA",
    "/beta;x",
    "/beta%2f",
    "/beta#x",
    "/beta%5c",
    "/x/..%2fbeta",
    "/x%2f..%2f%2e/beta",
    "/x/..;/beta",
    "/x/..;v=1/beta;w",
    "/x//..%2fbeta",
    "/x%2f%2f..%2fbeta",
    "/;/beta",
    "/x\\..\\beta",
    "/beta/.",
    "/b%45ta",
    "/beta;x=%2f",
  ])("names %s", (path) => {
    expect(matches("/beta", path)).toBe(true);
  });

  test.each([
    "/",
    "/beta2",
    "/x/beta",
    "/beta/x",
    "/beta%2fx",
    "/%2562eta",
    "/beta%3Fx",
    "/beta.",
    "/bet%C3%A0",
  ])("does not name %s", (path) => {
    expect(matches("/beta", path)).toBe(false);
  });
});

test("case is kept apart where the route says so", () => {
  expect(matches("/Größe", "/gR%C3%96ße")).toBe(true);
  expect(matches("/Beta", "/Beta", { caseSensitive: true })).toBe(true);
  expect(matches("/Beta", "/beta", { caseSensitive: true })).toBe(false);
  expect(matches("/caf%E9", "/CAF%e9")).toBe(true);
});

test("a route with a parameter or an encoded slash of its own names exactly that", () => {
  expect([matches("/a;v=1", "/a;v=1"), matches("/a;v=1", "/a"), matches("/a;v=1", "/a;v=2")]).toEqual([
    true,
    false,
    false,
  ]);
  expect([matches("/a%2Fb", "/a%2fb"), matches("/a/b", "/a%2Fb"), matches("/a%2Fb", "/a/b")]).toEqual([
    true,
    true,
    false,
  ]);
});

test("what is encoded without need is the same, in the path and in the route", () => {
  expect(matches("/a!b", "/a%21b")).toBe(true);
  expect(matches("/a%21b", "/a!b")).toBe(true);
  expect(matches("/a%3fb", "/a%3Fb")).toBe(true);
  expect(matches("/a/b/c", "/a%5Cb%5Cc")).toBe(true);
  expect(matches("/größe", "/gr%C3%B6sse")).toBe(false);
});

test("an ordinary path has one reading, and no path has more than sixteen", () => {
  expect(readPath("/shop/7")).toHaveLength(1);
  const worst = canonicalPath(`/x%2f%2f..%2fa;b%5c%5c..%5cc;%2f/..;`);
  expect(readPath(worst).length).toBeLessThanOrEqual(16);
});

test("what a route took of a path can be sent: it is neither decoded nor shortened", () => {
  const taken = (pattern: string, path: string) =>
    Object.fromEntries(compilePath(pattern).match(canonicalPath(path)) ?? []);
  expect(taken("/p/:id", "/P/a%3Bb%2520")).toEqual({ id: "a%3Bb%2520" });
  expect(taken("/p/:id", "/p/A")).toEqual({ id: "A" });
  expect(taken("/p/*", "/p/https://x/")).toEqual({ "*": "https://x/" });
  expect(taken("/img/a*.png", "/img/Ab/c.PNG")).toEqual({ "*": "b/c" });
});
