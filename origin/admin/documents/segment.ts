// The document of a segment in the admin API, and the bodies by which a person changes one.
import { z } from "@hono/zod-openapi";
import { WrittenTargeting } from "../../../shared/features/written-targeting.ts";
import { SegmentId } from "../../../shared/ids.ts";
import type { UsedSegment } from "../../features/segments/read-segments.ts";
import { Cursor, Time, wholeInQuery } from "./common.ts";
import { ManagedBy, Reason } from "./feature.ts";
import { asCondition } from "./targeting.ts";

export const SegmentParams = z.object({ segmentId: SegmentId });
export const SegmentListQuery = z.object({
  limit: wholeInQuery(1, 500).default(100),
  after: z.string().max(64).optional().openapi({ description: "The `next` of the page before." }),
});

const condition = asCondition(WrittenTargeting).openapi({
  description: "Whom it names: a condition as in a feature's targeting. It may name other segments.",
});
export const SegmentDescription = z
  .string()
  .max(2_000)
  .nullable()
  .describe("What it is for, at most 2,000 characters.");
const description = SegmentDescription;

export const SegmentEditBody = z.strictObject({
  condition: condition.optional(),
  description: description.optional(),
  reason: Reason.optional(),
});
export const NewSegmentBody = SegmentEditBody.extend({ segmentId: SegmentId, condition });

export const SegmentDocument = z
  .object({
    segmentId: z.string(),
    condition,
    description,
    version: z.number().int().openapi({ description: "Number of its changes. The ETag." }),
    createdAt: Time,
    updatedAt: Time,
    features: z
      .array(
        z.object({
          featureId: z.string(),
          enabled: z.boolean(),
          onTrial: z.boolean().openapi({ description: "It is open and has a rule: people are counted." }),
        }),
      )
      .openapi({ description: "Features whose targeting it is part of, also through other segments." }),
    usedBy: z.array(z.string()).openapi({ description: "Segments that name it." }),
    managedBy: ManagedBy.nullable().openapi({
      description: "The configuration file that owns the segment; null: none does.",
    }),
    revision: z
      .number()
      .int()
      .optional()
      .openapi({ description: "Of the change that this answers: all features changed at this one." }),
    changed: z
      .array(z.object({ featureId: z.string(), version: z.number().int() }))
      .optional()
      .openapi({ description: "The features that changed with it." }),
    warnings: z
      .array(z.string())
      .optional()
      .openapi({ description: "What may not be expected, each in a sentence." }),
  })
  .openapi("Segment");

export const SegmentsDocument = z.object({ segments: z.array(SegmentDocument), next: Cursor.nullable() });

/** Of the answer to a change, and no part of the segment. */
const OF_ANSWERS = new Set(["revision", "changed", "warnings"]);

/** An edit, for a document that was read and sent back: what the service keeps may stand in it unchanged. */
export const segmentEditBodyFor = (segment: UsedSegment) =>
  z.preprocess((json) => {
    if (typeof json !== "object" || json === null || Array.isArray(json)) return json;
    const read: Record<string, unknown> = JSON.parse(JSON.stringify(segment));
    const isKept = ([name, value]: readonly [string, unknown]): boolean =>
      OF_ANSWERS.has(name) ||
      (Object.hasOwn(read, name) && JSON.stringify(value) === JSON.stringify(read[name]));
    return Object.fromEntries(
      Object.entries(json).filter((entry) => entry[0] in SegmentEditBody.shape || !isKept(entry)),
    );
  }, SegmentEditBody);
