// Every change of a feature, one function each. change-steps.ts says what each reads and prepares, carry-out.ts commits it.
import type { Pool } from "../db/pool.ts";
import type { Rule } from "../../shared/features/rule.ts";
import { ok, type Result } from "../../shared/result.ts";
import { makeCarryOut, makePrepareChecked, type ChangeTerms, type CommittedChange } from "./carry-out.ts";
import type { ChangeError } from "./change-error.ts";
import { makeChangeSteps, type Attribution, type ChangeSteps } from "./change-steps.ts";
import {
  changedFeature,
  changedFeatures,
  type ChangedFeature,
  type ChangedFeatures,
} from "./changed-features.ts";
import { makeCommit, type OnCommitted } from "./commit-queue.ts";
import type { Config } from "./config/applied-fields.ts";
import { findApplied, type Applied } from "./config/applied-plans.ts";
import { makeApplyPlan, type ApplyPlan } from "./config/apply-plan.ts";
import type { ConfigPlan } from "./config/plan-config.ts";
import { hashOf, type Base, type SegmentBase } from "./config/plan-hash.ts";
import { planStored } from "./config/plan-stored.ts";
import {
  givenFeature,
  newFeature,
  newFeatureWarnings,
  type FeatureEdit,
  type GivenFeature,
} from "./new-feature.ts";
import type { RolloutTarget, Shares, Target } from "./prepare-change.ts";
import type { RecoverySource, Witnessed } from "./prepare-recovery.ts";
import type { RollbackTarget, TagRollbackCause } from "./prepare-rollback.ts";
import { makePreviewChange, type PreviewChange } from "./preview-change.ts";
import type { ProposedChange } from "./proposed-change.ts";
import { recoveredFeatures, stepsOfRecovery, type RecoveredFeatures } from "./recover-features.ts";

export type CarriedOut = ChangedFeatures & {
  /** Of the feature that the change names, when it set a rule. */
  readonly ruleVersion: number | null;
  readonly warnings: readonly string[];
};

type Outcome<T> = Promise<Result<T, ChangeError>>;

export type FeatureChanges = {
  /** Any change of one feature, with what it does to others. The functions below are short ways to it. */
  readonly changeFeature: (
    change: ProposedChange,
    by: Attribution,
    terms?: ChangeTerms,
  ) => Outcome<CarriedOut>;
  /** What the change would do now. Nothing is written. */
  readonly previewChange: PreviewChange;
  /** Fields that are not given get their defaults; `warnings` says where one may not be expected. */
  readonly createFeature: (
    given: GivenFeature,
    by: Attribution,
  ) => Outcome<ChangedFeature & { readonly warnings: readonly string[] }>;
  readonly updateFeature: (
    target: Target,
    edit: Partial<FeatureEdit>,
    by: Attribution,
  ) => Outcome<ChangedFeature>;
  readonly deleteFeature: (target: Target, by: Attribution) => Outcome<ChangedFeatures>;
  readonly putRule: (target: Target, rule: Rule, by: Attribution) => Outcome<ChangedFeature>;
  readonly setRollout: (
    target: RolloutTarget,
    shares: Shares & { readonly rolloutBps: number },
    by: Attribution,
  ) => Outcome<ChangedFeature>;
  /** Its evidence starts from nothing; the rollout stays. */
  readonly restartTrial: (target: Target, by: Attribution) => Outcome<ChangedFeature>;
  /** Without `rolloutBps` the rollout goes back to what it was before the rollback. */
  readonly enableFeature: (target: Target, shares: Shares, by: Attribution) => Outcome<ChangedFeature>;
  /** By hand, or by a decision, which names the version and epoch that it is about and its evidence. */
  readonly rollbackFeature: (target: RollbackTarget, by: Attribution) => Outcome<ChangedFeature>;
  /** All open features with the tag, and their dependents, in one revision; null when there is none. */
  readonly rollbackTag: (
    tag: string,
    by: Attribution,
    cause?: TagRollbackCause,
  ) => Outcome<ChangedFeatures | null>;
  /** What the files would change. Errors name each wrong field by its feature's place in `features`. */
  readonly planConfig: (config: Config) => Outcome<ConfigPlan>;
  /** Carries the plan out in one revision, or not at all. A plan that was applied before has no second effect. */
  readonly applyPlan: ApplyPlan;
  /** null: no plan with this hash was applied. */
  readonly findApplied: (planHash: string) => Promise<Applied | null>;
  /** The same files, planned on the versions that a plan was based on: its hash. */
  readonly hashOfPlan: (
    config: Config,
    base: readonly Base[],
    baseSegments: readonly SegmentBase[],
  ) => string;
  /** Takes over what an edge knows and the database has lost. Closes, and opens nothing; null when nothing was lost. */
  readonly recoverFeatures: (
    held: readonly Witnessed[],
    source: RecoverySource,
  ) => Outcome<RecoveredFeatures | null>;
};

const warningsOf = (given: GivenFeature): readonly string[] => newFeatureWarnings(given, newFeature(given));

const mapOk = <A, B>(result: Result<A, ChangeError>, to: (value: A) => B): Result<B, ChangeError> =>
  result.ok ? ok(to(result.value)) : result;

/**
 * `newId` makes the uuid under which a change can be repeated without effect. `siteHosts`: names under which visitors
 * reach the site, as far as they are known. `onCommitted` hears of each commit.
 */
export const makeFeatureChanges = ({
  pool,
  newId,
  siteHosts = [],
  onCommitted,
}: {
  pool: Pool;
  newId: () => string;
  siteHosts?: readonly string[];
  onCommitted?: OnCommitted;
}): FeatureChanges => {
  const commit = makeCommit(pool, onCommitted === undefined ? {} : { onCommitted });
  const prepareChecked = makePrepareChecked({ pool, siteHosts });
  const carryOut = makeCarryOut({ pool, commit, newId, prepareChecked });
  const steps = makeChangeSteps(pool);

  const changeOne = async (
    stepsOfOne: ChangeSteps,
    terms?: ChangeTerms,
  ): Promise<Result<CommittedChange, ChangeError>> => {
    const result = await carryOut(stepsOfOne, terms);
    if (!result.ok) return result;
    if (result.value === null) throw new Error("a change of one feature changes none");
    return ok(result.value);
  };

  const changeProposed = (
    change: ProposedChange,
    by: Attribution,
    terms: ChangeTerms = {},
  ): Promise<Result<CommittedChange, ChangeError>> =>
    changeOne(steps.ofProposed(change, by, terms.expectedVersion), terms);

  return {
    changeFeature: async (change, by, terms) =>
      mapOk(await changeProposed(change, by, terms), ({ committed }) => ({
        ...changedFeatures(committed),
        ruleVersion: committed.features[0]?.ruleVersion ?? null,
        warnings: change.kind === "create" ? warningsOf(givenFeature(change)) : [],
      })),
    previewChange: makePreviewChange({ steps, prepareChecked }),
    createFeature: async (given, by) => {
      const { featureId, ...feature } = given;
      return mapOk(await changeProposed({ kind: "create", featureId, feature }, by), (change) => ({
        ...changedFeature(change),
        warnings: warningsOf(given),
      }));
    },
    updateFeature: async ({ featureId, expectedVersion }, edit, by) =>
      mapOk(
        await changeProposed({ kind: "update", featureId, edit }, by, { expectedVersion }),
        changedFeature,
      ),
    deleteFeature: async ({ featureId, expectedVersion }, by) =>
      mapOk(await changeProposed({ kind: "delete", featureId }, by, { expectedVersion }), ({ committed }) =>
        changedFeatures(committed),
      ),
    putRule: async ({ featureId, expectedVersion }, rule, by) =>
      mapOk(await changeProposed({ kind: "rule", featureId, rule }, by, { expectedVersion }), changedFeature),
    restartTrial: async ({ featureId, expectedVersion }, by) =>
      mapOk(await changeProposed({ kind: "restart", featureId }, by, { expectedVersion }), changedFeature),
    enableFeature: async ({ featureId, expectedVersion }, shares, by) =>
      mapOk(
        await changeProposed({ kind: "enable", featureId, shares }, by, { expectedVersion }),
        changedFeature,
      ),
    setRollout: async (target, shares, by) =>
      mapOk(await changeOne(steps.ofRollout(target, shares, by)), changedFeature),
    rollbackFeature: async (target, by) =>
      mapOk(await changeOne(steps.ofRollback(target, by)), changedFeature),
    rollbackTag: async (tag, by, cause) =>
      mapOk(
        await carryOut(steps.ofTagRollback(tag, by, cause)),
        (change) => change && changedFeatures(change.committed),
      ),
    recoverFeatures: async (held, source) =>
      mapOk(
        await carryOut(stepsOfRecovery(pool, held, source)),
        (change) => change && recoveredFeatures(change),
      ),
    planConfig: (config) => planStored(pool, config, siteHosts),
    applyPlan: makeApplyPlan({ pool, commit, newId }),
    findApplied: (planHash) => findApplied(pool, planHash),
    hashOfPlan: hashOf,
  };
};
