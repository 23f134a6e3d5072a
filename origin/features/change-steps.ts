// What each kind of change reads and prepares. Nothing is written here: carry-out.ts commits what the steps prepare.
import type { Queryable } from "../db/pool.ts";
import type { FeatureId } from "../../shared/ids.ts";
import { ok } from "../../shared/result.ts";
import { givenFeature, newFeature, type FeatureEdit } from "./new-feature.ts";
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
import {
  prepareRollback,
  prepareTagRollback,
  type RollbackTarget,
  type TagRollbackCause,
} from "./prepare-rollback.ts";
import type { ProposedChange } from "./proposed-change.ts";
import { readRelatedFeatures, type RelatedFeatures } from "./related-features.ts";
import type { SegmentParts } from "./segments/expand-targeting.ts";
import { readNeededSegments } from "./segments/read-segments.ts";

/** Who changes the feature and why; both go into the audit. */
export type Attribution = { readonly actor: string; readonly reason: string };

export type ChangeSteps = {
  readonly actor: string;
  readonly read: () => Promise<RelatedFeatures>;
  readonly prepare: (related: RelatedFeatures) => Prepared;
  /** What must hold of all features together is checked too. */
  readonly checksSite?: boolean;
};

export type StepsOfChanges = ReturnType<typeof makeChangeSteps>;

export const makeChangeSteps = (db: Queryable) => {
  const stepsOf = (
    { featureId }: Target,
    { actor }: Attribution,
    prepare: (related: RelatedFeatures) => Prepared,
    { also = [], checksSite = false }: { also?: readonly FeatureId[]; checksSite?: boolean } = {},
  ): ChangeSteps => ({
    actor,
    read: () => readRelatedFeatures(db, { featureIds: [featureId], also }),
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
        segments = await readNeededSegments(db, [targeting ?? null]);
        return steps.read();
      },
    };
  };

  return {
    ofProposed: (change: ProposedChange, by: Attribution, expectedVersion?: number): ChangeSteps => {
      const target = { featureId: change.featureId, expectedVersion };
      switch (change.kind) {
        case "create": {
          const feature = newFeature(givenFeature(change));
          return stepsOfTargeting(target, by, feature, (related, segments) =>
            prepareCreate(related, feature, by, segments),
          );
        }
        case "update": {
          const { edit } = change;
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
    },

    ofRollout: (
      target: RolloutTarget,
      shares: Shares & { readonly rolloutBps: number },
      by: Attribution,
    ): ChangeSteps => stepsOf(target, by, (related) => prepareRollout(related, target, shares, by)),

    ofRollback: (target: RollbackTarget, by: Attribution): ChangeSteps => {
      const cause = { reason: by.reason, evidence: target.evidence };
      return stepsOf(target, by, (related) => prepareRollback(related, target, cause));
    },

    ofTagRollback: (tag: string, { actor, reason }: Attribution, cause?: TagRollbackCause): ChangeSteps => ({
      actor,
      read: () => readRelatedFeatures(db, { featureIds: [], tag }),
      prepare: (related) => ok(prepareTagRollback(related, tag, { ...cause, reason })),
    }),
  };
};
