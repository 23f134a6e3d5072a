// The document of a hook, the bodies by which a person makes and changes one, and what became of alerts.
import { z } from "@hono/zod-openapi";
import { FeatureId } from "../../../shared/ids.ts";
import { Cursor, Time, wholeInQuery } from "./common.ts";

export const HookNameInPath = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{0,62}$/, "must be 1 to 63 small letters, digits and -")
  .brand<"HookName">();
export const HookParams = z.object({ name: HookNameInPath });

const Mode = z.enum(["shadow", "enforce"]).openapi({
  description: "`shadow` records what alerts would close, `enforce` closes it.",
});
const Source = z.enum(["alertmanager", "grafana", "datadog", "pagerduty", "generic"]).openapi({
  description:
    "Whose payload and signature it takes. `generic` is Alertmanager's form, signed by Standard Webhooks.",
});
const Authentication = z.enum(["secret", "signature"]).openapi({
  description: "Whether the sender shows the secret in the Authorization header, or signs with it.",
});
const Tag = z.string().min(1).max(64);
const Label = z.string().min(1).max(128);

const settings = {
  mode: Mode,
  featureId: FeatureId.nullable().openapi({
    description: "Every alert closes this feature; null: a label names it, or the tag counts.",
  }),
  tag: Tag.nullable().openapi({ description: "Every alert closes all features with this tag." }),
  featureLabel: Label.openapi({ description: "The label of an alert that names the feature to close." }),
  tagLabel: Label.openapi({ description: "The label of an alert that names the tag to close." }),
  allowedFeatures: z
    .array(FeatureId)
    .max(100)
    .openapi({ description: "Features that an alert may name. What requires them closes with them." }),
  allowedTags: z
    .array(Tag)
    .max(32)
    .openapi({ description: "An alert may name one of these tags, or a feature that has one of them." }),
};

const Secret = z.string().max(256).openapi({
  description: "Where the alerting system makes the secret, as PagerDuty does. Else one is made here.",
});

export const NewHookBody = z.strictObject({
  name: HookNameInPath,
  source: Source,
  authentication: Authentication.optional(),
  mode: settings.mode.default("shadow"),
  featureId: settings.featureId.default(null),
  tag: settings.tag.default(null),
  featureLabel: settings.featureLabel.default("sluice_feature"),
  tagLabel: settings.tagLabel.default("sluice_tag"),
  allowedFeatures: settings.allowedFeatures.default([]),
  allowedTags: settings.allowedTags.default([]),
  secret: Secret.optional(),
});
export const HookEditBody = z.strictObject(settings).partial();
export const SecretBody = z.strictObject({
  secret: Secret.optional(),
  keepOldSeconds: z
    .number()
    .int()
    .min(0)
    .max(7 * 86_400)
    .default(86_400)
    .openapi({ description: "So long the old secret is taken too." }),
});

const HookFields = z.object({
  name: z.string(),
  source: Source,
  authentication: Authentication,
  ...settings,
  featureId: z.string().nullable(),
  allowedFeatures: z.array(z.string()),
  version: z.number().int(),
  createdAt: Time,
  createdBy: z.string(),
  updatedAt: Time,
  updatedBy: z.string(),
  refusedAt: Time.nullable().openapi({
    description: "When a request was refused last, to ten seconds; null: never.",
  }),
  refusal: z.string().nullable().openapi({ description: "Why, for whoever sets the sender up." }),
});
export const HookDocument = HookFields.openapi("Hook");
export const HooksDocument = z.object({ hooks: z.array(HookDocument) });
export const NewHookDocument = HookFields.extend({
  secret: z.string().openapi({ description: "The secret. It is shown this once." }),
}).openapi("NewHook");

const AlertResult = z.object({
  key: z.string().nullable().openapi({ description: "One firing of the alert; null: it could not be read." }),
  title: z.string(),
  outcome: z
    .enum([
      "rolledBack",
      "wouldRollBack",
      "alreadyClosed",
      "repeated",
      "beganBefore",
      "resolved",
      "ignored",
      "noTarget",
      "notAllowed",
      "unknownFeature",
      "unreadable",
      "leftOut",
      "failed",
    ])
    .openapi({ description: "What became of it." }),
  detail: z.string().openapi({ description: "The same in a sentence." }),
  featureIds: z.array(z.string()).openapi({ description: "What it closed, or would close." }),
  revision: z.number().int().nullable(),
});
const ModeOfDelivery = z.enum(["shadow", "enforce"]);
export const DeliveryDocument = z
  .object({ deliveryId: z.number().int(), mode: ModeOfDelivery, alerts: z.array(AlertResult) })
  .openapi("HookDelivery");
export const TrialDocument = z.object({ mode: ModeOfDelivery, alerts: z.array(AlertResult) });
export const DeliveriesDocument = z.object({
  deliveries: z.array(
    z.object({ id: z.number().int(), at: Time, mode: ModeOfDelivery, alerts: z.array(AlertResult) }),
  ),
  next: Cursor.nullable(),
});
export const DeliveryPaging = z.object({
  limit: wholeInQuery(1, 500).default(50),
  before: wholeInQuery(1, Number.MAX_SAFE_INTEGER)
    .optional()
    .openapi({ description: "The `next` of the page before." }),
});

/** Each alerting system sends a form of its own. */
export const AnyPayload = z.record(z.string(), z.unknown()).openapi({
  description: "As the hook's alerting system sends it.",
});
