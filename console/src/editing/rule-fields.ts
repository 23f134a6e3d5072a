// A rule as it is edited: what of it is stored, what a first one begins with, and which of its fields are merged one by one.
import type { putRule, Rule } from "../client.gen.ts";

/** All of it but the feature's id and what the API says of it. */
export type RuleFields = Parameters<typeof putRule>[1];

/** What a first rule begins with: nothing is closed by it until somebody says so. */
export const FIRST_RULE: RuleFields = {
  activationThreshold: 0.1,
  retentionThreshold: 0,
  latencyP95Threshold: 1_000,
  minCohortSize: 200,
  evaluationWindowSeconds: 604_800,
  mode: "shadow",
};

export const NESTED_IN_RULE = ["compare", "latency"];

export const fieldsOfRule = (rule: Rule): RuleFields => {
  const { featureId: _, warnings: __, ...fields } = rule;
  return fields;
};

/** Without the fields that were emptied. */
export const ruleBodyOf = (fields: RuleFields): RuleFields => JSON.parse(JSON.stringify(fields));
