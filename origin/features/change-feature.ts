// Every change of a feature's state, one function each: read, plan (pure), commit in one round trip. A plan that
// another change overtook is made again from the new state, so callers see typed conflicts only where they named a
// version themselves.
import type { Pool } from "../db/pool.ts";
import type { FeatureId, Revision } from "../../shared/ids.ts";
import { ok, type Result } from "../../shared/result.ts";
import type { FeatureState } from "../../shared/features/feature.ts";
import type { Rule } from "../../shared/features/rule.ts";
import { makeCommit, type Committed, type FeatureChange } from "./commit-change.ts";
import {
  planCreate,
  planDelete,
  planEnable,
  planRollback,
  planRollout,
  planRule,
  planTagRollback,
  planUpdate,
  type ChangeError,
  type FeatureEdit,
  type NewFeature,
  type Plan,
  type RolloutTarget,
  type Target,
} from "./prepare-change.ts";
import { readFamily, type Family } from "./feature-record.ts";

/** Who and why; both go into the audit. */
export type By = { readonly actor: string; readonly reason: string };

export type Changed = {
  readonly state: FeatureState;
  readonly revision: Revision;
  readonly version: number;
  /** The rule's version, when the change set one. */
  readonly ruleVersion: number | null;
  /** Time of the commit by the database's clock. */
  readonly at: Date;
};

export type Closed = {
  readonly revision: Revision;
  readonly at: Date;
  readonly features: readonly { readonly featureId: FeatureId; readonly version: number }[];
};

type Outcome<T> = Promise<Result<T, ChangeError>>;

export type FeatureChanges = {
  readonly createFeature: (feature: NewFeature, by: By) => Outcome<Changed>;
  readonly updateFeature: (target: Target, edit: Partial<FeatureEdit>, by: By) => Outcome<Changed>;
  readonly deleteFeature: (target: Target, by: By) => Outcome<Closed>;
  readonly putRule: (target: Target, rule: Rule, by: By) => Outcome<Changed>;
  readonly setRollout: (target: RolloutTarget, rolloutBps: number, by: By) => Outcome<Changed>;
  /** Without `rolloutBps` it goes back to what it was before the rollback. */
  readonly enableFeature: (target: Target, rolloutBps: number | undefined, by: By) => Outcome<Changed>;
  /** By hand, or by a decision, which names the version and epoch that it is about and its evidence. */
  readonly rollbackFeature: (target: RollbackTarget, by: By) => Outcome<Changed>;
  /** All open features with the tag, and their dependents, in one revision; null when there is none. */
  readonly rollbackTag: (tag: string, by: By) => Outcome<Closed | null>;
};

export type RollbackTarget = Target & {
  readonly epoch?: number | undefined;
  readonly evidence?: Readonly<Record<string, unknown>> | undefined;
};

/** A change loses only to changes of the same features that came first; so many in a row are a fault elsewhere. */
const MAX_ATTEMPTS = 50;

type Work = {
  readonly actor: string;
  readonly read: () => Promise<Family>;
  readonly plan: (family: Family) => Plan;
};
type Done = { readonly committed: Committed; readonly changes: readonly FeatureChange[] };

const changedOf = ({ committed, changes }: Done): Changed => {
  const change = changes[0];
  const done = committed.features[0];
  if (change === undefined || done === undefined || change.next === null)
    throw new Error("a committed change has no feature");
  const {
    tags: _t,
    requires: _r,
    rolloutBeforeBps: _b,
    rollbackReason: _w,
    latched: _l,
    ...edge
  } = change.next;
  return {
    state: { ...edge, featureId: change.featureId, epoch: done.epoch, version: done.version },
    revision: committed.revision,
    version: done.version,
    ruleVersion: done.ruleVersion,
    at: committed.at,
  };
};

const closedOf = ({ committed }: Done): Closed => ({
  revision: committed.revision,
  at: committed.at,
  features: committed.features.map(({ featureId, version }) => ({ featureId, version })),
});

const mapOk = <A, B>(result: Result<A, ChangeError>, to: (value: A) => B): Result<B, ChangeError> =>
  result.ok ? ok(to(result.value)) : result;

/** `newId` makes the uuid under which a change can be repeated without effect. */
export const makeFeatureChanges = ({ pool, newId }: { pool: Pool; newId: () => string }): FeatureChanges => {
  const commit = makeCommit(pool);

  const carryOut = async ({ actor, read, plan }: Work): Promise<Result<Done | null, ChangeError>> => {
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
      const planned = plan(await read());
      if (!planned.ok) return planned;
      if (planned.value.length === 0) return ok(null);
      const done = await commit({ changeId: newId(), actor, features: planned.value });
      if (done.ok) return ok({ committed: done.value, changes: planned.value });
    }
    throw new Error(`a change lost to others ${MAX_ATTEMPTS} times in a row`);
  };

  const one = async (work: Work): Promise<Result<Done, ChangeError>> => {
    const done = await carryOut(work);
    if (!done.ok) return done;
    if (done.value === null) throw new Error("the plan for one feature changes none");
    return ok(done.value);
  };

  const onFeature = (
    { featureId }: Target,
    { actor }: By,
    plan: (family: Family) => Plan,
    also: readonly FeatureId[] = [],
  ) => one({ actor, read: () => readFamily(pool, { featureIds: [featureId], also }), plan });

  return {
    createFeature: async (feature, by) =>
      mapOk(
        await onFeature(feature, by, (family) => planCreate(family, feature, by), feature.requires),
        changedOf,
      ),
    updateFeature: async (target, edit, by) =>
      mapOk(
        await onFeature(target, by, (family) => planUpdate(family, target, edit, by), edit.requires),
        changedOf,
      ),
    deleteFeature: async (target, by) =>
      mapOk(await onFeature(target, by, (family) => planDelete(family, target, by)), closedOf),
    putRule: async (target, rule, by) =>
      mapOk(await onFeature(target, by, (family) => planRule(family, target, rule, by)), changedOf),
    setRollout: async (target, rolloutBps, by) =>
      mapOk(await onFeature(target, by, (family) => planRollout(family, target, rolloutBps, by)), changedOf),
    enableFeature: async (target, rolloutBps, by) =>
      mapOk(await onFeature(target, by, (family) => planEnable(family, target, rolloutBps, by)), changedOf),
    rollbackFeature: async (target, by) =>
      mapOk(
        await onFeature(target, by, (family) =>
          planRollback(family, target, { reason: by.reason, evidence: target.evidence }),
        ),
        changedOf,
      ),
    rollbackTag: async (tag, by) =>
      mapOk(
        await carryOut({
          actor: by.actor,
          read: () => readFamily(pool, { featureIds: [], tag }),
          plan: (family) => ok(planTagRollback(family, tag, by)),
        }),
        (done) => (done === null ? null : closedOf(done)),
      ),
  };
};
