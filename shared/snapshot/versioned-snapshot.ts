// All features with the revision at which each last changed. A place of the edge's state knows such a snapshot and
// tells the next place what that one has missed. Revisions only rise; an older one never replaces a newer one.
import type { EncodedFeature } from "../features/encoded-feature.ts";
import { Revision, type FeatureId } from "../ids.ts";
import { err, ok, type Result } from "../result.ts";
import type { PushMessage } from "./push-message.ts";

/** `state` is null once the feature was removed: the mark tells others to remove it too. */
export type FeatureEntry = { readonly revision: Revision; readonly state: EncodedFeature | null };

export type VersionedSnapshot = {
  /** null: nothing was ever pushed. */
  readonly revision: Revision | null;
  /** Removals before this revision are forgotten: a place that is older needs a full snapshot. */
  readonly base: Revision;
  readonly entries: ReadonlyMap<FeatureId, FeatureEntry>;
};

/** What brings an older snapshot up to `revision`. */
export type SnapshotDelta = Pick<PushMessage, "revision" | "full" | "removed"> & {
  readonly features: readonly EncodedFeature[];
};

/** A push that was found right. */
export type Push = SnapshotDelta & Pick<PushMessage, "since">;

/** `stale`: older than what is known. `gap`: builds on a revision that never arrived. */
export type ApplyPushError = { readonly reason: "stale" | "gap"; readonly have: Revision };

/** The revision of the built-in default: nothing was ever pushed. */
export const FIRST_REVISION = Revision.parse(0);

export const emptySnapshot: VersionedSnapshot = { revision: null, base: FIRST_REVISION, entries: new Map() };

/** The snapshot after a push. An equal revision changes nothing and is no failure: pushes are repeated. */
export const applyPush = (
  snapshot: VersionedSnapshot,
  push: Push,
): Result<VersionedSnapshot, ApplyPushError> => {
  const have = snapshot.revision;
  if (have !== null && push.revision < have) return err({ reason: "stale", have });
  if (have !== null && push.revision === have) return ok(snapshot);
  if (!push.full && push.since !== undefined && push.since > (have ?? 0))
    return err({ reason: "gap", have: have ?? FIRST_REVISION });
  return ok(applyDelta(snapshot, push));
};

/** Applies a delta whose revision is known to be newer. */
export const applyDelta = (snapshot: VersionedSnapshot, delta: SnapshotDelta): VersionedSnapshot => {
  const { revision } = delta;
  const entries = new Map(snapshot.entries);
  const named = new Set(delta.features.map((state) => state.featureId));
  const removed = delta.full
    ? [...entries].filter(([id, entry]) => entry.state !== null && !named.has(id)).map(([id]) => id)
    : delta.removed;
  for (const id of removed) entries.set(id, { revision, state: null });
  for (const state of delta.features) entries.set(state.featureId, { revision, state });
  return { revision, base: snapshot.revision === null ? revision : snapshot.base, entries };
};

/** null when `have` is up to date, or newer than this snapshot, which must then not be believed over it. */
export const deltaSince = (snapshot: VersionedSnapshot, have: Revision | null): SnapshotDelta | null => {
  const { revision } = snapshot;
  if (revision === null || (have !== null && have >= revision)) return null;
  const full = have === null || have < snapshot.base;
  const missed = [...snapshot.entries].filter(([, entry]) => full || entry.revision > have);
  return {
    revision,
    full,
    features: missed.flatMap(([, entry]) => entry.state ?? []),
    removed: full ? [] : missed.filter(([, entry]) => entry.state === null).map(([id]) => id),
  };
};

export const featuresOf = (snapshot: VersionedSnapshot): EncodedFeature[] =>
  [...snapshot.entries.values()].flatMap((entry) => entry.state ?? []);
