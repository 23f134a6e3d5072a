// All features with the revision at which each last changed: what a place of the edge's state knows, and how it tells
// the next place what that one has missed. Revisions only rise; an older one never replaces a newer one.
import type { PushMessage, EncodedFeature } from "../features/feature.ts";
import { Revision, type FeatureId } from "../ids.ts";
import { err, ok, type Result } from "../result.ts";

/** `state` is null once the feature was removed: the mark tells others to remove it too. */
export type FeatureEntry = { readonly revision: Revision; readonly state: EncodedFeature | null };

export type VersionedSnapshot = {
  /** null before anything was ever learned. */
  readonly revision: Revision | null;
  /** Removals before this revision are not remembered: whoever is older needs everything. */
  readonly base: Revision;
  readonly entries: ReadonlyMap<FeatureId, FeatureEntry>;
};

/** What brings an older place up to `revision`. */
export type SnapshotDelta = Pick<PushMessage, "revision" | "full" | "removed"> & {
  readonly features: readonly EncodedFeature[];
};

/** A push, once it is found right. */
export type Push = SnapshotDelta & Pick<PushMessage, "since">;

/** `stale`: older than what is known. `gap`: builds on a revision that never arrived. */
export type ApplyPushError = { readonly reason: "stale" | "gap"; readonly have: Revision };

/** The revision of the built-in default: nothing was ever pushed. */
export const FIRST_REVISION = Revision.parse(0);

export const emptySnapshot: VersionedSnapshot = { revision: null, base: FIRST_REVISION, entries: new Map() };

/** The ledger after a push. An equal revision changes nothing and is no failure: pushes are repeated. */
export const applyPush = (
  ledger: VersionedSnapshot,
  push: Push,
): Result<VersionedSnapshot, ApplyPushError> => {
  const have = ledger.revision;
  if (have !== null && push.revision < have) return err({ reason: "stale", have });
  if (have !== null && push.revision === have) return ok(ledger);
  if (!push.full && push.since !== undefined && push.since > (have ?? 0))
    return err({ reason: "gap", have: have ?? FIRST_REVISION });
  return ok(applyDelta(ledger, push));
};

/** Applies what is known to be newer. */
export const applyDelta = (ledger: VersionedSnapshot, change: SnapshotDelta): VersionedSnapshot => {
  const { revision } = change;
  const entries = new Map(ledger.entries);
  const named = new Set(change.features.map((state) => state.featureId));
  const gone = change.full
    ? [...entries].filter(([id, entry]) => entry.state !== null && !named.has(id)).map(([id]) => id)
    : change.removed;
  for (const id of gone) entries.set(id, { revision, state: null });
  for (const state of change.features) entries.set(state.featureId, { revision, state });
  return { revision, base: ledger.revision === null ? revision : ledger.base, entries };
};

/** null when `have` is up to date (or newer than this place, which must then not be believed over it). */
export const deltaSince = (ledger: VersionedSnapshot, have: Revision | null): SnapshotDelta | null => {
  const { revision } = ledger;
  if (revision === null || (have !== null && have >= revision)) return null;
  const full = have === null || have < ledger.base;
  const due = [...ledger.entries].filter(([, entry]) => full || entry.revision > have);
  return {
    revision,
    full,
    features: due.flatMap(([, entry]) => entry.state ?? []),
    removed: full ? [] : due.filter(([, entry]) => entry.state === null).map(([id]) => id),
  };
};

export const featuresOf = (ledger: VersionedSnapshot): EncodedFeature[] =>
  [...ledger.entries.values()].flatMap((entry) => entry.state ?? []);
