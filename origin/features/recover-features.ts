// Takes over what an edge knows and the database has lost (prepare-recovery.ts), as audited changes in one revision.
import type { Queryable } from "../db/pool.ts";
import type { FeatureId, Revision } from "../../shared/ids.ts";
import type { CommittedChange } from "./carry-out.ts";
import type { ChangeSteps } from "./change-steps.ts";
import type { ChangeKind } from "./commit-change.ts";
import { prepareRecovery, type RecoverySource, type Witnessed } from "./prepare-recovery.ts";
import { readDeletedEpochs, readRelatedFeatures } from "./related-features.ts";

export type RecoveredFeatures = {
  readonly revision: Revision;
  /** The features that were closed. */
  readonly closed: readonly FeatureId[];
  /** Features that only the lost history had. */
  readonly forgotten: readonly FeatureId[];
};

export const stepsOfRecovery = (
  db: Queryable,
  held: readonly Witnessed[],
  source: RecoverySource,
): ChangeSteps => {
  const featureIds = held.map(({ featureId }) => featureId);
  let deletedEpochs: ReadonlyMap<FeatureId, number> = new Map();
  return {
    actor: "sluice",
    read: async () => {
      deletedEpochs = await readDeletedEpochs(db, featureIds);
      return readRelatedFeatures(db, { featureIds });
    },
    prepare: (related) => prepareRecovery({ related, deletedEpochs }, held, source),
  };
};

export const recoveredFeatures = ({ committed, changes }: CommittedChange): RecoveredFeatures => {
  const idsOf = (wanted: ChangeKind) =>
    changes.filter(({ kind }) => kind === wanted).map(({ featureId }) => featureId);
  return { revision: committed.revision, closed: idsOf("rollback"), forgotten: idsOf("delete") };
};
