// Two people change one document: both changes are kept, and a field is asked about only when they differ about it.
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { differencesOf, isSame, mergeOf, type Fields } from "../../console/src/editing/three-way.ts";

const NESTED = ["gate", "gate.html"];

test("what only one of two changed is merged, and what both changed is theirs unless mine is chosen", () => {
  const base = { a: 1, b: [1], c: "x", d: null };
  const mine = { a: 2, b: [1], c: "y", d: null };
  const theirs = { a: 1, b: [1, 2], c: "z", d: null };
  const differences = differencesOf({ base, mine, theirs }, []);
  expect(differences.map(({ path, by }) => [path, by])).toEqual([
    ["a", "mine"],
    ["b", "theirs"],
    ["c", "both"],
  ]);
  expect(mergeOf(theirs, differences)).toEqual({ a: 2, b: [1, 2], c: "z", d: null });
  expect(mergeOf(theirs, differences, { c: "mine" })).toEqual({ a: 2, b: [1, 2], c: "y", d: null });
});

test("fields within a nested field are merged one by one, and a field that is taken out stays out", () => {
  const base = { gate: { path: "/a", html: { flags: true } } };
  const mine = { gate: { html: { flags: true, elements: true } } };
  const theirs = { gate: { path: "/a", upstream: "https://b.test", html: { flags: false } } };
  const differences = differencesOf({ base, mine, theirs }, NESTED);
  expect(differences.filter(({ by }) => by === "both")).toEqual([]);
  expect(mergeOf(theirs, differences)).toEqual({
    gate: { upstream: "https://b.test", html: { flags: false, elements: true } },
  });
});

test("both changing a field to the same value is no difference", () => {
  const differences = differencesOf({ base: { a: 1 }, mine: { a: 2 }, theirs: { a: 2 } }, []);
  expect(differences).toEqual([]);
});

const fields: fc.Arbitrary<Fields> = fc.dictionary(
  fc.constantFrom("a", "b", "c", "gate"),
  fc.oneof(
    fc.integer({ min: 0, max: 2 }),
    fc.constant(null),
    fc.array(fc.integer({ min: 0, max: 1 }), { maxLength: 2 }),
    fc.dictionary(fc.constantFrom("x", "y"), fc.integer({ min: 0, max: 1 })),
  ),
  { noNullPrototype: true },
);

test("whoever changed nothing gets the other's document", () => {
  fc.assert(
    fc.property(fields, fields, (base, other) => {
      const theirs = mergeOf(other, differencesOf({ base, mine: base, theirs: other }, []));
      expect(isSame(theirs, other)).toBe(true);
      const mine = mergeOf(base, differencesOf({ base, mine: other, theirs: base }, []));
      expect(isSame(mine, other)).toBe(true);
    }),
  );
});

test("each field of a merge is mine or theirs, and a change of only one is in it", () => {
  fc.assert(
    fc.property(fields, fields, fields, (base, mine, theirs) => {
      const differences = differencesOf({ base, mine, theirs }, []);
      const merged = mergeOf(theirs, differences);
      for (const name of ["a", "b", "c", "gate"]) {
        if (isSame(theirs[name], base[name])) expect(isSame(merged[name], mine[name])).toBe(true);
        else expect(isSame(merged[name], theirs[name])).toBe(true);
      }
    }),
  );
});
