// Which conditions of a targeting a request meets, one by one: what compileTargeting() decides as a whole. Pure.
import {
  compileTargeting,
  valuesOf,
  type EvaluationContext,
} from "../../../shared/features/compile-targeting.ts";
import type { Leaf } from "../../../shared/features/targeting.ts";
import { isSegmentCondition, type WrittenCondition } from "../../../shared/features/written-targeting.ts";
import type { SegmentId } from "../../../shared/ids.ts";
import type { SegmentParts } from "./expand-targeting.ts";

export type TargetingTrace = { readonly holds: boolean } & (
  | {
      readonly condition: Leaf;
      /** What the request has of the attribute; none: it lacks it. */
      readonly values: readonly string[];
    }
  | { readonly segment: SegmentId; readonly within: TargetingTrace }
  | { readonly operator: "and" | "or"; readonly conditions: readonly TargetingTrace[] }
  | { readonly operator: "not"; readonly within: TargetingTrace }
);

/** `segments`: all that the targeting is made of. */
export const traceTargeting = (
  written: WrittenCondition,
  segments: SegmentParts,
  context: EvaluationContext,
): TargetingTrace => {
  if (isSegmentCondition(written)) {
    const segment = segments.get(written.segment);
    if (segment === undefined) throw new Error(`the segment ${written.segment} was not read`);
    const within = traceTargeting(segment.condition, segments, context);
    return { segment: written.segment, holds: within.holds, within };
  }
  if ("conditions" in written) {
    const conditions = written.conditions.map((each) => traceTargeting(each, segments, context));
    const holds =
      written.operator === "and"
        ? conditions.every((each) => each.holds)
        : conditions.some((each) => each.holds);
    return { operator: written.operator, holds, conditions };
  }
  if ("condition" in written) {
    const within = traceTargeting(written.condition, segments, context);
    return { operator: "not", holds: !within.holds, within };
  }
  return {
    condition: written,
    holds: compileTargeting(written)(context),
    values: valuesOf(written.attribute, context),
  };
};
