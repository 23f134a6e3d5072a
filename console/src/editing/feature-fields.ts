// A feature as it is edited: the fields that a person sets on its page of fields. Rollout, opening and closing are steps of
// their own on the feature's page.
import type { Feature, updateFeature } from "../client.gen.ts";
import type { Gate } from "./gate-fields.tsx";

export type FeatureFields = {
  readonly description: string | null;
  readonly owner: string | null;
  readonly link: string | null;
  readonly tags: readonly string[];
  readonly requires: readonly string[];
  readonly removeAfter: string | null;
  readonly lockdown: boolean;
  readonly private: boolean;
  readonly unit: "visitor" | "user";
  readonly failureMode: "static" | "closed";
  readonly holdoutBps: number | undefined;
  readonly routes: NonNullable<Feature["routes"]>;
  readonly targeting: Feature["targeting"];
  readonly gate: Gate;
  readonly activation: Feature["activation"];
};

export const NESTED_IN_FEATURE = ["gate", "gate.html"];

export const fieldsOfFeature = (feature: Feature): FeatureFields => ({
  description: feature.description,
  owner: feature.owner,
  link: feature.link,
  tags: feature.tags,
  requires: feature.requires,
  removeAfter: feature.removeAfter,
  lockdown: feature.lockdown,
  private: feature.private ?? false,
  unit: feature.unit ?? "visitor",
  failureMode: feature.failureMode ?? "static",
  holdoutBps: feature.holdoutBps ?? 0,
  routes: feature.routes ?? [],
  targeting: feature.targeting ?? null,
  gate: feature.gate ?? {},
  activation: feature.activation ?? null,
});

/** Edits of pages that edit nothing, and a gate that does nothing, are none. */
const gateOf = ({ html, ...gate }: Gate): Gate | null => {
  const edits = html?.elements === true || html?.flags === true;
  const whole = edits ? { ...gate, html } : gate;
  return Object.keys(whole).length === 0 ? null : whole;
};

export const featureBodyOf = (fields: FeatureFields): Parameters<typeof updateFeature>[2] => ({
  ...fields,
  tags: [...fields.tags],
  requires: [...fields.requires],
  holdoutBps: fields.holdoutBps ?? 0,
  gate: gateOf(fields.gate),
});

/** What decides who gets it, as the tester tries it before it is saved. */
export const draftOf = ({ unit, holdoutBps = 0, targeting, routes, gate }: FeatureFields) => ({
  unit,
  holdoutBps,
  targeting,
  routes,
  gate: gateOf(gate),
});
