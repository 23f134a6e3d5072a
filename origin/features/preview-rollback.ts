// What a rollback would close, by the same calculation that prepares it.
import type { Queryable } from "../db/pool.ts";
import type { FeatureId } from "../../shared/ids.ts";
import { prepareRollback, prepareTagRollback } from "./prepare-rollback.ts";
import { readRelatedFeatures } from "./related-features.ts";

export type RollbackPreview =
  | { readonly featureId: FeatureId }
  | { readonly tag: string; readonly openedBefore?: Date | undefined };

const NO_REASON = { reason: "" };

export const previewRollback = async (db: Queryable, target: RollbackPreview): Promise<FeatureId[]> => {
  if ("tag" in target) {
    const related = await readRelatedFeatures(db, { featureIds: [], tag: target.tag });
    return prepareTagRollback(related, target.tag, { ...NO_REASON, openedBefore: target.openedBefore }).map(
      ({ featureId }) => featureId,
    );
  }
  const related = await readRelatedFeatures(db, { featureIds: [target.featureId] });
  const prepared = prepareRollback(related, target, NO_REASON);
  return prepared.ok ? prepared.value.map(({ featureId }) => featureId) : [];
};
