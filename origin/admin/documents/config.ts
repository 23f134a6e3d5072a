// Configuration files in the admin API: what they say of a feature, a plan of them, and what was applied.
import { z } from "@hono/zod-openapi";
import { Rule } from "../../../shared/features/rule.ts";
import { MAX_SEGMENTS, WrittenTargeting } from "../../../shared/features/written-targeting.ts";
import { Bps, FeatureId, SegmentId } from "../../../shared/ids.ts";
import { Time } from "./common.ts";
import { FeatureEditBody, Reason } from "./feature.ts";
import { SegmentDescription } from "./segment.ts";
import { asCondition } from "./targeting.ts";

/** Twice what an installation is made for. What they do to one another is checked for all pairs, and others wait meanwhile. */
const MAX_FEATURES = 2_000;

export const Source = z
  .string()
  .regex(/^[\w./-]{1,64}$/, "must be 1 to 64 letters, digits and _ . / -")
  .describe(
    "Names this set of files, such as the repository. A source owns its features and segments, and what leaves all of its files is deleted.",
  );

/** What a file says of one feature. Fields that it does not name have their defaults, but for those that say otherwise. */
export const ConfigFields = FeatureEditBody.omit({ reason: true }).extend({
  enabled: z
    .boolean()
    .optional()
    .describe(
      "Whether the feature is open. Not named: it stays as it is, and a new one is closed. A feature that was rolled back stays closed whatever stands here.",
    ),
  reopenEpoch: z
    .number()
    .int()
    .min(1)
    .max(2_147_483_647)
    .optional()
    .describe(
      "Opens the feature again, with `enabled: true`, if it was rolled back in this epoch. A later rollback is in a later epoch and is not undone.",
    ),
  rolloutBps: Bps.optional().describe(
    "Share of all units that gets the feature, in basis points. Not named: it stays as it is. Under a rule with a ramp in `enforce` it is where the ramp begins.",
  ),
  holdoutBps: Bps.optional().describe(
    "Share of all units that is kept without the feature for comparison, in basis points. Not named: it stays as it is.",
  ),
  rule: Rule.omit({ featureId: true })
    .optional()
    .describe("What the feature has to achieve. Not named: its rule stays as it is."),
});

/** What a file says of one segment. */
export const SegmentFields = z.strictObject({
  condition: asCondition(WrittenTargeting).describe(
    "Whom it names: a condition as in a feature's targeting. It may name other segments.",
  ),
  description: SegmentDescription.optional(),
});

const FilePath = z
  .string()
  .min(1)
  .max(512)
  // oxlint-disable-next-line no-control-regex -- control characters are what this refuses
  .regex(/^[^\u0000-\u001f\u007f]+$/, "must not contain control characters")
  .openapi({ description: "Path of the file that it stands in, for people." });

const ConfigFeature = ConfigFields.extend({ featureId: FeatureId, file: FilePath });
const ConfigSegment = SegmentFields.extend({ segmentId: SegmentId, file: FilePath });

const ConfigContent = z.strictObject({
  source: Source,
  features: z.array(ConfigFeature).max(MAX_FEATURES),
  segments: z
    .array(ConfigSegment)
    .max(MAX_SEGMENTS)
    .default([])
    .openapi({ description: "They change in the same revision as the features." }),
  removed: z.enum(["delete", "release"]).default("delete").openapi({
    description:
      "What becomes of features and segments that the source owns and that are in no file any more: `release` keeps them, and no file owns them then. A segment that somebody still uses stays.",
  }),
  takeOver: z.boolean().default(false).openapi({
    description: "Takes over features and segments that another source owns; else they are refused.",
  }),
});

type Content = z.output<typeof ConfigContent>;

const eachOnce = ({ features, segments }: Content, context: z.RefinementCtx): void => {
  const check = (list: string, key: string, items: readonly { id: string; file: string }[]): void => {
    const first = new Map<string, string>();
    for (const [at, { id, file }] of items.entries()) {
      const other = first.get(id);
      if (other === undefined) first.set(id, file);
      else
        context.addIssue({
          code: "custom",
          path: [list, at, key],
          message: other === file ? `${id} stands in ${file} twice` : `${id} stands in ${other} too`,
        });
    }
  };
  check(
    "features",
    "featureId",
    features.map(({ featureId, file }) => ({ id: featureId, file })),
  );
  check(
    "segments",
    "segmentId",
    segments.map(({ segmentId, file }) => ({ id: segmentId, file })),
  );
};

export const PlanBody = ConfigContent.superRefine(eachOnce);

const Version = z.number().int().min(1).max(2_147_483_647).nullable();

const Base = z.array(
  z.strictObject({
    featureId: FeatureId,
    version: Version.openapi({ description: "null: there is no such feature." }),
  }),
);

const BaseSegments = z.array(
  z.strictObject({
    segmentId: SegmentId,
    version: Version.openapi({ description: "null: there is no such segment." }),
  }),
);

export const ApplyBody = ConfigContent.extend({
  hash: z
    .string()
    .regex(/^[0-9a-f]{64}$/, "must be the hash of a plan: 64 hexadecimal digits")
    .openapi({ description: "Of the plan. Nothing else is applied." }),
  base: Base.max(4 * MAX_FEATURES).openapi({
    description: "The versions that the plan is based on, as it has them.",
  }),
  baseSegments: BaseSegments.max(2 * MAX_SEGMENTS)
    .optional()
    .openapi({ description: "The same of segments. Not named: as they are now." }),
  reason: Reason.optional(),
}).superRefine(eachOnce);

const Action = z.enum(["create", "update", "delete", "adopt", "release", "keep"]);
const Value = z.unknown().openapi({ description: "null: there is none." });
const Sentences = z.array(z.string());
const Changes = z.array(
  z.object({
    field: z.string(),
    from: Value,
    to: Value,
    by: z.enum(["file", "hand"]).openapi({
      description: "`hand`: it was changed by other means since the last apply, and the file takes it back.",
    }),
  }),
);

export const PlanDocument = z
  .object({
    hash: z.string().openapi({ description: "Of the files and of the versions that the plan is based on." }),
    source: z.string(),
    changed: z.boolean().openapi({ description: "Whether an apply would change anything." }),
    counts: z.object({
      create: z.number().int(),
      update: z.number().int(),
      delete: z.number().int(),
      adopt: z.number().int(),
      release: z.number().int(),
      unchanged: z.number().int(),
    }),
    segments: z
      .array(
        z.object({
          segmentId: z.string(),
          file: z.string().nullable(),
          action: Action,
          changes: Changes,
          features: z
            .array(z.string())
            .openapi({ description: "Features whose targeting changes with it, of any owner." }),
          notes: Sentences,
          warnings: Sentences,
        }),
      )
      .openapi({ description: "Segments that change, and those of which there is something to say." }),
    features: z
      .array(
        z.object({
          featureId: z.string(),
          file: z.string().nullable(),
          action: Action.openapi({
            description: "`adopt`: only its owner changes. `keep`: nothing does, and `notes` say why not.",
          }),
          changes: Changes.openapi({
            description: "None where its targeting changes with a segment: `notes` name the segment.",
          }),
          notes: Sentences.openapi({ description: "What the file does not change, and why." }),
          warnings: Sentences,
          visitors: z.string().nullable().openapi({ description: "What visitors notice; null: nothing." }),
        }),
      )
      .openapi({ description: "Features that change, and those of which there is something to say." }),
    base: z.array(z.object({ featureId: z.string(), version: z.number().int().nullable() })),
    baseSegments: z.array(z.object({ segmentId: z.string(), version: z.number().int().nullable() })),
  })
  .openapi("Plan");

export const AppliedDocument = z.object({
  hash: z.string(),
  revision: z
    .number()
    .int()
    .nullable()
    .openapi({ description: "The one revision of all changes. null: there was nothing to change." }),
  at: Time,
  alreadyApplied: z
    .boolean()
    .openapi({ description: "The plan was applied before, and nothing was done now." }),
  features: z.array(z.object({ featureId: z.string(), version: z.number().int() })),
});

export const ExportDocument = z.object({
  segments: z
    .array(
      z.object({
        segmentId: z.string(),
        source: z.string().nullable().openapi({ description: "Who owns it; null: nobody." }),
        file: z.string().nullable(),
        config: z.object({
          condition: asCondition(z.unknown()),
          description: z.string().optional(),
        }),
      }),
    )
    .openapi({
      description:
        "By id. With `source` those that it owns; with `tag` those that features with this tag use, and no others.",
    }),
  features: z
    .array(
      z.looseObject({
        featureId: z.string(),
        source: z.string().nullable().openapi({ description: "Who owns it; null: nobody." }),
        file: z.string().nullable(),
        rolledBack: z
          .object({ since: Time, reason: z.string().nullable(), epoch: z.number().int() })
          .nullable()
          .openapi({ description: "Then the document says neither `enabled` nor `rolloutBps`." }),
        config: z
          .looseObject({})
          .openapi({ description: "What a file says of the feature, without what is as it is by default." }),
      }),
    )
    .openapi({ description: "By id." }),
});
