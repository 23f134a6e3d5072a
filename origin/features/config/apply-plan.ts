// Carries a plan of configuration files out in one revision, or not at all: its changes are about the versions that it was planned on.
import type { Pool } from "../../db/pool.ts";
import type { FeatureId, SegmentId } from "../../../shared/ids.ts";
import { err, ok, type Result } from "../../../shared/result.ts";
import type { ChangeTerms } from "../carry-out.ts";
import { withDiff } from "../change-diff.ts";
import type { ChangeError } from "../change-error.ts";
import type { Attribution } from "../change-steps.ts";
import { changedFeatures } from "../changed-features.ts";
import type { AppliedConfig, CommitError, FeatureChange } from "../commit-change.ts";
import type { Commit } from "../commit-queue.ts";
import { appliedOf } from "./applied-fields.ts";
import { noteApplied, type Applied } from "./applied-plans.ts";
import type { ConfigPlan } from "./plan-config.ts";

/** `moved`: these features and segments changed since the plan was made, and nothing was applied. */
export type ApplyError =
  | {
      readonly reason: "moved";
      readonly featureIds: readonly FeatureId[];
      readonly segmentIds: readonly SegmentId[];
    }
  | ChangeError;

export type ApplyPlan = (
  plan: ConfigPlan,
  by: Attribution,
  terms?: Omit<ChangeTerms, "expectedVersion">,
) => Promise<Result<Applied, ApplyError>>;

/** What the files own from now on, and what no file owns any more. */
const appliedConfigOf = ({ hash: planHash, config, features, segments }: ConfigPlan): AppliedConfig => ({
  planHash,
  source: config.source,
  managed: config.features.map((feature) => ({
    featureId: feature.featureId,
    file: feature.file,
    applied: appliedOf(feature),
  })),
  released: features.filter(({ action }) => action === "release").map(({ featureId }) => featureId),
  managedSegments: config.segments.map(({ segmentId, file, condition, description = null }) => ({
    segmentId,
    file,
    applied: { condition, description },
  })),
  releasedSegments: segments.filter(({ action }) => action === "release").map(({ segmentId }) => segmentId),
});

/** The features among the changes whose targeting is made of the segment. */
const usersOf = (segmentId: SegmentId, changes: readonly FeatureChange[]): FeatureId[] =>
  changes
    .filter(({ uses = [] }) => uses.some((use) => use.segmentId === segmentId))
    .map(({ featureId }) => featureId);

const applyErrorOf = (error: CommitError, { changes }: ConfigPlan): ApplyError => {
  switch (error.reason) {
    case "tooLarge":
      return error;
    case "segmentConflict": {
      const { segmentId } = error;
      return { reason: "moved", featureIds: usersOf(segmentId, changes), segmentIds: [segmentId] };
    }
    case "conflict":
    case "orphan":
      return { reason: "moved", featureIds: [error.featureId], segmentIds: [] };
  }
};

export const makeApplyPlan =
  ({ pool, commit, newId }: { pool: Pool; commit: Commit; newId: () => string }): ApplyPlan =>
  async (plan, { actor, reason }, { guard, changeId, details } = {}) => {
    const { changes, segmentChanges, related } = plan;
    const config = appliedConfigOf(plan);
    if (changes.length + segmentChanges.length === 0) return ok(await noteApplied(pool, actor, config));
    const refusal = await guard?.({ related, changes });
    if (refusal !== undefined) return refusal;
    const features = changes.map((change) => withDiff(related, { ...change, reason }, details));
    const segments = segmentChanges.map((change) =>
      Object.assign({}, change, { reason, details: { ...change.details, ...details } }),
    );
    const committed = await commit({ changeId: changeId ?? newId(), actor, features, segments, config });
    return committed.ok ? ok(changedFeatures(committed.value)) : err(applyErrorOf(committed.error, plan));
  };
