// What a rollback does: it closes the features and every open feature that requires one of them. Pure.
import { err, ok } from "../../shared/result.ts";
import type { FeatureChange } from "./commit-change.ts";
import type { FeatureRecord } from "./feature-record.ts";
import {
  changeOf,
  findTarget,
  nextState,
  type Prepared,
  type Reason,
  type Target,
} from "./prepare-change.ts";
import { dependentsOf, type RelatedFeatures } from "./related-features.ts";

export type RollbackCause = Reason & {
  /** The decision document, counts and all; kept in the audit. */
  readonly evidence?: Readonly<Record<string, unknown>> | undefined;
};

/** `epoch`, `evidence`: of the decision that the rollback carries out; a person who acts by hand names none. */
export type RollbackTarget = Target & {
  readonly epoch?: number | undefined;
  readonly evidence?: RollbackCause["evidence"];
};

export type TagRollbackCause = {
  /** Kept in the audit beside the reason. */
  readonly evidence?: RollbackCause["evidence"];
  /** Features that were opened later stay open, unless they require one that is closed. */
  readonly openedBefore?: Date | undefined;
};

export const rollBack = (
  record: FeatureRecord,
  reason: string,
  details: Record<string, unknown>,
): FeatureChange =>
  changeOf(record, {
    kind: "rollback",
    reason,
    details: { rolloutBeforeBps: record.state.rolloutBps, ...details },
    next: {
      ...nextState(record),
      enabled: false,
      rolloutBps: 0,
      rolloutBeforeBps: record.state.rolloutBps,
      rollbackReason: reason,
      latched: true,
    },
  });

/** Rolls back the features and every open feature that requires one of them. */
const rollBackAll = (
  related: RelatedFeatures,
  roots: readonly FeatureRecord[],
  cause: RollbackCause,
): FeatureChange[] => {
  const rootIds = roots.map((record) => record.state.featureId);
  const dependents = dependentsOf(related, rootIds).filter((record) => record.state.enabled);
  const evidence = cause.evidence === undefined ? {} : { evidence: cause.evidence };
  return [
    ...roots.map((record) => rollBack(record, cause.reason, evidence)),
    ...dependents.map((record) =>
      rollBack(record, `requires ${rootIds.join(", ")}: ${cause.reason}`, { because: rootIds }),
    ),
  ];
};

export const prepareRollback = (
  related: RelatedFeatures,
  { featureId, expectedVersion, epoch }: Omit<RollbackTarget, "evidence">,
  cause: RollbackCause,
): Prepared => {
  const found = findTarget(related, { featureId });
  if (!found.ok) return found;
  const { state } = found.value;
  if (!state.enabled) return err({ reason: "alreadyClosed", have: state.version });
  if (epoch !== undefined && epoch !== state.epoch)
    return err({ reason: "epochConflict", have: state.epoch });
  if (expectedVersion !== undefined && expectedVersion !== state.version)
    return err({ reason: "versionConflict", have: state.version });
  return ok(rollBackAll(related, [found.value], cause));
};

/** Closes every open feature that carries the tag; none is a success with nothing to do. */
export const prepareTagRollback = (
  related: RelatedFeatures,
  tag: string,
  { openedBefore, ...cause }: TagRollbackCause & Reason,
): FeatureChange[] =>
  rollBackAll(
    related,
    [...related.values()].filter(
      ({ state, tags, epochStartedAt }) =>
        state.enabled && tags.includes(tag) && (openedBefore === undefined || epochStartedAt <= openedBefore),
    ),
    cause,
  );
