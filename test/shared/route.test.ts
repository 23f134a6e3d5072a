import * as fc from "fast-check";
import { expect, test } from "vitest";
import { compilePath, PathPattern } from "../../shared/features/route.ts";

test.each([
  ["/shop", "/shop", {}],
  ["/shop", "/shop/", null],
  ["/shop/*", "/shop/a/b", { "*": "a/b" }],
  ["/shop/*", "/shop", null],
  ["/p/:id", "/p/7", { id: "7" }],
  ["/p/:id", "/p/7/more", null],
  ["/p/:id?", "/p", { id: "" }],
  ["/p/:id/:tab?", "/p/7/notes", { id: "7", tab: "notes" }],
  ["/docs/:rest+", "/docs/a/b", { rest: "a/b" }],
  ["/docs/:rest*", "/docs", { rest: "" }],
  ["/:lang/img/*.png", "/de/img/a/b.png", { lang: "de", "*": "a/b" }],
  ["/a.b", "/axb", null],
  ["/größe", "/gr%C3%B6%C3%9Fe", {}],
])("%s and %s: %j", (pattern, path, groups) => {
  expect(PathPattern.safeParse(pattern).success).toBe(true);
  const compiled = compilePath(pattern);
  const match = compiled.match(path);
  expect(match === null ? null : Object.fromEntries(match)).toEqual(groups);
  expect(compiled.test(path)).toBe(groups !== null);
});

test.each([
  "shop",
  "",
  "/a/(b|c)",
  "/{a}?",
  "/:a-:b",
  "/*/x/*",
  "/:a+/:b+",
  "/:a/:a",
  "/a?b",
  "/a b",
  "/\\d",
])("%s is no pattern", (pattern) => {
  expect(PathPattern.safeParse(pattern).success).toBe(false);
});

const segment = fc.constantFrom("a", "b", ":x", ":x?", ":x+", ":x*", "*", "a*", "*b", "a.b");
const pattern = fc
  .array(segment, { minLength: 1, maxLength: 4 })
  .map((segments) =>
    segments.map((each, at) => `/${each.startsWith(":") ? each.replace("x", `x${at}`) : each}`).join(""),
  )
  .filter((text) => PathPattern.safeParse(text).success);
const path = fc
  .array(fc.constantFrom("a", "b", "ab", "a.b", "7", ""), { maxLength: 5 })
  .map((segments) => `/${segments.join("/")}`);

test("what is matched is what URLPattern matches", () => {
  fc.assert(
    fc.property(pattern, path, (text, tried) => {
      const compiled = compilePath(text);
      const expected = new URLPattern({ pathname: text }).test({ pathname: tried });
      expect([compiled.test(tried), compiled.match(tried) !== null]).toEqual([expected, expected]);
    }),
    { numRuns: 2_000 },
  );
});

test("a long path is matched in time linear in it", () => {
  const { test: matches } = compilePath("/:a/x*y/:b/:c?");
  expect(matches(`/a/x${"y/x".repeat(200_000)}//`)).toBe(false);
});
