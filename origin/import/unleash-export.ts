// What a file of Unleash says: the parts of its export API's document, and of its client API's answer, that are read here.
import { z } from "zod";

export const Constraint = z.looseObject({
  contextName: z.string(),
  operator: z.string(),
  values: z.array(z.string()).nullish(),
  value: z.string().nullish(),
  inverted: z.boolean().nullish(),
  caseInsensitive: z.boolean().nullish(),
});
export type Constraint = z.infer<typeof Constraint>;

export const Strategy = z.looseObject({
  name: z.string(),
  featureName: z.string().optional(),
  disabled: z.boolean().nullish(),
  parameters: z.record(z.string(), z.unknown()).nullish(),
  constraints: z.array(Constraint).nullish(),
  segments: z.array(z.number()).nullish(),
  variants: z.array(z.unknown()).nullish(),
});
export type Strategy = z.infer<typeof Strategy>;

const Parent = z.looseObject({
  feature: z.string(),
  enabled: z.boolean().nullish(),
  variants: z.array(z.string()).nullish(),
});
export const Feature = z.looseObject({
  name: z.string(),
  description: z.string().nullish(),
  project: z.string().nullish(),
  stale: z.boolean().nullish(),
  archived: z.boolean().nullish(),
  enabled: z.boolean().nullish(),
  strategies: z.array(Strategy).nullish(),
  dependencies: z.array(Parent).nullish(),
  variants: z.array(z.unknown()).nullish(),
});
export type Feature = z.infer<typeof Feature>;

export const UnleashExport = z.looseObject({
  features: z.array(Feature),
  featureStrategies: z.array(Strategy).nullish(),
  featureEnvironments: z
    .array(
      z.looseObject({
        featureName: z.string().optional(),
        name: z.string().optional(),
        environment: z.string().nullish(),
        enabled: z.boolean().nullish(),
        variants: z.array(z.unknown()).nullish(),
      }),
    )
    .nullish(),
  featureTags: z
    .array(
      z.looseObject({
        featureName: z.string(),
        tagType: z.string().nullish(),
        tagValue: z.string().nullish(),
        type: z.string().nullish(),
        value: z.string().nullish(),
      }),
    )
    .nullish(),
  segments: z
    .array(
      z.looseObject({
        id: z.number(),
        name: z.string().nullish(),
        constraints: z.array(Constraint).nullish(),
      }),
    )
    .nullish(),
  dependencies: z.array(z.looseObject({ feature: z.string(), dependencies: z.array(Parent) })).nullish(),
  links: z
    .array(z.looseObject({ feature: z.string(), links: z.array(z.looseObject({ url: z.string() })) }))
    .nullish(),
});
