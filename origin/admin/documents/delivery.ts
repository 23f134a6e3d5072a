// What the admin API says of edges: how far each one is, what keeps failing, and the receipt of a rollback.
import { z } from "@hono/zod-openapi";
import { Time } from "./common.ts";

const Region = z.object({ region: z.string(), revision: z.number().int(), ms: z.number() });

export const EdgesDocument = z
  .object({
    revision: z.number().int().openapi({ description: "The newest committed revision." }),
    edges: z.array(
      z.object({
        url: z.string(),
        revision: z.number().int().nullable(),
        completeRevision: z
          .number()
          .int()
          .openapi({ description: "Confirmed by the hub and by every region of the newest answer." }),
        missingChanges: z.number().int().openapi({
          description:
            "Committed changes that some region of it has not confirmed. No more than 1,000 are counted.",
        }),
        missingSince: Time.nullable().openapi({
          description: "When the oldest of them was committed; null: it lacks none.",
        }),
        regions: z.array(Region),
        confirmedAt: Time.nullable(),
        failingSince: Time.nullable(),
        attempts: z.number().int(),
        lastError: z.string().nullable(),
      }),
    ),
    telemetry: z.array(
      z.object({
        region: z.string(),
        seenAt: Time,
        droppedSpans: z.number(),
        waitsFrom: Time.nullable().openapi({
          description: "People of this region are held back from here on, because it was not heard of.",
        }),
      }),
    ),
  })
  .openapi("Edges");

const AfterMs = z
  .number()
  .nullable()
  .openapi({ description: "Milliseconds from the commit by the database's clock; null: not yet." });

export const FeatureDeliveryDocument = z
  .object({
    featureId: z.string(),
    action: z.string().openapi({ description: "The kind of the feature's newest change." }),
    reason: z.string(),
    actor: z.string(),
    revision: z.number().int(),
    at: Time.openapi({ description: "When the change was committed." }),
    everywhereAfterMs: AfterMs.openapi({
      description: "When the last edge had it; null: not everywhere yet, or there is no edge.",
    }),
    edges: z.array(
      z.object({
        edge: z.string(),
        state: z.enum(["confirmed", "closed", "waiting"]).openapi({
          description: "`closed`: the close has arrived alone, ahead of the rest of its revision.",
        }),
        afterMs: AfterMs,
        failingSince: Time.nullable(),
        attempts: z.number().int(),
        lastError: z.string().nullable(),
        regions: z.array(
          z.object({
            region: z.string(),
            revision: z.number().int(),
            afterMs: AfterMs,
            joinedLater: z.boolean().openapi({
              description: "First heard of with a later revision: its time says nothing of this change.",
            }),
          }),
        ),
      }),
    ),
  })
  .openapi("FeatureDelivery");

export const DeadLettersDocument = z.object({
  deadLetters: z.array(
    z
      .object({
        kind: z.enum(["message", "edge"]),
        target: z.string(),
        revision: z.number().int().nullable(),
        failingSince: Time,
        attempts: z.number().int(),
        lastError: z.string().nullable(),
      })
      .openapi("DeadLetter"),
  ),
});

export const ReceiptDocument = z
  .object({
    receipt: z.object({
      featureId: z.string(),
      rollback: z.looseObject({ seq: z.number().int(), reason: z.string(), revision: z.number().int() }),
      lineage: z.string().nullable(),
      complete: z.boolean(),
      missingEdges: z.array(z.string()),
      confirmations: z.array(
        z.object({
          edge: z.string(),
          region: z.string(),
          revision: z.number().int(),
          ms: z.number(),
          confirmedAt: Time,
          msAfterCommit: z.number(),
        }),
      ),
    }),
    signature: z.string().openapi({ description: "`t=…,kid=…,v1=…`, by the first of PUSH_KEYS." }),
  })
  .openapi("Receipt");

export const ReceiptsDocument = z.object({ receipts: z.array(ReceiptDocument) });
