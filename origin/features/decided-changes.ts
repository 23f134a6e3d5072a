// The changes that a decision makes by itself, in the name of Sluice.
import type { FeatureChanges } from "./change-feature.ts";
import type { RollbackTarget } from "./prepare-rollback.ts";
import type { Reason, RolloutTarget } from "./prepare-change.ts";

const ACTOR = "sluice";

export const makeDecidedChanges = (changes: Pick<FeatureChanges, "rollbackFeature" | "setRollout">) => ({
  rollbackFeature: ({ reason, ...target }: RollbackTarget & Reason) =>
    changes.rollbackFeature(target, { actor: ACTOR, reason }),
  setRollout: ({ reason, rolloutBps, ...target }: RolloutTarget & Reason & { rolloutBps: number }) =>
    changes.setRollout(target, { rolloutBps }, { actor: ACTOR, reason }),
});
