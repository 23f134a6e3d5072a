// Counts every attempt at a rollback by its outcome, around the same changes.
import type { Counter } from "prom-client";
import type { FeatureChanges } from "./change-feature.ts";

export const countRollbacks = (
  changes: FeatureChanges,
  counter: Counter<"feature" | "outcome">,
): FeatureChanges => {
  const counted = async <R extends { readonly ok: boolean }>(
    feature: string,
    attempt: () => Promise<R>,
  ): Promise<R> => {
    try {
      const result = await attempt();
      counter.inc({ feature, outcome: result.ok ? "committed" : "conflict" });
      return result;
    } catch (error) {
      counter.inc({ feature, outcome: "failed" });
      throw error;
    }
  };
  return {
    ...changes,
    changeFeature: (change, by, terms) => {
      const attempt = () => changes.changeFeature(change, by, terms);
      return change.kind === "rollback" ? counted(change.featureId, attempt) : attempt();
    },
    rollbackFeature: (target, by) => counted(target.featureId, () => changes.rollbackFeature(target, by)),
    rollbackTag: async (tag, by, cause) => {
      const result = await changes.rollbackTag(tag, by, cause);
      if (result.ok)
        for (const { featureId } of result.value?.features ?? [])
          counter.inc({ feature: featureId, outcome: "committed" });
      return result;
    },
  };
};
