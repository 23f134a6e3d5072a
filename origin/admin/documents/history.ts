// The audit in the admin API.
import { z } from "@hono/zod-openapi";
import { Cursor, Time } from "./common.ts";

export const ROLLBACK_CAUSES = ["evidence", "alert", "dependency", "edge", "person"] as const;
export const CAUSE_TEXT =
  "`evidence`: Sluice's own decision. `alert`: an alerting system, by a hook. `dependency`: a feature that it requires was closed. `edge`: an edge held it closed, and the database had forgotten it. `person`: by hand.";

const AuditEntry = z
  .object({
    seq: z.number().int(),
    at: Time,
    actor: z.string(),
    action: z.string(),
    featureId: z.string().openapi({ description: "Of a change of a segment: `segment:` and its id." }),
    reason: z.string(),
    version: z.number().int(),
    epoch: z.number().int(),
    revision: z.number().int(),
    details: z
      .looseObject({
        diff: z
          .array(z.object({ field: z.string(), from: z.unknown(), to: z.unknown() }))
          .optional()
          .openapi({
            description:
              "What the change did to each field; `feature` where it came or went as a whole. Not in entries of earlier versions.",
          }),
      })
      .openapi({
        description:
          "What the kind of change adds, and by whose leave: `approval`, `schedule`, `evidence`, `config`, `forced`.",
      }),
    cause: z
      .enum(ROLLBACK_CAUSES)
      .nullable()
      .openapi({ description: `Of a rollback; null: it is none. ${CAUSE_TEXT}` }),
    hash: z.string().openapi({ description: "Hexadecimal; the next entry's hash covers it." }),
  })
  .openapi("AuditEntry");

export const AuditDocument = z.object({ entries: z.array(AuditEntry), next: Cursor.nullable() });

export const AuditVerdictDocument = z
  .discriminatedUnion("ok", [
    z.object({
      ok: z.literal(true),
      from: z.number().int(),
      to: z.number().int(),
      rows: z.number().int(),
      hash: z.string(),
    }),
    z.object({
      ok: z.literal(false),
      seq: z.number().int().openapi({ description: "The first broken entry." }),
      fault: z.enum(["missing", "unlinked", "altered", "headMismatch", "lost"]),
    }),
  ])
  .openapi("AuditVerdict");
