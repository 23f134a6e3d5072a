// A hook: where an alerting system may report alerts, how its sender is known, and the features that it may close.
import { z } from "zod";
import { FeatureId } from "../../shared/ids.ts";

export const SOURCES = ["alertmanager", "grafana", "datadog", "pagerduty", "generic"] as const;
export type Source = (typeof SOURCES)[number];

/** `secret`: the sender shows it with each request. `signature`: the sender signs the body with it. */
export type Authentication = "secret" | "signature";

/** What each alerting system can do; the first is the default. Grafana signs since version 12. */
export const AUTHENTICATIONS: Readonly<Record<Source, readonly Authentication[]>> = {
  alertmanager: ["secret"],
  grafana: ["signature", "secret"],
  datadog: ["secret"],
  pagerduty: ["signature"],
  generic: ["signature"],
};

export const HookName = z
  .string()
  .regex(
    /^[a-z0-9][a-z0-9-]{0,62}$/,
    "must be 1 to 63 small letters, digits and -, and begin with a letter or digit",
  )
  .brand<"HookName">();
export type HookName = z.infer<typeof HookName>;

/** What an alert closes. `featureId` or `tag`: always this. Both null: what a label of the alert names, if it is allowed. */
export type HookTarget = {
  readonly featureId: FeatureId | null;
  readonly tag: string | null;
  readonly featureLabel: string;
  readonly tagLabel: string;
  readonly allowedFeatures: readonly FeatureId[];
  readonly allowedTags: readonly string[];
};

export type HookMode = "shadow" | "enforce";

const Stored = z.object({
  name: HookName,
  source: z.enum(SOURCES),
  authentication: z.enum(["secret", "signature"]),
  mode: z.enum(["shadow", "enforce"]),
  featureId: FeatureId.nullable(),
  tag: z.string().nullable(),
  featureLabel: z.string(),
  tagLabel: z.string(),
  allowedFeatures: z.array(FeatureId),
  allowedTags: z.array(z.string()),
  version: z.number(),
  createdAt: z.date(),
  createdBy: z.string(),
  updatedAt: z.date(),
  updatedBy: z.string(),
  refusedAt: z.date().nullable(),
  refusal: z.string().nullable(),
});
export type Hook = z.infer<typeof Stored>;
export const toHook = (row: unknown): Hook => Stored.parse(row);

/** The fields that a person sets. */
export type HookSettings = HookTarget & Pick<Hook, "source" | "authentication" | "mode">;
