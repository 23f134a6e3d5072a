// Puts the conditions of segments in the place of their names. Pure. What comes out is bounded as any targeting is: a
// segment is never made larger than an edge takes, however often segments name one another.
import {
  isSegmentCondition,
  segmentsNamedIn,
  type WrittenCondition,
} from "../../../shared/features/written-targeting.ts";
import {
  BOUNDS_TEXT,
  MAX_CONDITIONS,
  MAX_DEPTH,
  type Condition,
} from "../../../shared/features/targeting.ts";
import type { SegmentId } from "../../../shared/ids.ts";
import { err, ok, type Result } from "../../../shared/result.ts";

/** A segment as far as targeting is made of it. */
export type SegmentPart = { readonly condition: WrittenCondition; readonly version: number };
export type SegmentParts = ReadonlyMap<SegmentId, SegmentPart>;

/** `path`: the segments from the one that is named first to the one that is wrong. */
export type ExpandError =
  | { readonly reason: "unknownSegment"; readonly path: readonly SegmentId[] }
  | { readonly reason: "cycle"; readonly path: readonly SegmentId[] }
  | { readonly reason: "tooLarge"; readonly conditions: number; readonly depth: number };

type Expanded = { readonly condition: Condition; readonly conditions: number; readonly depth: number };

export type ExpandedTargeting = {
  readonly targeting: Condition;
  /** All segments that it is made of, also through others, by their names. */
  readonly segments: readonly SegmentId[];
};

export const expandErrorText = (error: ExpandError): string => {
  switch (error.reason) {
    case "unknownSegment":
      return `no such segment: ${error.path.join(" → ")}`;
    case "cycle":
      return `the segments name one another in a circle: ${error.path.join(" → ")}`;
    case "tooLarge":
      return `${BOUNDS_TEXT}: with the conditions of its segments it has ${error.conditions}, ${error.depth} deep`;
  }
};

const together = (parts: readonly Expanded[], condition: Condition): Expanded => ({
  condition,
  conditions: 1 + parts.reduce((sum, part) => sum + part.conditions, 0),
  depth: 1 + Math.max(...parts.map(({ depth }) => depth)),
});

export const expandTargeting = (
  written: WrittenCondition,
  segments: SegmentParts,
): Result<ExpandedTargeting, ExpandError> => {
  const expanded = new Map<SegmentId, Expanded>();

  const expandSegment = (segmentId: SegmentId, path: readonly SegmentId[]): Result<Expanded, ExpandError> => {
    const here = [...path, segmentId];
    if (path.includes(segmentId)) return err({ reason: "cycle", path: here.slice(here.indexOf(segmentId)) });
    const known = expanded.get(segmentId);
    if (known !== undefined) return ok(known);
    const segment = segments.get(segmentId);
    if (segment === undefined) return err({ reason: "unknownSegment", path: here });
    const result = expand(segment.condition, here);
    if (result.ok) expanded.set(segmentId, result.value);
    return result;
  };

  const expand = (condition: WrittenCondition, path: readonly SegmentId[]): Result<Expanded, ExpandError> => {
    if (isSegmentCondition(condition)) return expandSegment(condition.segment, path);
    if ("conditions" in condition) {
      const parts: Expanded[] = [];
      for (const child of condition.conditions) {
        const part = expand(child, path);
        if (!part.ok) return part;
        parts.push(part.value);
      }
      return ok(together(parts, { ...condition, conditions: parts.map((part) => part.condition) }));
    }
    if ("condition" in condition) {
      const part = expand(condition.condition, path);
      return part.ok
        ? ok(together([part.value], { operator: "not", condition: part.value.condition }))
        : part;
    }
    return ok({ condition, conditions: 1, depth: 1 });
  };

  const whole = expand(written, []);
  if (!whole.ok) return whole;
  const { condition, conditions, depth } = whole.value;
  return conditions > MAX_CONDITIONS || depth > MAX_DEPTH
    ? err({ reason: "tooLarge", conditions, depth })
    : ok({ targeting: condition, segments: [...expanded.keys()].toSorted() });
};

/** The given segments and all that they name, also through others, as far as they exist. */
export const closureOf = (roots: readonly SegmentId[], segments: SegmentParts): readonly SegmentId[] => {
  const reached = new Set(roots);
  for (const segmentId of reached) {
    const segment = segments.get(segmentId);
    if (segment === undefined) reached.delete(segmentId);
    else for (const named of segmentsNamedIn(segment.condition)) reached.add(named);
  }
  return [...reached];
};
