// Counts every attempt at a rollback by its outcome, around the same changes.
import type { Counter } from "prom-client";
import type { FeatureChanges } from "./change-feature.ts";

export const countRollbacks = (
  changes: FeatureChanges,
  counter: Counter<"feature" | "outcome">,
): FeatureChanges => ({
  ...changes,
  rollbackFeature: async (target, by) => {
    const count = (outcome: "committed" | "conflict" | "failed") =>
      counter.inc({ feature: target.featureId, outcome });
    try {
      const result = await changes.rollbackFeature(target, by);
      count(result.ok ? "committed" : "conflict");
      return result;
    } catch (error) {
      count("failed");
      throw error;
    }
  },
  rollbackTag: async (tag, by) => {
    const result = await changes.rollbackTag(tag, by);
    if (result.ok)
      for (const { featureId } of result.value?.features ?? [])
        counter.inc({ feature: featureId, outcome: "committed" });
    return result;
  },
});
