// What an edge knows and the database has lost: closes, and epochs that a person began. Pure. Closing wins: whatever an
// edge holds closed in the feature's epoch or a later one is closed here too, and nothing is opened.
import { ok } from "../../shared/result.ts";
import type { HeldFeature, HistoryPoint } from "../../shared/snapshot/push-message.ts";
import type { FeatureChange } from "./commit-change.ts";
import type { FeatureRecord } from "./feature-record.ts";
import { changeOf, nextState, type Prepared } from "./prepare-change.ts";
import { rollBack } from "./prepare-rollback.ts";
import { dependentsOf, type RelatedFeatures } from "./related-features.ts";

/** Where the knowledge comes from. `point` is the edge's state, where it is of another history. */
export type RecoverySource = { readonly edge: string; readonly point?: HistoryPoint | undefined };

/** A database lacks a few epochs at most. A number beyond that closes the feature and is otherwise not believed. */
const MAX_EPOCHS_AHEAD = 1_000;

const believed = (record: FeatureRecord, held: HeldFeature): number =>
  held.epoch > record.state.epoch + MAX_EPOCHS_AHEAD
    ? record.state.epoch
    : Math.max(record.state.epoch, held.epoch);

const inEpoch = (change: FeatureChange, epoch: number): FeatureChange => ({
  ...change,
  next: change.next && { ...change.next, epoch },
});

export const prepareRecovery = (
  related: RelatedFeatures,
  held: readonly HeldFeature[],
  { edge, point }: RecoverySource,
): Prepared => {
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
    if (one.closed && state.enabled && one.epoch >= state.epoch)
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
    if (record.state.enabled && changes.get(record.state.featureId)?.kind !== "rollback")
      changes.set(
        record.state.featureId,
        rollBack(record, `requires ${because.join(", ")}: ${reason}`, { because }),
      );
  return ok([...changes.values()]);
};
