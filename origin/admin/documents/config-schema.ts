// The JSON Schema of a configuration file, for editors: made of the schemas that read it.
import { z } from "@hono/zod-openapi";
import { Activation } from "../../../shared/features/feature.ts";
import { Gate } from "../../../shared/features/gate.ts";
import { FeatureId, SegmentId } from "../../../shared/ids.ts";
import { ConfigFields, SegmentFields, Source } from "./config.ts";
import { CONDITION, conditionSchema } from "./targeting.ts";

const ConfigFile = z.strictObject({
  $schema: z.string().optional(),
  source: Source.optional(),
  segments: z
    .record(SegmentId, SegmentFields)
    .optional()
    .describe("The id of each segment, and its condition below."),
  features: z
    .record(FeatureId, ConfigFields.nullable())
    .optional()
    .describe("The id of each feature, and its fields below."),
});

/** Draft 7 is what the editors' language servers know best. */
const schemaOf = (schema: z.ZodType) =>
  z.toJSONSchema(schema, { io: "input", target: "draft-7", unrepresentable: "any" });

const orNull = (schema: z.ZodType) => {
  const { $schema: _draft, ...own } = schemaOf(schema);
  return { anyOf: [own, { type: "null" }] };
};

/** A preprocess step hides these from the schema. */
const hidden: Readonly<Record<string, object>> = { gate: orNull(Gate), activation: orNull(Activation) };

const Fields = z.looseObject({ properties: z.record(z.string(), z.looseObject({})) });

const inDraft7 = (json: unknown): unknown =>
  JSON.parse(JSON.stringify(json).replaceAll("#/components/schemas/", "#/definitions/"));

const withHidden = (json: unknown): unknown => {
  const { data } = Fields.safeParse(json);
  if (data !== undefined && "rolloutBps" in data.properties && "gate" in data.properties)
    for (const [name, schema] of Object.entries(hidden))
      data.properties[name] = { ...data.properties[name], ...schema };
  if (data !== undefined) return data;
  if (Array.isArray(json)) return json.map(withHidden);
  if (typeof json !== "object" || json === null) return json;
  return Object.fromEntries(Object.entries(json).map(([name, value]) => [name, withHidden(value)]));
};

export const configSchema = (): object => {
  const { properties, ...top } = schemaOf(ConfigFile);
  return {
    ...top,
    title: "Sluice configuration",
    properties: inDraft7(
      Object.fromEntries(
        Object.entries(properties ?? {}).map(([name, value]) => [
          name,
          name === "features" ? withHidden(value) : value,
        ]),
      ),
    ),
    definitions: { [CONDITION]: inDraft7(conditionSchema()) },
  };
};
