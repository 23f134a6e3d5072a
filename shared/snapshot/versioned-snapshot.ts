// All features with the revision at which each last changed. A place of the edge's state knows such a snapshot and
// tells the next place what that one has missed. Revisions only rise; an older one never replaces a newer one. A close
// may come before the rest of its revision, and the hub's clock orders such closes within a revision.
import type { EncodedFeature } from "../features/encoded-feature.ts";
import { Revision, type FeatureId } from "../ids.ts";
import { err, ok, type Result } from "../result.ts";
import type { Close, PushMessage } from "./push-message.ts";

/** `state` is null once the feature was removed: the mark tells others to remove it too. */
export type FeatureEntry = {
  readonly revision: Revision;
  readonly state: EncodedFeature | null;
  /** The origin closed or removed the feature in this epoch. Known to the hub alone, as the next two. */
  readonly closedEpoch?: number;
  /** A close of this revision came before the rest of it: states of earlier revisions do not open the feature. */
  readonly closedAhead?: Revision;
  /** The newest close that came alone, by the hub's clock. */
  readonly closedAtMs?: number;
  /** The origin does not know of the close, and the feature stays closed until it does or opens a later epoch. */
  readonly disputed?: true;
};

export type VersionedSnapshot = {
  /** null: nothing was ever pushed. */
  readonly revision: Revision | null;
  /** Removals before this revision are forgotten: a place that is older needs a full snapshot. */
  readonly base: Revision;
  readonly entries: ReadonlyMap<FeatureId, FeatureEntry>;
  /** The newest close that came alone, by the hub's clock. Rises, and orders snapshots of one revision. */
  readonly closedAtMs?: number;
};

/** What a copy has: a revision, and within it the closes that came alone. */
export type Version = Pick<VersionedSnapshot, "revision" | "closedAtMs">;

/** What brings an older snapshot up to `revision`. */
export type SnapshotDelta = Pick<PushMessage, "revision" | "full" | "removed"> & {
  readonly features: readonly EncodedFeature[];
  readonly closedAtMs?: number;
};

/** A push that was found right. */
export type Push = SnapshotDelta &
  Pick<PushMessage, "since" | "closes" | "part"> & {
    /** The features of which the origin itself says that they are closed. Others may be closed here because this edge does not understand them. */
    readonly closed?: readonly FeatureId[];
  };

/** `stale`: older than what is known. `gap`: builds on a revision that never arrived. */
export type ApplyPushError = { readonly reason: "stale" | "gap"; readonly have: Revision };

/** The revision of the built-in default: nothing was ever pushed. */
export const FIRST_REVISION = Revision.parse(0);

export const emptySnapshot: VersionedSnapshot = { revision: null, base: FIRST_REVISION, entries: new Map() };

export const isNewer = (one: Version, other: Version): boolean => {
  const [revision, otherRevision] = [one.revision ?? -1, other.revision ?? -1];
  if (revision !== otherRevision) return revision > otherRevision;
  return (one.closedAtMs ?? 0) > (other.closedAtMs ?? 0);
};

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

const close = (state: EncodedFeature): EncodedFeature => ({ ...state, enabled: false, rolloutBps: 0 });

/**
 * Closes features before the rest of their `revision` is here; where it is here, it has said more. A feature that is unknown so far is marked, so that a late
 * message cannot open it. The revision stays, because the rest of it is missing.
 */
export const applyCloses = (
  snapshot: VersionedSnapshot,
  closes: readonly Close[],
  { revision, nowMs }: { readonly revision: Revision; readonly nowMs: number },
): VersionedSnapshot => {
  if (snapshot.revision !== null && snapshot.revision >= revision) return snapshot;
  const closedAtMs = Math.max(nowMs, (snapshot.closedAtMs ?? 0) + 1);
  const entries = new Map(snapshot.entries);
  let isChanged = false;
  for (const { featureId, epoch, version } of closes) {
    const entry = entries.get(featureId);
    const state = entry?.state ?? null;
    const isKnown = entry !== undefined && (entry.closedEpoch ?? 0) >= epoch;
    if (isKnown || (state !== null && state.epoch > epoch)) continue;
    isChanged = true;
    entries.set(featureId, {
      revision: entry?.revision ?? FIRST_REVISION,
      state: state && close({ ...state, epoch, version: Math.max(state.version, version) }),
      closedEpoch: epoch,
      closedAhead: revision,
      closedAtMs,
    });
  }
  return isChanged ? { ...snapshot, entries, closedAtMs } : snapshot;
};

const entryOf = (
  revision: Revision,
  state: EncodedFeature,
  known: FeatureEntry | undefined,
  isClosed: boolean,
): FeatureEntry => {
  if (isClosed) return { revision, state, closedEpoch: state.epoch };
  const { closedEpoch = 0, closedAhead = FIRST_REVISION } = known ?? {};
  if (state.epoch > closedEpoch || revision >= closedAhead) return { revision, state };
  return { revision, state: close(state), closedEpoch, closedAhead };
};

const removedEntry = (revision: Revision, known: FeatureEntry | undefined): FeatureEntry => {
  const epochs = [known?.closedEpoch, known?.state?.epoch].filter((epoch) => epoch !== undefined);
  return {
    revision,
    state: null,
    ...(epochs.length === 0 ? {} : { closedEpoch: Math.max(...epochs) }),
  };
};

/** Applies a delta whose revision is known to be newer. `closed` names the features that the origin says are closed. */
export const applyDelta = (
  snapshot: VersionedSnapshot,
  delta: SnapshotDelta & Pick<Push, "closed">,
): VersionedSnapshot => {
  const { revision } = delta;
  const entries = new Map(snapshot.entries);
  const named = new Set(delta.features.map((state) => state.featureId));
  const closed = new Set(delta.closed);
  const known = snapshot.closedAtMs ?? 0;
  // Whatever comes with newer closes may be one of them: the next place is told of it within the same revision.
  const closedAtMs = Math.max(delta.closedAtMs ?? 0, known);
  const stamp = closedAtMs > known ? { closedAtMs } : {};
  const removed = delta.full
    ? [...entries].filter(([id, entry]) => entry.state !== null && !named.has(id)).map(([id]) => id)
    : delta.removed;
  for (const id of removed) entries.set(id, { ...removedEntry(revision, entries.get(id)), ...stamp });
  for (const state of delta.features) {
    const { featureId } = state;
    const entry = entryOf(revision, state, entries.get(featureId), closed.has(featureId));
    entries.set(featureId, { ...entry, ...stamp });
  }
  return {
    revision,
    base: snapshot.revision === null ? revision : snapshot.base,
    entries,
    ...(closedAtMs === 0 ? {} : { closedAtMs }),
  };
};

/** null when `have` is up to date, or newer than this snapshot, which must then not be believed over it. */
export const deltaSince = (
  snapshot: VersionedSnapshot,
  have: Revision | null,
  haveClosedAtMs = Infinity,
): SnapshotDelta | null => {
  const { revision, closedAtMs } = snapshot;
  if (
    revision === null ||
    (have !== null && !isNewer(snapshot, { revision: have, closedAtMs: haveClosedAtMs }))
  )
    return null;
  const full = have === null || have < snapshot.base;
  const missed = [...snapshot.entries].filter(
    ([, entry]) => full || entry.revision > have || (entry.closedAtMs ?? 0) > haveClosedAtMs,
  );
  return {
    revision,
    full,
    features: missed.flatMap(([, entry]) => entry.state ?? []),
    removed: full ? [] : missed.filter(([, entry]) => entry.state === null).map(([id]) => id),
    ...(closedAtMs === undefined ? {} : { closedAtMs }),
  };
};

export const featuresOf = (snapshot: VersionedSnapshot): EncodedFeature[] =>
  [...snapshot.entries.values()].flatMap((entry) => entry.state ?? []);
