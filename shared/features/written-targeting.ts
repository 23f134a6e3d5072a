// Targeting as a person writes it: a condition may be the name of a segment. The origin puts the segment's condition in its
// place before an edge gets it.
import * as z from "zod";
import { SegmentId } from "../ids.ts";
import { isNone } from "./feature.ts";
import { BOUNDS_TEXT, isBounded, Leaf, MAX_CONDITIONS } from "./targeting.ts";

/** All segments of an installation are read for each change of one. */
export const MAX_SEGMENTS = 500;

const SegmentCondition = z.strictObject({
  segment: SegmentId,
  /** It need not be there: it tells this condition from the others for programs that go by the operator. */
  operator: z.literal("segment").optional(),
});

export type WrittenCondition =
  | Leaf
  | z.infer<typeof SegmentCondition>
  | { readonly operator: "and" | "or"; readonly conditions: readonly WrittenCondition[] }
  | { readonly operator: "not"; readonly condition: WrittenCondition };

const Condition: z.ZodType<WrittenCondition> = z.lazy(() =>
  z.discriminatedUnion("operator", [
    ...Leaf.options,
    SegmentCondition,
    z.strictObject({
      operator: z.enum(["and", "or"]),
      conditions: z.array(Condition).min(1).max(MAX_CONDITIONS),
    }),
    z.strictObject({ operator: z.literal("not"), condition: Condition }),
  ]),
);

export const WrittenTargeting = z
  .unknown()
  .refine(isBounded, { message: BOUNDS_TEXT, abort: true })
  .pipe(Condition);

/** As a feature has it: `null`, `{}` and `[]` mean that everyone is targeted. */
export const WrittenTargetingOrNone = z.preprocess(
  (value) => (isNone(value) ? null : value),
  WrittenTargeting.nullable(),
);

export const isSegmentCondition = (
  condition: WrittenCondition,
): condition is z.infer<typeof SegmentCondition> => "segment" in condition;

/** The segments that a condition names itself, each once. */
export const segmentsNamedIn = (condition: WrittenCondition): readonly SegmentId[] => {
  if (isSegmentCondition(condition)) return [condition.segment];
  if ("conditions" in condition) return [...new Set(condition.conditions.flatMap(segmentsNamedIn))];
  return "condition" in condition ? segmentsNamedIn(condition.condition) : [];
};
