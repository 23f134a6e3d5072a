import { describe, expect, test } from "vitest";
import { Gate } from "../../shared/features/gate.ts";
import { issuesOf } from "../support/issues.ts";

const accepts = (gate: unknown): boolean => issuesOf(Gate, gate).length === 0;

test("a gate may do nothing of all that it can do", () => {
  expect(Gate.parse({})).toEqual({});
  expect(accepts({ teleport: true })).toBe(false);
});

describe("another path", () => {
  test.each(["/", "/next/:id/*", "/a", `/${"a".repeat(2_047)}`])("may be %s", (path) => {
    expect(accepts({ path })).toBe(true);
  });

  test.each([
    "",
    "next",
    "x/next",
    "//host",
    "/a b",
    "/a\\b",
    "/a?b",
    "/a#b",
    "/a\n",
    `/${"a".repeat(2_048)}`,
  ])("may not be %j", (path) => {
    expect(accepts({ path })).toBe(false);
  });
});

describe("another upstream", () => {
  test.each([
    ["https://next.shop.test", "https://next.shop.test"],
    ["http://10.0.0.1:8080/", "http://10.0.0.1:8080"],
    ["https://next.shop.test/a/b///", "https://next.shop.test/a/b"],
    ["https://next.shop.test/a//b", "https://next.shop.test/a//b"],
  ])("%s is asked at %s, without the slashes at its end", (upstream, asked) => {
    expect(Gate.parse({ upstream })).toEqual({ upstream: asked });
  });

  test.each([
    "",
    "/path",
    "ftp://host",
    "xhttps://host",
    "https://",
    "https:///path",
    "https://host?q",
    "https://host/?q",
    "https://host/#f",
    "https://ho st",
    "https://host/a b",
    "https://host\\a",
    `https://host/${"a".repeat(2_036)}`,
  ])("may not be %j", (upstream) => {
    expect(accepts({ upstream })).toBe(false);
  });

  test("may have 2,048 characters", () => {
    expect(accepts({ upstream: `https://host/${"a".repeat(2_035)}` })).toBe(true);
  });
});

describe("the answer for who does not get the feature", () => {
  test("is that there is nothing, or a redirect, found by default", () => {
    expect(Gate.parse({ whenClosed: { action: "notFound" } })).toEqual({
      whenClosed: { action: "notFound" },
    });
    expect(Gate.parse({ whenClosed: { action: "redirect", to: "/" } })).toEqual({
      whenClosed: { action: "redirect", to: "/", status: 302 },
    });
  });

  test.each([302, 303, 307])("may be a redirect with status %d", (status) => {
    expect(accepts({ whenClosed: { action: "redirect", to: "https://other.test/", status } })).toBe(true);
  });

  test.each([301, 304, 306, 308, 200, "302"])(
    "may not have status %j: none that a browser keeps for ever",
    (status) => {
      expect(issuesOf(Gate, { whenClosed: { action: "redirect", to: "/", status } })).toEqual([
        expect.stringMatching(/^whenClosed.status: /),
      ]);
    },
  );

  test.each([
    {},
    { action: "teapot" },
    { action: "redirect" },
    { action: "redirect", to: "next" },
    { action: "redirect", to: "//host" },
    { action: "redirect", to: "/", more: 1 },
    { action: "notFound", to: "/" },
  ])("may not be %j", (whenClosed) => {
    expect(accepts({ whenClosed })).toBe(false);
  });
});

describe("edits of pages", () => {
  test("are those that are asked for", () => {
    expect(Gate.parse({ html: {} })).toEqual({ html: { elements: false, flags: false } });
    expect(Gate.parse({ html: { elements: true } })).toEqual({ html: { elements: true, flags: false } });
    expect(Gate.parse({ html: { flags: true } })).toEqual({ html: { elements: false, flags: true } });
  });

  test.each([
    { html: { elements: "yes" } },
    { html: { flags: 1 } },
    { html: { script: true } },
    { html: true },
  ])("may not be %j", (gate) => {
    expect(accepts(gate)).toBe(false);
  });
});
