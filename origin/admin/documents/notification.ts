// What the admin API says of notification targets, and what a webhook of Sluice's own sends.
import { z } from "@hono/zod-openapi";
import { EVENTS, EventName, eventNames, TEST_EVENT } from "../../../shared/notifications/events.ts";
import { FeatureId } from "../../../shared/ids.ts";
import { Time } from "./common.ts";

const EVENT_TEXT = eventNames.map((name) => `\`${name}\`: ${EVENTS[name].meaning}`).join(" ");

const TargetName = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{0,62}$/, "must have 1 to 63 of a-z, 0-9 and -, and begin with no -")
  .openapi({ example: "checkout-team" });

export const TargetParams = z.object({ name: z.string().min(1).max(64) });

const choice = {
  events: z
    .array(EventName)
    .min(1)
    .max(100)
    .nullable()
    .default(null)
    .openapi({ description: `What it is told of; null: everything. ${EVENT_TEXT}` }),
  features: z.array(FeatureId).min(1).max(200).nullable().default(null).openapi({
    description:
      "Only news of these features, and of features with one of `tags`; with neither, of all. News about no feature is told whatever they are.",
  }),
  tags: z.array(z.string().min(1).max(64)).min(1).max(32).nullable().default(null),
  enabled: z
    .boolean()
    .default(true)
    .openapi({ description: "false: it is told nothing. A receiver that answers 410 disables its target." }),
};

const Url = z.string().min(1).max(2048);
const Secret = z
  .string()
  .regex(/^whsec_[A-Za-z0-9+/]{32,88}={0,2}$/, "must be whsec_ and 24 to 64 bytes in base64")
  .openapi({ description: "Signs the messages (Standard Webhooks): `whsec_` and 24 to 64 bytes in base64." });
const Recipients = z
  .array(z.email("must be an e-mail address").max(254))
  .min(1)
  .max(20)
  .openapi({ description: "Who gets the e-mail." });

const kept = "Absent: it stays as it is.";

export const NewTargetBody = z.discriminatedUnion("type", [
  z.strictObject({
    name: TargetName,
    type: z.literal("slack"),
    url: Url.openapi({ description: "Slack's incoming webhook. It is never shown again." }),
    ...choice,
  }),
  z.strictObject({
    name: TargetName,
    type: z.literal("webhook"),
    url: Url.openapi({ description: "https, without a user name or password." }),
    secret: Secret.optional().openapi({
      description: "Absent: one is made, and shown in this answer alone.",
    }),
    ...choice,
  }),
  z.strictObject({ name: TargetName, type: z.literal("email"), to: Recipients, ...choice }),
]);

export const TargetBody = z.discriminatedUnion("type", [
  z.strictObject({ type: z.literal("slack"), url: Url.optional().openapi({ description: kept }), ...choice }),
  z.strictObject({
    type: z.literal("webhook"),
    url: Url.optional().openapi({ description: kept }),
    ...choice,
  }),
  z.strictObject({
    type: z.literal("email"),
    to: Recipients.optional().openapi({ description: kept }),
    ...choice,
  }),
]);

const DAY_S = 86_400;
export const NewSecretBody = z.strictObject({
  secret: Secret.optional().openapi({ description: "Absent: one is made." }),
  keepPreviousSeconds: z
    .number()
    .int()
    .min(0)
    .max(30 * DAY_S)
    .default(DAY_S)
    .openapi({ description: "How long the secret of before signs too, so that a receiver can change over." }),
});

export const RedeliverBody = z.strictObject({
  since: z.iso
    .datetime({ offset: true })
    .transform((text) => new Date(text))
    .openapi({
      description: "News that was announced from then on is told again. News is kept for 30 days.",
      type: "string",
      format: "date-time",
    }),
});

const TargetFields = z.object({
  name: z.string(),
  type: z.enum(["slack", "webhook", "email"]),
  address: z.string().openapi({ description: "Without what is secret in it." }),
  events: z.array(z.string()).nullable(),
  features: z.array(z.string()).nullable(),
  tags: z.array(z.string()).nullable(),
  enabled: z.boolean(),
  fromEnvironment: z.boolean().openapi({
    description: "A variable of the origin made it (`SLACK_WEBHOOK_URL`), and changes it alone.",
  }),
  version: z.number().int(),
  previousSecretUntil: Time.nullable().openapi({
    description: "Until then the secret before the present one signs too.",
  }),
  createdAt: Time,
  createdBy: z.string(),
  updatedAt: Time,
  updatedBy: z.string(),
  queued: z.number().int().openapi({ description: "News that waits for it; at most 10,000 are counted." }),
  dropped: z
    .number()
    .int()
    .openapi({ description: "News that it was never told: refused three times, or older than a day." }),
  lastSuccessAt: Time.nullable(),
  failingSince: Time.nullable().openapi({ description: "null: the last message was taken." }),
  lastError: z.string().nullable(),
  attempts: z.number().int().openapi({ description: "Failed attempts to send the present message." }),
  nextAttemptAt: Time.openapi({ description: "Not before then." }),
});
export const TargetDocument = TargetFields.openapi("NotificationTarget");
export const NewTargetDocument = TargetFields.extend({
  secret: z
    .string()
    .nullable()
    .openapi({ description: "Of a webhook whose secret was made. It is shown this once." }),
}).openapi("NewNotificationTarget");
export const TargetsDocument = z.object({ targets: z.array(TargetDocument) }).openapi("NotificationTargets");
export const SecretDocument = z.object({
  secret: z.string().openapi({ description: "It is shown this once." }),
  previousSecretUntil: Time,
});
export const TestDocument = z.object({
  delivered: z.boolean(),
  error: z.string().nullable(),
  ms: z.number().int(),
});
export const RedeliverDocument = z.object({ queued: z.number().int() });

const Tally = z.object({ n: z.number(), s: z.number() });

/** The body of a webhook. */
export const NewsMessage = z
  .object({
    type: z.string().openapi({
      description: `The event; \`digest\` where a message tells several kinds of news, \`${TEST_EVENT}\` for a test. ${EVENT_TEXT}`,
    }),
    timestamp: Time.openapi({ description: "When the first of it happened." }),
    data: z.object({
      title: z.string(),
      news: z.array(
        z.object({
          id: z.uuid().openapi({ description: "Of this piece of news, in whatever message it comes." }),
          event: z.string(),
          at: Time,
          featureId: z.string().nullable(),
          tags: z.array(z.string()),
          reason: z.string().openapi({ description: "One sentence, as text." }),
          actor: z.string().nullable().openapi({ description: "Who did it, as in the audit." }),
          revision: z.number().int().nullable(),
          counts: z.array(
            z.object({
              signal: z.string(),
              threshold: z.number(),
              treatment: Tally,
              holdout: Tally.nullable(),
            }),
          ),
          markdown: z.string().nullable(),
          link: z.string().nullable(),
        }),
      ),
    }),
  })
  .openapi("NewsMessage");

export const WebhookHeaders = z.object({
  "webhook-id": z.string().openapi({ description: "The same for each attempt to send the message." }),
  "webhook-timestamp": z.string().openapi({ description: "Unix seconds of the attempt." }),
  "webhook-signature": z.string().openapi({
    description:
      "`v1,` and the HMAC-SHA256 of `id.timestamp.body` in base64; two of them while a secret changes.",
  }),
});
