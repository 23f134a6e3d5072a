import { array, assert, constantFrom, letrec, oneof, property, record } from "fast-check";
import { describe, expect, test } from "vitest";
import {
  closureOf,
  expandTargeting,
  type SegmentParts,
} from "../../../origin/features/segments/expand-targeting.ts";
import { Targeting } from "../../../shared/features/targeting.ts";
import { WrittenTargeting, type WrittenCondition } from "../../../shared/features/written-targeting.ts";
import { SegmentId } from "../../../shared/ids.ts";

const leaf = (value: string): WrittenCondition => ({ attribute: "country", operator: "equals", value });
const named = (segment: string): WrittenCondition => ({ segment: SegmentId.parse(segment) });
const partsOf = (conditions: Readonly<Record<string, WrittenCondition>>): SegmentParts =>
  new Map(
    Object.entries(conditions).map(([id, condition]) => [SegmentId.parse(id), { condition, version: 1 }]),
  );

test("a segment's condition stands in the place of its name, also within and, or and not", () => {
  const segments = partsOf({ a: leaf("DE"), b: { operator: "not", condition: named("a") } });
  const written: WrittenCondition = { operator: "and", conditions: [named("b"), leaf("AT"), named("a")] };
  expect(expandTargeting(written, segments)).toEqual({
    ok: true,
    value: {
      targeting: {
        operator: "and",
        conditions: [{ operator: "not", condition: leaf("DE") }, leaf("AT"), leaf("DE")],
      },
      segments: ["a", "b"],
    },
  });
});

test("a targeting without segments is what it was", () => {
  const written: WrittenCondition = { operator: "or", conditions: [leaf("DE"), leaf("AT")] };
  expect(expandTargeting(written, new Map())).toEqual({
    ok: true,
    value: { targeting: written, segments: [] },
  });
});

describe("what cannot be is named with the way to it:", () => {
  test("a segment that is not there", () => {
    const segments = partsOf({ a: named("gone") });
    expect(expandTargeting(named("a"), segments)).toMatchObject({
      error: { reason: "unknownSegment", path: ["a", "gone"] },
    });
  });

  test("a circle, from where it begins to where it ends", () => {
    const segments = partsOf({ start: named("a"), a: named("b"), b: named("c"), c: named("a") });
    expect(expandTargeting(named("start"), segments)).toMatchObject({
      error: { reason: "cycle", path: ["a", "b", "c", "a"] },
    });
  });

  test("a targeting that segments make too large, however small they are themselves, at once", () => {
    const doubling = Object.fromEntries(
      Array.from({ length: 100 }, (_, i) => [
        `s${i}`,
        i === 0
          ? leaf("DE")
          : ({ operator: "and", conditions: [named(`s${i - 1}`), named(`s${i - 1}`)] } as const),
      ]),
    );
    const begun = performance.now();
    expect(expandTargeting(named("s99"), partsOf(doubling))).toMatchObject({ error: { reason: "tooLarge" } });
    expect(performance.now() - begun).toBeLessThan(1_000);
    expect(expandTargeting(named("s5"), partsOf(doubling)).ok).toBe(true);
  });
});

test("what comes out is always a targeting that an edge takes", () => {
  const ids = ["a", "b", "c", "d"];
  const { condition } = letrec<{ condition: WrittenCondition }>((tie) => ({
    condition: oneof(
      { maxDepth: 3 },
      constantFrom(leaf("DE"), leaf("AT")),
      constantFrom(...ids.map(named)),
      record({
        operator: constantFrom("and" as const, "or" as const),
        conditions: array(tie("condition"), { minLength: 1, maxLength: 5 }),
      }),
      record({
        operator: constantFrom("not" as const),
        condition: tie("condition"),
      }),
    ),
  }));
  let wentWell = 0;
  assert(
    property(condition, array(condition, { minLength: 4, maxLength: 4 }), (written, conditions) => {
      // Each names later ones only, or it is a circle; both happen.
      const segments = partsOf(Object.fromEntries(ids.map((id, i) => [id, conditions[i] ?? leaf("DE")])));
      const expanded = expandTargeting(written, segments);
      if (!expanded.ok) return;
      wentWell += 1;
      expect(Targeting.safeParse(expanded.value.targeting).success).toBe(true);
      expect(JSON.stringify(expanded.value.targeting)).not.toContain("segment");
      expect(new Set(expanded.value.segments)).toEqual(
        new Set(
          closureOf(
            ids.map((id) => SegmentId.parse(id)).filter((id) => JSON.stringify(written).includes(`"${id}"`)),
            segments,
          ),
        ),
      );
    }),
    { numRuns: 500 },
  );
  expect(wentWell).toBeGreaterThan(50);
});

test.each([
  { segment: "" },
  { segment: ".." },
  { segment: "a b" },
  { segment: "x".repeat(65) },
  { segment: "a", operator: "equals" },
  { segment: "a", more: 1 },
  { operator: "segment" },
  { operator: "not", condition: { segment: 1 } },
])("%j is no condition", (written) => {
  expect(WrittenTargeting.safeParse(written).success).toBe(false);
});
