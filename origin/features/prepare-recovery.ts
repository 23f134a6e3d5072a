// What an edge knows and the database has lost: closes, epochs that a person began, and features that are unknown here. Pure.
// Closing wins: whatever an edge holds closed in the feature's epoch or a later one is closed here too, and nothing is opened.
import type { FeatureId } from "../../shared/ids.ts";
import { ok } from "../../shared/result.ts";
import type { HeldFeature, HistoryPoint } from "../../shared/snapshot/push-message.ts";
import type { FeatureChange } from "./commit-change.ts";
import type { FeatureRecord } from "./feature-record.ts";
import { changeOf, nextState, type Prepared } from "./prepare-change.ts";
import { rollBack } from "./prepare-rollback.ts";
import { dependentsOf, type RelatedFeatures } from "./related-features.ts";

/** What an edge holds. `epoch` is null at an edge of an older version, which does not tell it: it means the feature's own. */
export type Witnessed = Omit<HeldFeature, "epoch"> & { readonly epoch: number | null };

/** Where the knowledge comes from. `point` is the edge's state, where it is of another history. */
export type RecoverySource = { readonly edge: string; readonly point?: HistoryPoint | undefined };

/** A database lacks a few epochs at most. A number beyond that closes the feature and is otherwise not believed. */
const MAX_EPOCHS_AHEAD = 1_000;

const believed = ({ state }: FeatureRecord, { epoch }: Witnessed): number =>
  epoch === null || epoch > state.epoch + MAX_EPOCHS_AHEAD ? state.epoch : Math.max(state.epoch, epoch);

/**
 * A feature that only the lost history had. It is gone with that history, and its deletion is written down: so whoever makes
 * a feature of this name begins an epoch that no edge has seen, and no evidence of the lost one counts for it.
 */
const forget = (
  { featureId, closed, epoch }: Witnessed,
  deletedEpoch: number,
  { edge, point }: RecoverySource,
): FeatureChange[] => {
  const last = Math.min(epoch ?? 1, MAX_EPOCHS_AHEAD);
  if (last <= deletedEpoch) return [];
  return [
    {
      featureId,
      expectedVersion: null,
      kind: "delete",
      reason: `recovered from edge ${edge}`,
      details: { recovered: { edge, epoch, closed, ...point } },
      next: null,
      rule: null,
      epoch: last,
    },
  ];
};

const inEpoch = (change: FeatureChange, epoch: number): FeatureChange => ({
  ...change,
  next: change.next && { ...change.next, epoch },
});

/** `deletedEpochs`: the last epochs of features that were deleted here. */
export const prepareRecovery = (
  { related, deletedEpochs }: { related: RelatedFeatures; deletedEpochs: ReadonlyMap<FeatureId, number> },
  held: readonly Witnessed[],
  source: RecoverySource,
): Prepared => {
  const { edge, point } = source;
  const reason = `recovered from edge ${edge}`;
  const changes = new Map<string, FeatureChange>();
  const known = held.flatMap((one) => {
    const record = related.get(one.featureId);
    return record === undefined ? [] : [{ one, record }];
  });
  for (const { one, record } of known) {
    const { state } = record;
    const details = { recovered: { edge, epoch: one.epoch, closed: one.closed, ...point } };
    const epoch = believed(record, one);
    if (one.closed && state.enabled && (one.epoch ?? state.epoch) >= state.epoch)
      changes.set(state.featureId, inEpoch(rollBack(record, reason, details), epoch));
    else if (epoch > state.epoch)
      // A person's next epoch has to be later than any that the edges have seen.
      changes.set(
        state.featureId,
        inEpoch(changeOf(record, { kind: "update", reason, details, next: nextState(record) }), epoch),
      );
  }
  const closing = [...changes.values()].filter(({ kind }) => kind === "rollback");
  const because = closing.map(({ featureId }) => featureId);
  for (const record of dependentsOf(related, because))
    if (record.state.enabled)
      changes.set(
        record.state.featureId,
        rollBack(record, `requires ${because.join(", ")}: ${reason}`, { because }),
      );
  const unknown = held.filter(({ featureId }) => !related.has(featureId));
  const forgotten = unknown.flatMap((one) => forget(one, deletedEpochs.get(one.featureId) ?? 0, source));
  return ok([...changes.values(), ...forgotten]);
};
