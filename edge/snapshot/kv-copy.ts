// The KV copy: the last known good snapshot, with which an isolate begins when no Durable Object answers. Workers KV is
// up to a minute behind, so it is never the path of a rollback; the hub writes it at most once a second.
import * as z from "zod";
import { readEncodedFeature } from "../../shared/features/encoded-feature.ts";
import { FeatureId, Revision } from "../../shared/ids.ts";
import {
  applyDelta,
  emptySnapshot,
  featuresOf,
  type VersionedSnapshot,
} from "../../shared/snapshot/versioned-snapshot.ts";

export type KvCopy = { readonly snapshot: VersionedSnapshot; readonly writtenAtMs: number };

const KEY = "snapshot";

const Stored = z.object({
  revision: Revision,
  writtenAt: z.number(),
  features: z.custom<readonly unknown[]>(Array.isArray),
  /** The epoch in which each feature was closed. An older hub did not write it. */
  closedEpochs: z.record(FeatureId, z.number()).default({}),
  history: z.object({ lineage: z.string(), head: z.string() }).optional(),
});

export const writeKvCopy = async (
  kv: KVNamespace,
  snapshot: VersionedSnapshot,
  nowMs: number,
): Promise<void> => {
  const { revision } = snapshot;
  if (revision === null) return;
  const closedEpochs = Object.fromEntries(
    [...snapshot.entries].flatMap(([id, { state, closedEpoch }]) =>
      state === null || closedEpoch === undefined ? [] : [[id, closedEpoch]],
    ),
  );
  const features = featuresOf(snapshot);
  const { history } = snapshot;
  await kv.put(KEY, JSON.stringify({ revision, writtenAt: nowMs, features, closedEpochs, history }));
};

/** null: there is no copy. Throws when KV fails, or when the copy cannot be read. */
export const readKvCopy = async (kv: KVNamespace): Promise<KvCopy | null> => {
  const text = await kv.get(KEY, "text");
  if (text === null) return null;
  const { revision, writtenAt, features, closedEpochs, history } = Stored.parse(JSON.parse(text));
  const delta = { revision, full: true, features: features.map(readEncodedFeature), removed: [] };
  const snapshot = applyDelta(emptySnapshot, delta);
  const entries = new Map(
    [...snapshot.entries].map(([id, entry]) => {
      const closedEpoch = closedEpochs[id];
      return [id, closedEpoch === undefined ? entry : { ...entry, closedEpoch }];
    }),
  );
  const of = history === undefined ? {} : { history };
  return { snapshot: { ...snapshot, entries, ...of }, writtenAtMs: writtenAt };
};
