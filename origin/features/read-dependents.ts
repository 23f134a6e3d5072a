// What a feature requires, what requires it, and what closes with it.
import type { Queryable } from "../db/pool.ts";
import type { FeatureId } from "../../shared/ids.ts";
import { dependentsOf, readRelatedFeatures } from "./related-features.ts";

export const readDependents = async (db: Queryable, featureId: FeatureId) => {
  const related = await readRelatedFeatures(db, { featureIds: [featureId] });
  const requires = (related.get(featureId)?.requires ?? []).map((id) => ({
    featureId: id,
    enabled: related.get(id)?.state.enabled ?? false,
  }));
  const requiredBy = dependentsOf(related, [featureId]).map((record) => ({
    featureId: record.state.featureId,
    enabled: record.state.enabled,
    rolloutBps: record.state.rolloutBps,
    directly: record.requires.includes(featureId),
  }));
  return { requires, requiredBy };
};
