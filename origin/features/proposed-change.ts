// A change of a feature as a value: what a request asks for can be stored, shown, hashed and carried out later as it is.
// Approvals and schedules keep it in the database, so it is parsed when it is read.
import { z } from "zod";
import { FeatureState } from "../../shared/features/feature.ts";
import { Rule } from "../../shared/features/rule.ts";
import { WrittenTargetingOrNone } from "../../shared/features/written-targeting.ts";
import { Bps, FeatureId } from "../../shared/ids.ts";
import type { FeatureEdit } from "./new-feature.ts";
import { OperatorFields } from "../../shared/features/operator-fields.ts";

const edge = FeatureState.shape;
const operator = OperatorFields.shape;

/** Each field that an edit may name: the compiler asks for the new ones. */
const editShape = {
  rolloutBps: Bps,
  holdoutBps: Bps,
  unit: edge.unit.unwrap(),
  failureMode: edge.failureMode.unwrap(),
  private: edge.private.unwrap(),
  targeting: WrittenTargetingOrNone,
  routes: edge.routes.unwrap(),
  gate: edge.gate.unwrap(),
  activation: edge.activation.unwrap(),
  tags: z.array(z.string()).readonly(),
  requires: z.array(FeatureId).readonly(),
  owner: operator.owner.unwrap(),
  description: operator.description.unwrap(),
  link: operator.link.unwrap(),
  removeAfter: operator.removeAfter.unwrap(),
  lockdown: operator.lockdown.unwrap(),
} satisfies Record<keyof FeatureEdit, z.ZodType>;

type ExactlyOptional<Shape> = {
  [Name in keyof Shape]: Shape[Name] extends z.ZodType ? z.ZodExactOptional<Shape[Name]> : never;
};

/** Absent and not undefined: that is what stored JSON can say. */
const optional = <Shape extends Readonly<Record<string, z.ZodType>>>(shape: Shape): ExactlyOptional<Shape> =>
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- each field is mapped to what the type says
  Object.fromEntries(
    Object.entries(shape).map(([name, schema]) => [name, z.exactOptional(schema)]),
  ) as ExactlyOptional<Shape>;

const Edit = z.strictObject(optional(editShape));
const Shares = z.strictObject({ rolloutBps: Bps.optional(), holdoutBps: Bps.optional() });

export const ProposedChange = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("create"),
    featureId: FeatureId,
    feature: Edit.extend(optional({ enabled: z.boolean(), rule: Rule.nullable() })),
  }),
  z.strictObject({ kind: z.literal("update"), featureId: FeatureId, edit: Edit }),
  z.strictObject({ kind: z.literal("rule"), featureId: FeatureId, rule: Rule }),
  z.strictObject({
    kind: z.literal("rollout"),
    featureId: FeatureId,
    shares: Shares.required({ rolloutBps: true }),
  }),
  z.strictObject({ kind: z.literal("enable"), featureId: FeatureId, shares: Shares }),
  z.strictObject({ kind: z.literal("ramp"), featureId: FeatureId, paused: z.boolean() }),
  z.strictObject({ kind: z.literal("restart"), featureId: FeatureId }),
  z.strictObject({ kind: z.literal("delete"), featureId: FeatureId }),
  z.strictObject({ kind: z.literal("rollback"), featureId: FeatureId }),
]);
export type ProposedChange = z.infer<typeof ProposedChange>;
