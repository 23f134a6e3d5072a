import { describe, expect, test } from "vitest";
import { compilePath, PathPattern, Route } from "../../shared/features/route.ts";
import { issuesOf } from "../support/issues.ts";

describe("a pattern", () => {
  test("has at most 512 characters", () => {
    expect(issuesOf(PathPattern, `/${"a".repeat(511)}`)).toEqual([]);
    expect(issuesOf(PathPattern, `/${"a".repeat(512)}`)).not.toEqual([]);
  });

  test("begins with a slash", () => {
    expect(issuesOf(PathPattern, "x/shop")).not.toEqual([]);
  });

  test("may have a name of one letter", () => {
    expect(issuesOf(PathPattern, "/:x/:y")).toEqual([]);
    expect(compilePath("/:x").match("/7")?.get("x")).toBe("7");
  });

  test("that ends within a segment takes whatever follows", () => {
    const { test: matches } = compilePath("/shop*");
    expect([matches("/shop"), matches("/shop/a/b"), matches("/shopping"), matches("/sho")]).toEqual([
      true,
      true,
      true,
      false,
    ]);
  });

  test("may be written with percent-encoding or without", () => {
    for (const pattern of ["/gr%C3%B6%C3%9Fe/%20x", "/größe/%20x"])
      expect(compilePath(pattern).test("/gr%C3%B6%C3%9Fe/%20x")).toBe(true);
    for (const pattern of ["/gr%C3%B6%C3%9Fe/:id", "/größe/:id"]) {
      expect(compilePath(pattern).test("/gr%C3%B6%C3%9Fe/7")).toBe(true);
      expect(compilePath(pattern).match("/gr%C3%B6%C3%9Fe/7")?.get("id")).toBe("7");
    }
  });

  test("keeps what it found in a path, however often it is asked", () => {
    const compiled = compilePath("/:a/*");
    for (const [path, a, rest] of [
      ["/1/x/y", "1", "x/y"],
      ["/2/", "2", ""],
    ] as const)
      expect(Object.fromEntries(compiled.match(path) ?? [])).toEqual({ a, "*": rest });
  });
});

describe("the methods of a route", () => {
  const path = "/shop";

  test("are in upper case, and none are all", () => {
    expect(issuesOf(Route, { path, methods: ["GET", "POST"] })).toEqual([]);
    expect(Route.parse({ path })).toEqual({ path });
  });

  test.each(["get", "xGET", "GETx", ""])("are not %j", (method) => {
    expect(issuesOf(Route, { path, methods: ["GET", method] })).toEqual([
      expect.stringMatching(/^methods\.1: .*upper case/),
    ]);
  });

  test("are all that a route has beside its path", () => {
    expect(issuesOf(Route, { path, verbs: ["GET"] })).not.toEqual([]);
    expect(issuesOf(Route, { methods: ["GET"] })).not.toEqual([]);
  });
});
