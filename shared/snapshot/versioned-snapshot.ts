// All features with the revision at which each last changed. A place of the edge's state knows such a snapshot and
// tells the next place what that one has missed. Revisions only rise; an older one never replaces a newer one. A close
// may come before the rest of its revision, and the hub's clock orders such closes within a revision.
import type { EncodedFeature } from "../features/encoded-feature.ts";
import { Revision, type FeatureId } from "../ids.ts";
import { err, ok, type Result } from "../result.ts";
import type { Close, HeldFeature, HistoryPoint, PushMessage } from "./push-message.ts";

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
  /** The history that the revision is of, by the hub alone. Absent: an older origin pushed it. */
  readonly history?: History;
};

export type History = Pick<HistoryPoint, "lineage" | "head">;

/** What a copy has: a revision, and within it the closes that came alone. */
export type Version = Pick<VersionedSnapshot, "revision" | "closedAtMs">;

/** What brings an older snapshot up to `revision`. */
export type SnapshotDelta = Pick<PushMessage, "revision" | "full" | "removed"> & {
  readonly features: readonly EncodedFeature[];
  readonly closedAtMs?: number;
};

/** A push that was found right. */
export type Push = SnapshotDelta &
  Pick<PushMessage, "since" | "closes" | "part" | "lineage" | "head" | "sinceHead" | "replaces" | "asks"> & {
    /** The features of which the origin itself says that they are closed. Others may be closed here because this edge does not understand them. */
    readonly closed?: readonly FeatureId[];
  };

/** `stale`: older than what is known. `gap`: builds on a revision that never arrived. `other`: of another history. */
export type ApplyPushError = { readonly reason: "stale" | "gap" | "other"; readonly have: Revision };

/** The revision of the built-in default: nothing was ever pushed. */
export const FIRST_REVISION = Revision.parse(0);

export const emptySnapshot: VersionedSnapshot = { revision: null, base: FIRST_REVISION, entries: new Map() };

export const isNewer = (one: Version, other: Version): boolean => {
  const [revision, otherRevision] = [one.revision ?? -1, other.revision ?? -1];
  if (revision !== otherRevision) return revision > otherRevision;
  return (one.closedAtMs ?? 0) > (other.closedAtMs ?? 0);
};

const historyOf = ({ lineage, head }: Push): { readonly history?: History } =>
  lineage === undefined || head === undefined ? {} : { history: { lineage, head } };

/** Whether the push takes the place of exactly this state, which is of another history. */
const takesOver = ({ revision, history }: VersionedSnapshot, { full, replaces, ...push }: Push): boolean =>
  full &&
  replaces !== undefined &&
  replaces.revision === revision &&
  push.revision > revision &&
  replaces.lineage === history?.lineage &&
  replaces.head === history.head;

/**
 * Whether the push continues the history of the snapshot. Within a lineage, revisions say it, but for a database that was
 * put back unnoticed. Between two, only equal heads do. Older origins and the states that they pushed say nothing.
 */
const continues = ({ revision, history }: VersionedSnapshot, push: Push): boolean => {
  const { lineage, head, since, sinceHead, full } = push;
  if (history === undefined || lineage === undefined || head === undefined) return true;
  if (push.revision === revision) return head === history.head;
  const isBuiltOnIt = !full && since === revision;
  if (isBuiltOnIt && sinceHead !== undefined) return sinceHead === history.head;
  return lineage === history.lineage;
};

/** Whether the push brings another history than the hub's, so that its closes are news to the hub's own origin. */
export const isForeign = ({ history }: VersionedSnapshot, { lineage }: Push): boolean =>
  history !== undefined && lineage !== undefined && lineage !== history.lineage;

/**
 * The snapshot as another history finds it. A close that came before its revision stays until that history knows of it: the
 * revision says nothing there.
 */
const forHistory = (snapshot: VersionedSnapshot, push: Push): VersionedSnapshot => {
  if (!isForeign(snapshot, push)) return snapshot;
  const entries = new Map(snapshot.entries);
  for (const [id, { closedAhead, ...entry }] of entries)
    if (closedAhead !== undefined) entries.set(id, { ...entry, disputed: true });
  return { ...snapshot, entries };
};

/** The snapshot after a push. An equal revision changes nothing and is no failure: pushes are repeated. */
export const applyPush = (
  snapshot: VersionedSnapshot,
  push: Push,
): Result<VersionedSnapshot, ApplyPushError> => {
  const have = snapshot.revision;
  if (takesOver(snapshot, push)) return ok(applyDelta(snapshot, push, { isTakeover: true }));
  if (have !== null && !continues(snapshot, push)) return err({ reason: "other", have });
  if (have !== null && push.revision < have) return err({ reason: "stale", have });
  if (push.revision === have) {
    const { history } = historyOf(push);
    const isSame = history === undefined || history.lineage === snapshot.history?.lineage;
    return ok(isSame ? snapshot : { ...forHistory(snapshot, push), history });
  }
  if (!push.full && push.since !== undefined && push.since > (have ?? 0))
    return err({ reason: "gap", have: have ?? FIRST_REVISION });
  return ok(applyDelta(forHistory(snapshot, push), push));
};

const close = (state: EncodedFeature): EncodedFeature => ({ ...state, enabled: false, rolloutBps: 0 });

/**
 * Closes features before the rest of their `revision` is here; where it is here, it has said more. A close of another
 * history always holds, and stays until the hub's own origin knows of it. A feature that is unknown so far is marked, so that a late
 * message cannot open it. The revision stays, because the rest of it is missing.
 */
export const applyCloses = (
  snapshot: VersionedSnapshot,
  closes: readonly Close[],
  {
    revision,
    nowMs,
    isForeign: isNews,
  }: { readonly revision: Revision; readonly nowMs: number; readonly isForeign: boolean },
): VersionedSnapshot => {
  if (!isNews && snapshot.revision !== null && snapshot.revision >= revision) return snapshot;
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
      ...(isNews ? { disputed: true } : { closedAhead: revision }),
      closedAtMs,
    });
  }
  return isChanged ? { ...snapshot, entries, closedAtMs } : snapshot;
};

const entryOf = (
  revision: Revision,
  state: EncodedFeature,
  known: FeatureEntry | undefined,
  { isClosed, isTakeover }: { readonly isClosed: boolean; readonly isTakeover: boolean },
): FeatureEntry => {
  const { closedEpoch = 0, closedAhead = FIRST_REVISION, disputed = isTakeover } = known ?? {};
  if (isClosed && closedEpoch > state.epoch) {
    // The origin has to hear of a later epoch, so that the next one that a person opens is later still.
    if (disputed) return { revision, state, closedEpoch, disputed };
    // The close of a later epoch is ahead of this message, and of others that come before it.
    if (revision < closedAhead) return { revision, state, closedEpoch, closedAhead };
  }
  if (isClosed) return { revision, state, closedEpoch: state.epoch };
  if (state.epoch > closedEpoch) return { revision, state };
  // Closing wins: another history that does not know of the close opens nothing.
  if (disputed) return { revision, state: close(state), closedEpoch, disputed };
  return revision >= closedAhead
    ? { revision, state }
    : { revision, state: close(state), closedEpoch, closedAhead };
};

/** A removed feature counts as closed in its last epoch. */
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
  delta: SnapshotDelta & Partial<Push>,
  { isTakeover = false } = {},
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
    const isClosed = closed.has(featureId);
    const entry = entryOf(revision, state, entries.get(featureId), { isClosed, isTakeover });
    entries.set(featureId, { ...entry, ...stamp });
  }
  return {
    revision,
    base: snapshot.revision === null ? revision : snapshot.base,
    entries,
    ...(closedAtMs === 0 ? {} : { closedAtMs }),
    ...historyOf({ ...delta }),
  };
};

/** What the hub holds of each feature, for an origin that does not know it. */
export const heldFeatures = ({ entries }: VersionedSnapshot): HeldFeature[] =>
  [...entries].flatMap(([featureId, { state, closedEpoch }]) => {
    const epoch = Math.max(closedEpoch ?? 0, state?.epoch ?? 0);
    return epoch === 0 ? [] : [{ featureId, closed: closedEpoch !== undefined, epoch }];
  });

/** What the hub keeps closed although its origin says that it is open. */
export const disputedFeatures = ({ entries }: VersionedSnapshot): HeldFeature[] =>
  [...entries].flatMap(([featureId, { closedEpoch = 0, disputed }]) =>
    disputed === true ? [{ featureId, closed: true, epoch: closedEpoch }] : [],
  );

/** null when `have` is up to date, or newer than this snapshot, which must then not be believed over it. */
export const deltaSince = (
  snapshot: VersionedSnapshot,
  have: Revision | null,
  haveClosedAtMs = Infinity,
): SnapshotDelta | null => {
  const { revision, closedAtMs } = snapshot;
  if (revision === null || !isNewer(snapshot, { revision: have, closedAtMs: haveClosedAtMs })) return null;
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
