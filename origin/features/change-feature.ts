// Every change of a feature, one function each: read, prepare (pure), commit in one round trip. When another change
// came first, the change is prepared again from the new state. So callers see a conflict only where they named a
// version themselves.
import type { Pool } from "../db/pool.ts";
import type { FeatureId, Revision, SegmentId } from "../../shared/ids.ts";
import { err, ok, type Err, type Result } from "../../shared/result.ts";
import type { FeatureState } from "../../shared/features/feature.ts";
import type { Rule } from "../../shared/features/rule.ts";
import type { ChangeError } from "./change-error.ts";
import { diffOf, withDiff, type FieldDiff } from "./change-diff.ts";
import type { ChangeGuard } from "./change-guard.ts";
import { findCommitted, type ChangeKind, type Committed, type FeatureChange } from "./commit-change.ts";
import { makeCommit, type OnCommitted } from "./commit-queue.ts";
import { checkSite, checkSiteOfAll, readSite } from "./check-site.ts";
import { appliedOf, type Config } from "./config/applied-fields.ts";
import { planConfig, type ConfigPlan } from "./config/plan-config.ts";
import { hashOf, type Base, type SegmentBase } from "./config/plan-hash.ts";
import { findApplied, noteApplied, type Applied } from "./config/applied-plans.ts";
import { newFeature, newFeatureWarnings, type FeatureEdit, type GivenFeature } from "./new-feature.ts";
import {
  prepareCreate,
  prepareDelete,
  prepareEnable,
  prepareRamp,
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
import type { ProposedChange } from "./proposed-change.ts";
import {
  readDeletedEpochs,
  readManyRelatedFeatures,
  readOwned,
  readRelatedFeatures,
  readUsersOf,
  type RelatedFeatures,
} from "./related-features.ts";
import type { SegmentParts } from "./segments/expand-targeting.ts";
import { readAllSegments, readNeededSegments } from "./segments/read-segments.ts";
import { readSegmentOwners } from "./segments/segment-owners.ts";

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

/** How a proposed change is carried out. */
export type ChangeTerms = {
  readonly expectedVersion?: number | undefined;
  readonly guard?: ChangeGuard | undefined;
  /** Under which the change has its effect once, however often it is carried out. */
  readonly changeId?: string | undefined;
  /** Goes into the audit beside what the change itself says there. */
  readonly details?: Readonly<Record<string, unknown>> | undefined;
};

export type CarriedOut = ChangedFeatures & {
  /** Of the feature that the change names, when it set a rule. */
  readonly ruleVersion: number | null;
  readonly warnings: readonly string[];
};

export type ChangePreview = {
  /** In full: what a new feature does not name has its default. */
  readonly change: ProposedChange;
  /** The versions that it is about. null: the feature does not exist. */
  readonly base: readonly { readonly featureId: FeatureId; readonly version: number | null }[];
  readonly diff: readonly FieldDiff[];
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
  readonly previewChange: (
    change: ProposedChange,
    by: Attribution,
    terms?: Pick<ChangeTerms, "expectedVersion" | "guard">,
  ) => Outcome<ChangePreview>;
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
  readonly applyPlan: (
    plan: ConfigPlan,
    by: Attribution,
    terms?: Pick<ChangeTerms, "guard" | "changeId" | "details">,
  ) => Promise<Result<Applied, ApplyError>>;
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

/** `moved`: these features and segments changed since the plan was made, and nothing was applied. */
export type ApplyError =
  | {
      readonly reason: "moved";
      readonly featureIds: readonly FeatureId[];
      readonly segmentIds: readonly SegmentId[];
    }
  | ChangeError;

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

export type TagRollbackCause = {
  /** Kept in the audit beside the reason. */
  readonly evidence?: Readonly<Record<string, unknown>>;
  /** Features that were opened later stay open, unless they require one that is closed. */
  readonly openedBefore?: Date;
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
    writtenTargeting: _p,
    segments: _s,
    tags: _t,
    requires: _r,
    owner: _o,
    description: _d,
    link: _u,
    removeAfter: _g,
    lockdown: _lockdown,
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

const givenOf = ({ featureId, feature }: Extract<ProposedChange, { kind: "create" }>): GivenFeature => ({
  featureId,
  ...feature,
});

const inFull = (change: ProposedChange): ProposedChange => {
  if (change.kind !== "create") return change;
  const { featureId, ...feature } = newFeature(givenOf(change));
  return { kind: "create", featureId, feature };
};

const warningsOf = (given: GivenFeature): readonly string[] => newFeatureWarnings(given, newFeature(given));

/** The features among the changes whose targeting is made of the segment. */
const usersOf = (segmentId: SegmentId, changes: readonly FeatureChange[]): FeatureId[] =>
  changes
    .filter(({ uses = [] }) => uses.some((use) => use.segmentId === segmentId))
    .map(({ featureId }) => featureId);

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

  /** The first change that disturbs what must hold of all features together. */
  const siteError = async (
    { checksSite = false }: ChangeSteps,
    [first]: readonly FeatureChange[],
  ): Promise<Err<ChangeError> | undefined> =>
    checksSite && first !== undefined ? checkSite(await readSite(pool), first, siteHosts) : undefined;

  /** null: there was nothing to change. */
  const carryOut = async (
    steps: ChangeSteps,
    { guard, changeId, details }: ChangeTerms = {},
  ): Promise<Result<CommittedChange | null, ChangeError>> => {
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
      const related = await steps.read();
      const prepared = steps.prepare(related);
      const changes = prepared.ok ? prepared.value : [];
      const refusal = prepared.ok
        ? ((await siteError(steps, changes)) ?? (await guard?.({ related, changes })))
        : prepared;
      if (refusal !== undefined) {
        const before = changeId === undefined ? null : await findCommitted(pool, changeId);
        return before === null ? refusal : ok({ committed: before, changes });
      }
      if (changes.length === 0) return ok(null);
      const features = changes.map((change) => withDiff(related, change, details));
      const committed = await commit({ changeId: changeId ?? newId(), actor: steps.actor, features });
      if (committed.ok) return ok({ committed: committed.value, changes });
      if (committed.error.reason === "tooLarge") return err(committed.error);
    }
    throw new Error(`a change lost to others ${MAX_ATTEMPTS} times in a row`);
  };

  const changeOne = async (
    steps: ChangeSteps,
    terms?: ChangeTerms,
  ): Promise<Result<CommittedChange, ChangeError>> => {
    const result = await carryOut(steps, terms);
    if (!result.ok) return result;
    if (result.value === null) throw new Error("a change of one feature changes none");
    return ok(result.value);
  };

  const stepsOf = (
    { featureId }: Target,
    { actor }: Attribution,
    prepare: (related: RelatedFeatures) => Prepared,
    { also = [], checksSite = false }: { also?: readonly FeatureId[]; checksSite?: boolean } = {},
  ): ChangeSteps => ({
    actor,
    read: () => readRelatedFeatures(pool, { featureIds: [featureId], also }),
    prepare,
    checksSite,
  });

  /** A change that may bring a targeting, which is made of the segments that it names. */
  const stepsOfTargeting = (
    target: Target,
    by: Attribution,
    { targeting, requires = [] }: Partial<FeatureEdit>,
    prepare: (related: RelatedFeatures, segments: SegmentParts) => Prepared,
  ): ChangeSteps => {
    let segments: SegmentParts = new Map();
    const steps = stepsOf(target, by, (related) => prepare(related, segments), {
      also: requires,
      checksSite: true,
    });
    return {
      ...steps,
      read: async () => {
        segments = await readNeededSegments(pool, [targeting ?? null]);
        return steps.read();
      },
    };
  };

  const stepsOfProposed = (
    change: ProposedChange,
    by: Attribution,
    expectedVersion?: number,
  ): ChangeSteps => {
    const target = { featureId: change.featureId, expectedVersion };
    switch (change.kind) {
      case "create": {
        const feature = newFeature(givenOf(change));
        return stepsOfTargeting(target, by, feature, (related, segments) =>
          prepareCreate(related, feature, by, segments),
        );
      }
      case "update": {
        const edit = change.edit;
        return stepsOfTargeting(target, by, edit, (related, segments) =>
          prepareUpdate(related, target, edit, by, segments),
        );
      }
      case "rule":
        return stepsOf(target, by, (related) => prepareRule(related, target, change.rule, by));
      case "rollout":
        return stepsOf(target, by, (related) => prepareRollout(related, target, change.shares, by));
      case "enable":
        return stepsOf(target, by, (related) => prepareEnable(related, target, change.shares, by), {
          checksSite: true,
        });
      case "ramp":
        return stepsOf(target, by, (related) => prepareRamp(related, target, change.paused, by));
      case "restart":
        return stepsOf(target, by, (related) => prepareRestart(related, target, by));
      case "delete":
        return stepsOf(target, by, (related) => prepareDelete(related, target, by));
      case "rollback":
        return stepsOf(target, by, (related) => prepareRollback(related, target, by));
    }
  };

  return {
    changeFeature: async (change, by, terms = {}) =>
      mapOk(await changeOne(stepsOfProposed(change, by, terms.expectedVersion), terms), (done) => ({
        ...changedFeatures(done),
        ruleVersion: done.committed.features[0]?.ruleVersion ?? null,
        warnings: change.kind === "create" ? warningsOf(givenOf(change)) : [],
      })),
    previewChange: async (change, by, { expectedVersion, guard } = {}) => {
      const steps = stepsOfProposed(change, by, expectedVersion);
      const related = await steps.read();
      const prepared = steps.prepare(related);
      if (!prepared.ok) return prepared;
      const refusal =
        (await siteError(steps, prepared.value)) ?? (await guard?.({ related, changes: prepared.value }));
      if (refusal !== undefined) return refusal;
      return ok({
        change: inFull(change),
        base: prepared.value.map(({ featureId, expectedVersion: version }) => ({ featureId, version })),
        diff: diffOf(related, prepared.value),
      });
    },
    createFeature: async (given, by) => {
      const { featureId, ...feature } = given;
      const steps = stepsOfProposed({ kind: "create", featureId, feature: feature }, by);
      return mapOk(await changeOne(steps), (change) => ({
        ...changedFeature(change),
        warnings: warningsOf(given),
      }));
    },
    updateFeature: async ({ featureId, expectedVersion }, edit, by) => {
      const change = { kind: "update", featureId, edit: edit } as const;
      return mapOk(await changeOne(stepsOfProposed(change, by, expectedVersion)), changedFeature);
    },
    deleteFeature: async ({ featureId, expectedVersion }, by) =>
      mapOk(
        await changeOne(stepsOfProposed({ kind: "delete", featureId }, by, expectedVersion)),
        changedFeatures,
      ),
    putRule: async ({ featureId, expectedVersion }, rule, by) =>
      mapOk(
        await changeOne(stepsOfProposed({ kind: "rule", featureId, rule }, by, expectedVersion)),
        changedFeature,
      ),
    setRollout: async (target, shares, by) => {
      const steps = stepsOf(target, by, (related) => prepareRollout(related, target, shares, by));
      return mapOk(await changeOne(steps), changedFeature);
    },
    restartTrial: async ({ featureId, expectedVersion }, by) =>
      mapOk(
        await changeOne(stepsOfProposed({ kind: "restart", featureId }, by, expectedVersion)),
        changedFeature,
      ),
    enableFeature: async ({ featureId, expectedVersion }, shares, by) =>
      mapOk(
        await changeOne(stepsOfProposed({ kind: "enable", featureId, shares }, by, expectedVersion)),
        changedFeature,
      ),
    rollbackFeature: async (target, by) => {
      const cause = { reason: by.reason, evidence: target.evidence };
      const steps = stepsOf(target, by, (related) => prepareRollback(related, target, cause));
      return mapOk(await changeOne(steps), changedFeature);
    },
    rollbackTag: async (tag, by, cause) => {
      const read = () => readRelatedFeatures(pool, { featureIds: [], tag });
      const prepare = (related: RelatedFeatures) =>
        ok(prepareTagRollback(related, tag, { ...cause, reason: by.reason }));
      const result = await carryOut({ actor: by.actor, read, prepare });
      return mapOk(result, (change) => (change === null ? null : changedFeatures(change)));
    },
    planConfig: async (config) => {
      const owned = await readOwned(pool, config.source);
      const owners = await readSegmentOwners(pool);
      const segmentIds = [
        ...config.segments.map(({ segmentId }) => segmentId),
        ...[...owners].flatMap(([id, { source }]) => (source === config.source ? [id] : [])),
      ];
      const related = await readManyRelatedFeatures(pool, {
        featureIds: [...config.features.map(({ featureId }) => featureId), ...owned],
        also: [
          ...config.features.flatMap(({ requires }) => requires ?? []),
          ...(await readUsersOf(pool, segmentIds)),
        ],
      });
      const segments = await readAllSegments(pool);
      const plan = planConfig({ related, owned, segments, owners }, config);
      if (!plan.ok) return plan;
      const disturbing = checkSiteOfAll(await readSite(pool), plan.value.changes, siteHosts);
      if (disturbing.length === 0) return plan;
      const placeOf = new Map<string, number>(config.features.map(({ featureId }, at) => [featureId, at]));
      const errors = disturbing.map(({ featureId, field, reason }) => ({
        field: placeOf.has(featureId) ? `features.${placeOf.get(featureId)}.${field}` : "segments",
        reason: `${featureId}: ${reason}`,
      }));
      return err({ reason: "invalid", errors });
    },
    hashOfPlan: hashOf,
    findApplied: (planHash) => findApplied(pool, planHash),
    applyPlan: async (plan, { actor, reason }, { guard, changeId, details } = {}) => {
      const { hash: planHash, config, changes, segmentChanges, related } = plan;
      const released = plan.features.filter(({ action }) => action === "release");
      const applied = {
        planHash,
        source: config.source,
        managed: config.features.map((feature) => ({
          featureId: feature.featureId,
          file: feature.file,
          applied: appliedOf(feature),
        })),
        released: released.map(({ featureId }) => featureId),
        managedSegments: config.segments.map(({ segmentId, file, condition, description = null }) => ({
          segmentId,
          file,
          applied: { condition, description },
        })),
        releasedSegments: plan.segments
          .filter(({ action }) => action === "release")
          .map(({ segmentId }) => segmentId),
      };
      if (changes.length + segmentChanges.length === 0) return ok(await noteApplied(pool, actor, applied));
      const refusal = await guard?.({ related, changes });
      if (refusal !== undefined) return refusal;
      const features = changes.map((change) => ({ ...withDiff(related, change, details), reason }));
      const segments = segmentChanges.map((change) =>
        Object.assign({}, change, { reason, details: { ...change.details, ...details } }),
      );
      const committed = await commit({
        changeId: changeId ?? newId(),
        actor,
        features,
        segments,
        config: applied,
      });
      if (committed.ok) {
        const { revision, at, features: changed } = committed.value;
        return ok({
          revision,
          at,
          features: changed.map(({ featureId, version }) => ({ featureId, version })),
        });
      }
      const { error } = committed;
      if (error.reason === "tooLarge") return err(error);
      return err(
        error.reason === "segmentConflict"
          ? {
              reason: "moved",
              featureIds: usersOf(error.segmentId, changes),
              segmentIds: [error.segmentId],
            }
          : { reason: "moved", featureIds: [error.featureId], segmentIds: [] },
      );
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
