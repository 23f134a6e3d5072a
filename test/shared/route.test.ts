import * as fc from "fast-check";
import { expect, test } from "vitest";
import { readPath } from "../../shared/features/canonical-path.ts";
import { compilePath, literalStart, PathPattern, Route } from "../../shared/features/route.ts";

test.each([
  ["/shop", "/shop", {}],
  ["/shop", "/shop/", {}],
  ["/shop/", "/shop", {}],
  ["/shop/*", "/shop/a/b", { "*": "a/b" }],
  ["/shop/*", "/shop/a/b/", { "*": "a/b/" }],
  ["/shop/*", "/shop", { "*": "" }],
  ["/shop/*", "/shopping", null],
  ["/p/:id", "/p/7", { id: "7" }],
  ["/p/:id", "/p/7/more", null],
  ["/p/:id?", "/p", { id: "" }],
  ["/p/:id/:tab?", "/p/7/notes", { id: "7", tab: "notes" }],
  ["/docs/:rest+", "/docs/a/b", { rest: "a/b" }],
  ["/docs/:rest*", "/docs", { rest: "" }],
  ["/:lang/img/*.png", "/de/img/a/b.png", { lang: "de", "*": "a/b" }],
  ["/img/a*b", "/img/ab", { "*": "" }],
  ["/img/ab*bc", "/img/abc", null],
  ["/:a?/:b?/x/:c?", "/1/x/2", { a: "1", b: "", c: "2" }],
  ["/:a?/x/:b?", "/x/x", { a: "x", b: "" }],
  ["/:a?/:b?/p/:q?", "/p/q", { a: "", b: "", q: "q" }],
  ["/img/a*.png", "/img/ab.png/", { "*": "b" }],
  ["/*/x", "/a/b/x", { "*": "a/b" }],
  ["/p/*", "/p/a%21", { "*": "a%21" }],
  ["/", "/", {}],
  ["/", "/shop", null],
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
  ["/", "/"],
  ["/Shop/Cart", "/shop/cart"],
  ["/a/b/:id", "/a/b/"],
  ["/:a/x/:b", "/"],
  ["/*/x", "/"],
  ["/img/A*.png", "/img/a"],
  ["/A*", "/a"],
  ["/Größe", "/gr%C3%B6%C3%9Fe"],
])("every path on %s begins with %s", (path, start) => {
  expect(literalStart({ path })).toBe(start);
});

test("a route may name methods, and say that case matters", () => {
  const route = { path: "/Shop", methods: ["GET", "POST"], caseSensitive: true };
  expect(Route.parse(route)).toEqual(route);
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
  .array(fc.constantFrom("a", "b", "ab", "a.b", "7"), { minLength: 1, maxLength: 5 })
  .map((segments) => `/${segments.join("/")}`);

/** As it is, with a slash at the end, and with one slash doubled. */
const spellings = (text: string): string[] => [
  text,
  `${text}/`,
  ...[...text.matchAll(/\//g)].map(({ index }) => `${text.slice(0, index)}/${text.slice(index)}`),
];

test("what is matched is what URLPattern matches in one of the path's spellings", () => {
  fc.assert(
    fc.property(pattern, path, (text, tried) => {
      const compiled = compilePath(text);
      const urlPattern = new URLPattern({ pathname: text });
      const expected = spellings(tried).some((pathname) => urlPattern.test({ pathname }));
      expect([compiled.test(tried), compiled.match(tried) !== null]).toEqual([expected, expected]);
    }),
    { numRuns: 2_000 },
  );
});

const names = (letter: string, count: number): string =>
  Array.from({ length: count }, (_, i) => `/:${letter}${i}?`).join("");

const HOSTILE = 50_000;

test.each([
  ["a star among names", "/:a/x*y/:b/:c?", `/a/x${"z/x".repeat(HOSTILE)}`],
  ["32 optional names", `${names("a", 32)}/x`, "/a".repeat(32)],
  [
    "120 optional names around a star",
    `${names("a", 60)}/x*y${names("b", 60)}/z`,
    `${"/xy".repeat(HOSTILE)}/a`,
  ],
  ["names before many", `${names("a", 60)}/:rest+${names("b", 60)}/z`, "/a".repeat(HOSTILE)],
])("%s: a hostile path is matched in time linear in it", (_, hostile, long) => {
  const { test: matches } = compilePath(hostile);
  const readings = readPath(long);
  matches(readings);
  const begun = performance.now();
  expect(matches(readings)).toBe(false);
  expect(performance.now() - begun).toBeLessThan(100);
});
