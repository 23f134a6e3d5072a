// Every change of a feature, one function each: read, prepare (pure), commit in one round trip. When another change
// came first, the change is prepared again from the new state. So callers see a conflict only where they named a
// version themselves.
import type { Pool } from "../db/pool.ts";
import type { FeatureId, Revision } from "../../shared/ids.ts";
import { err, ok, type Result } from "../../shared/result.ts";
import type { FeatureState } from "../../shared/features/feature.ts";
import type { Rule } from "../../shared/features/rule.ts";
import type { ChangeError } from "./change-error.ts";
import type { ChangeKind, Committed, FeatureChange } from "./commit-change.ts";
import { makeCommit } from "./commit-queue.ts";
import { checkSite, readSite } from "./check-site.ts";
import { newFeature, newFeatureWarnings, type FeatureEdit, type GivenFeature } from "./new-feature.ts";
import {
  prepareCreate,
  prepareDelete,
  prepareEnable,
  prepareRestart,
  prepareRollout,
  prepareRule,
  prepareUpdate,
  type Prepared,
  type RolloutTarget,
  type Shares,
  type Target,
} from "./prepare-change.ts";
import { prepareRecovery, type RecoverySource, type Witnessed } from "./prepare-recovery.ts";
import { prepareRollback, prepareTagRollback } from "./prepare-rollback.ts";
import { readDeletedEpochs, readRelatedFeatures, type RelatedFeatures } from "./related-features.ts";

/** Who changes the feature and why; both go into the audit. */
export type Attribution = { readonly actor: string; readonly reason: string };

export type ChangedFeature = {
  readonly state: FeatureState;
  readonly revision: Revision;
  readonly version: number;
  /** The rule's version, when the change set one. */
  readonly ruleVersion: number | null;
  /** Time of the commit by the database's clock. */
  readonly at: Date;
};

export type ChangedFeatures = {
  readonly revision: Revision;
  readonly at: Date;
  readonly features: readonly { readonly featureId: FeatureId; readonly version: number }[];
};

type Outcome<T> = Promise<Result<T, ChangeError>>;

export type FeatureChanges = {
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
  readonly rollbackTag: (tag: string, by: Attribution) => Outcome<ChangedFeatures | null>;
  /** Takes over what an edge knows and the database has lost. Closes, and opens nothing; null when nothing was lost. */
  readonly recoverFeatures: (
    held: readonly Witnessed[],
    source: RecoverySource,
  ) => Outcome<RecoveredFeatures | null>;
};

export type RecoveredFeatures = {
  readonly revision: Revision;
  /** The features that were closed. */
  readonly closed: readonly FeatureId[];
  /** Features that only the lost history had. */
  readonly forgotten: readonly FeatureId[];
};

export type RollbackTarget = Target & {
  readonly epoch?: number | undefined;
  readonly evidence?: Readonly<Record<string, unknown>> | undefined;
};

/** A change loses only to changes of the same features that came first; so many in a row are a fault elsewhere. */
const MAX_ATTEMPTS = 50;

type ChangeSteps = {
  readonly actor: string;
  readonly read: () => Promise<RelatedFeatures>;
  readonly prepare: (related: RelatedFeatures) => Prepared;
  /** What must hold of all features together is checked too. */
  readonly checksSite?: boolean;
};
type CommittedChange = { readonly committed: Committed; readonly changes: readonly FeatureChange[] };

const changedFeature = ({ committed, changes }: CommittedChange): ChangedFeature => {
  const change = changes[0];
  const feature = committed.features[0];
  if (change === undefined || feature === undefined || change.next === null)
    throw new Error("a committed change has no feature");
  const {
    tags: _t,
    requires: _r,
    rolloutBeforeBps: _b,
    rollbackReason: _w,
    latched: _l,
    ...edge
  } = change.next;
  const { epoch, version, ruleVersion } = feature;
  return {
    state: { ...edge, featureId: change.featureId, epoch, version },
    revision: committed.revision,
    version,
    ruleVersion,
    at: committed.at,
  };
};

const changedFeatures = ({ committed }: CommittedChange): ChangedFeatures => ({
  revision: committed.revision,
  at: committed.at,
  features: committed.features.map(({ featureId, version }) => ({ featureId, version })),
});

const recoveredFeatures = ({ committed, changes }: CommittedChange): RecoveredFeatures => {
  const idsOf = (wanted: ChangeKind) =>
    changes.filter(({ kind }) => kind === wanted).map(({ featureId }) => featureId);
  return { revision: committed.revision, closed: idsOf("rollback"), forgotten: idsOf("delete") };
};

const mapOk = <A, B>(result: Result<A, ChangeError>, to: (value: A) => B): Result<B, ChangeError> =>
  result.ok ? ok(to(result.value)) : result;

/**
 * `newId` makes the uuid under which a change can be repeated without effect. `siteHosts`: names under which visitors
 * reach the site, as far as they are known.
 */
export const makeFeatureChanges = ({
  pool,
  newId,
  siteHosts = [],
}: {
  pool: Pool;
  newId: () => string;
  siteHosts?: readonly string[];
}): FeatureChanges => {
  const commit = makeCommit(pool);

  /** null: there was nothing to change. */
  const carryOut = async (steps: ChangeSteps): Promise<Result<CommittedChange | null, ChangeError>> => {
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
      const prepared = steps.prepare(await steps.read());
      if (!prepared.ok) return prepared;
      const [first] = prepared.value;
      if (first === undefined) return ok(null);
      const disturbs =
        steps.checksSite === true ? checkSite(await readSite(pool), first, siteHosts) : undefined;
      if (disturbs !== undefined) return disturbs;
      const committed = await commit({ changeId: newId(), actor: steps.actor, features: prepared.value });
      if (committed.ok) return ok({ committed: committed.value, changes: prepared.value });
      if (committed.error.reason === "tooLarge") return err(committed.error);
    }
    throw new Error(`a change lost to others ${MAX_ATTEMPTS} times in a row`);
  };

  const changeOne = async (
    { featureId }: Target,
    { actor }: Attribution,
    prepare: (related: RelatedFeatures) => Prepared,
    { also = [], checksSite = false }: { also?: readonly FeatureId[]; checksSite?: boolean } = {},
  ): Promise<Result<CommittedChange, ChangeError>> => {
    const read = () => readRelatedFeatures(pool, { featureIds: [featureId], also });
    const result = await carryOut({ actor, read, prepare, checksSite });
    if (!result.ok) return result;
    if (result.value === null) throw new Error("a change of one feature changes none");
    return ok(result.value);
  };

  return {
    createFeature: async (given, by) => {
      const feature = newFeature(given);
      const prepare = (related: RelatedFeatures) => prepareCreate(related, feature, by);
      return mapOk(
        await changeOne(feature, by, prepare, { also: feature.requires, checksSite: true }),
        (change) => ({
          ...changedFeature(change),
          warnings: newFeatureWarnings(given, feature),
        }),
      );
    },
    updateFeature: async (target, edit, by) => {
      const prepare = (related: RelatedFeatures) => prepareUpdate(related, target, edit, by);
      return mapOk(
        await changeOne(target, by, prepare, { also: edit.requires ?? [], checksSite: true }),
        changedFeature,
      );
    },
    deleteFeature: async (target, by) => {
      const prepare = (related: RelatedFeatures) => prepareDelete(related, target, by);
      return mapOk(await changeOne(target, by, prepare), changedFeatures);
    },
    putRule: async (target, rule, by) => {
      const prepare = (related: RelatedFeatures) => prepareRule(related, target, rule, by);
      return mapOk(await changeOne(target, by, prepare), changedFeature);
    },
    setRollout: async (target, shares, by) => {
      const prepare = (related: RelatedFeatures) => prepareRollout(related, target, shares, by);
      return mapOk(await changeOne(target, by, prepare), changedFeature);
    },
    restartTrial: async (target, by) => {
      const prepare = (related: RelatedFeatures) => prepareRestart(related, target, by);
      return mapOk(await changeOne(target, by, prepare), changedFeature);
    },
    enableFeature: async (target, shares, by) => {
      const prepare = (related: RelatedFeatures) => prepareEnable(related, target, shares, by);
      return mapOk(await changeOne(target, by, prepare, { checksSite: true }), changedFeature);
    },
    rollbackFeature: async (target, by) => {
      const cause = { reason: by.reason, evidence: target.evidence };
      const prepare = (related: RelatedFeatures) => prepareRollback(related, target, cause);
      return mapOk(await changeOne(target, by, prepare), changedFeature);
    },
    rollbackTag: async (tag, by) => {
      const read = () => readRelatedFeatures(pool, { featureIds: [], tag });
      const prepare = (related: RelatedFeatures) => ok(prepareTagRollback(related, tag, by));
      const result = await carryOut({ actor: by.actor, read, prepare });
      return mapOk(result, (change) => (change === null ? null : changedFeatures(change)));
    },
    recoverFeatures: async (held, source) => {
      const featureIds = held.map(({ featureId }) => featureId);
      let deletedEpochs: ReadonlyMap<FeatureId, number> = new Map();
      const read = async () => {
        deletedEpochs = await readDeletedEpochs(pool, featureIds);
        return readRelatedFeatures(pool, { featureIds });
      };
      const prepare = (related: RelatedFeatures) => prepareRecovery({ related, deletedEpochs }, held, source);
      return mapOk(await carryOut({ actor: "sluice", read, prepare }), (change) =>
        change === null ? null : recoveredFeatures(change),
      );
    },
  };
};
