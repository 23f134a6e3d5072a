// The document of a feature in the admin API, and the bodies by which a person changes one.
import { z } from "@hono/zod-openapi";
import { FeatureState } from "../../../shared/features/feature.ts";
import { WrittenTargetingOrNone } from "../../../shared/features/written-targeting.ts";
import { Bps, FeatureId } from "../../../shared/ids.ts";
import type { FeatureRecord } from "../../features/feature-record.ts";
import { OperatorFields } from "../../../shared/features/operator-fields.ts";
import { StandingDocument } from "./standing.ts";
import { UpcomingDocument } from "./upcoming.ts";
import { asTargeting } from "./targeting.ts";
import { Cursor, Time } from "./common.ts";

const edge = FeatureState.shape;
export const Reason = z
  .string()
  .trim()
  .min(1, "must not be empty")
  .max(2_000)
  .describe("Why; it goes into the audit.");

export const FeatureParams = z.object({ featureId: FeatureId });

const Warnings = z
  .array(z.string())
  .openapi({ description: "What may not be expected, each in a sentence." });

const operator = OperatorFields.shape;

/** A field that an edit may leave out. */
const editable = <T extends z.ZodType>(field: z.ZodDefault<T>) =>
  field
    .unwrap()
    .optional()
    .describe(field.description ?? "");

/** What a person may set; a field that is not named keeps its value (or, in a new feature, its default). */
export const FeatureEditBody = z.strictObject({
  rolloutBps: Bps.optional(),
  holdoutBps: Bps.optional(),
  unit: edge.unit.unwrap().optional(),
  failureMode: edge.failureMode.unwrap().optional(),
  private: edge.private.unwrap().optional(),
  targeting: asTargeting(WrittenTargetingOrNone.optional()).describe(edge.targeting.description ?? ""),
  routes: edge.routes.unwrap().optional(),
  gate: edge.gate.unwrap().optional(),
  activation: edge.activation.unwrap().optional(),
  tags: z
    .array(z.string().min(1).max(64))
    .max(32)
    .optional()
    .describe("Labels, at most 32. A rollback can name a tag and close all features that have it."),
  requires: z
    .array(FeatureId)
    .max(32)
    .optional()
    .describe(
      "Features that must be open while this one is, at most 32. A rollback of one of them closes this one too.",
    ),
  owner: editable(operator.owner),
  description: editable(operator.description),
  link: editable(operator.link),
  removeAfter: editable(operator.removeAfter),
  lockdown: editable(operator.lockdown),
  reason: Reason.optional().describe("Why; it goes into the audit."),
});
export const NewFeatureBody = FeatureEditBody.extend({
  featureId: FeatureId,
  enabled: z.boolean().optional(),
});

export const ManagedBy = z.object({
  source: z.string().openapi({ description: "Names the set of files." }),
  file: z.string(),
  appliedAt: Time,
  drift: z
    .array(z.object({ field: z.string(), file: z.unknown(), now: z.unknown() }))
    .openapi({ description: "What was changed since by other means; the next apply takes it back." }),
});

export const FeatureDocument = z
  .object({
    ...edge,
    targeting: asTargeting(WrittenTargetingOrNone),
    segments: z
      .array(z.string())
      .openapi({ description: "The segments that the targeting is made of, also through others." }),
    revision: z.number().int().openapi({ description: "The installation's revision that this state is of." }),
    epochStartedAt: Time,
    tags: z.array(z.string()),
    requires: z.array(z.string()),
    owner: z.string().nullable(),
    description: z.string().nullable(),
    link: z.string().nullable(),
    removeAfter: z.string().nullable(),
    lockdown: z.boolean(),
    rolloutBeforeBps: z
      .number()
      .nullable()
      .openapi({ description: "Rollout at the last rollback; enabling again goes back to it." }),
    rollbackReason: z.string().nullable(),
    rolledBackAt: Time.nullable().openapi({
      description: "Set while the feature is rolled back and no person has opened it again.",
    }),
    createdAt: Time,
    updatedAt: Time,
    ruleVersion: z.number().int().nullable().openapi({ description: "null: it has no rule." }),
    managedBy: ManagedBy.nullable().openapi({
      description: "The configuration file that owns the feature; null: none does.",
    }),
    warnings: Warnings.optional(),
  })
  .openapi("Feature");

const ListedFeature = FeatureDocument.extend({
  mode: z.enum(["shadow", "enforce"]).nullable().openapi({ description: "Of its rule; null: it has none." }),
  verdict: z
    .union([
      z.object({ state: z.string(), action: z.string(), mode: z.string(), sentence: z.string(), at: Time }),
      z.null(),
    ])
    .openapi({ description: "Of the present epoch; null: it was not evaluated yet." }),
  standing: z.union([StandingDocument, z.null()]),
  ramp: z
    .union([
      z.object({
        stagesBps: z.array(z.number()),
        minStageSeconds: z.number(),
        since: Time.nullable().openapi({ description: "When the rollout became what it is." }),
        paused: z.boolean(),
      }),
      z.null(),
    ])
    .openapi({ description: "Of its rule; null: the rule has none." }),
  schedules: UpcomingDocument,
}).openapi("ListedFeature");

export const FeaturesDocument = z.object({
  features: z.array(ListedFeature),
  total: z.number().int().openapi({ description: "Features that the filters leave, on all pages." }),
  next: Cursor.nullable(),
});

export const RolloutBody = z.strictObject({ rolloutBps: Bps, holdoutBps: Bps.optional(), reason: Reason });
export const EnableBody = RolloutBody.partial({ rolloutBps: true });
export const RollbackBody = z.strictObject({ reason: Reason });

export const documentOf = ({ state, ...record }: FeatureRecord) => ({ ...state, ...record });

/**
 * An edit as `FeatureEditBody` for a document that was read and sent back: the fields that the service keeps may stand
 * in it unchanged, and are refused as unknown when they were changed.
 */
export const editBodyFor = (record: FeatureRecord) =>
  z.preprocess((json) => {
    if (typeof json !== "object" || json === null) return json;
    const read: Record<string, unknown> = JSON.parse(JSON.stringify(documentOf(record)));
    return Object.fromEntries(
      Object.entries(json).filter(
        ([name, value]) =>
          name in FeatureEditBody.shape ||
          // Sentences about the feature, and no field of it.
          (name !== "warnings" && JSON.stringify(value) !== JSON.stringify(read[name])),
      ),
    );
  }, FeatureEditBody);

type Given<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

export const dropUndefined = <T extends object>(given: T): Given<T> =>
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the filter is what makes it true
  Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as Given<T>;
