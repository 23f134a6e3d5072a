// Who would get a feature: the request that a person describes, and the answer.
import { z } from "@hono/zod-openapi";
import { FeatureState } from "../../../shared/features/feature.ts";
import { WrittenTargetingOrNone } from "../../../shared/features/written-targeting.ts";
import { Bps, UnitId } from "../../../shared/ids.ts";
import { asTargeting } from "./targeting.ts";

const edge = FeatureState.shape;
const MAX_NAMES = 100;

const texts = z
  .record(z.string().min(1).max(128), z.string().max(4_096))
  .refine((names) => Object.keys(names).length <= MAX_NAMES, `must have at most ${MAX_NAMES} names`)
  .default({});

export const EvaluateBody = z.strictObject({
  visitor: UnitId.nullable()
    .default(null)
    .openapi({ description: "The visitor's id, as in `Sluice-Unit`; null: no visitor." }),
  user: UnitId.nullable().default(null).openapi({ description: "The signed-in user; null: nobody." }),
  path: z
    .string()
    .max(2_048)
    .regex(/^\//, "must begin with /")
    .nullable()
    .default(null)
    .openapi({ description: "Of the page, without its query; null: any page, so routes do not count." }),
  method: z
    .string()
    .regex(/^[A-Z]{1,32}$/, "must be an HTTP method in upper case")
    .default("GET"),
  country: z
    .string()
    .regex(/^[A-Z][A-Z0-9]$/, "must be two letters in upper case, as in DE")
    .nullable()
    .default(null),
  device: z
    .enum(["mobile", "tablet", "desktop"])
    .nullable()
    .default(null)
    .openapi({ description: "null: by the header `User-Agent`." }),
  headers: texts,
  cookies: texts,
  claims: z
    .record(z.string().min(1).max(128), z.unknown())
    .default({})
    .openapi({ description: "Of the site's token, as if it had been verified." }),
  feature: z
    .strictObject({
      enabled: z.boolean().optional(),
      rolloutBps: Bps.optional(),
      holdoutBps: Bps.optional(),
      unit: edge.unit.unwrap().optional(),
      targeting: asTargeting(WrittenTargetingOrNone.optional()),
      routes: edge.routes.unwrap().optional(),
      gate: edge.gate.unwrap().optional(),
    })
    .refine(({ rolloutBps = 0, holdoutBps = 0 }) => rolloutBps + holdoutBps <= 10_000, {
      path: ["holdoutBps"],
      message: "rolloutBps + holdoutBps must be at most 10000",
    })
    .default({})
    .openapi({
      description: "Fields that take the place of the feature's own for this answer. They are not saved.",
    }),
});

export const TRACE = "TargetingTrace";

/** A tree, whose schema names itself. */
export const traceSchema: Record<string, unknown> = {
  type: "object",
  required: ["holds"],
  properties: {
    holds: { type: "boolean", description: "Whether the request meets it." },
    condition: { $ref: "#/components/schemas/Condition" },
    values: {
      type: "array",
      items: { type: "string" },
      description: "What the request has of the condition's attribute; none: it lacks it.",
    },
    segment: { type: "string", description: "The condition stands in this segment." },
    operator: { type: "string", enum: ["and", "or", "not"] },
    conditions: { type: "array", items: { $ref: `#/components/schemas/${TRACE}` } },
    within: { $ref: `#/components/schemas/${TRACE}` },
  },
};

export const EvaluationForDocument = z
  .object({
    featureId: z.string(),
    version: z.number().int(),
    unit: z.string().nullable().openapi({ description: "Who is assigned; null: the request has no unit." }),
    state: z.enum(["open", "closed", "stale"]).openapi({ description: "Of the feature, for everybody." }),
    cohort: z.enum(["treatment", "holdout", "off"]),
    open: z.boolean().openapi({ description: "Whether the unit gets the feature." }),
    bucket: z.number().int().nullable().openapi({ description: "0 to 9999; null: there is no unit." }),
    why: z.enum(["preview", "closed", "stale", "route", "notTargeted", "noUnit", "bucket"]),
    reason: z.string().openapi({ description: "The same in words." }),
    targeting: z.unknown().meta({ anyOf: [{ $ref: `#/components/schemas/${TRACE}` }, { type: "null" }] }),
  })
  .openapi("EvaluationFor");
