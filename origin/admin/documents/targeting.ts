// Targeting in the OpenAPI document: a tree, whose schema therefore names itself.
import { z } from "@hono/zod-openapi";
import { WrittenTargeting } from "../../../shared/features/written-targeting.ts";

export const CONDITION = "Condition";
const REF = `#/components/schemas/${CONDITION}`;

const JsonSchema = z.object({ $ref: z.string(), $defs: z.record(z.string(), z.unknown()) });

/** The component's schema. Zod calls it by a name of its own, which stands wherever the tree repeats itself. */
export const conditionSchema = (): Record<string, unknown> => {
  const { $ref, $defs } = JsonSchema.parse(
    z.toJSONSchema(WrittenTargeting, { io: "output", unrepresentable: "any" }),
  );
  const own = $defs[$ref.replace("#/$defs/", "")];
  return z.record(z.string(), z.unknown()).parse(JSON.parse(JSON.stringify(own).replaceAll($ref, REF)));
};

/** A condition that is validated by code that a document cannot show. */
export const asCondition = <T extends z.ZodType>(field: T): T => field.meta({ $ref: REF });

/** A field that is validated by code that a document cannot show. */
export const asTargeting = <T extends z.ZodType>(field: T): T =>
  field.meta({ type: ["object", "null"], anyOf: [{ $ref: REF }, { type: "null" }] });
