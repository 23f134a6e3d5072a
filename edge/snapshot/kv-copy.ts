// The copy in KV: where an isolate begins when no Durable Object answers. Up to a minute behind, so never the path of
// a rollback; written at most once a second.
import { z } from "zod";
import { readEncodedFeature } from "../../shared/features/encoded-feature.ts";
import { Revision } from "../../shared/ids.ts";
import {
  applyDelta,
  emptySnapshot,
  featuresOf,
  type VersionedSnapshot,
} from "../../shared/snapshot/versioned-snapshot.ts";

const KEY = "snapshot";

const Kept = z.object({
  revision: Revision,
  writtenAt: z.number(),
  features: z.custom<readonly unknown[]>(Array.isArray),
});

export const keep = async (kv: KVNamespace, ledger: VersionedSnapshot, now: number): Promise<void> => {
  if (ledger.revision === null) return;
  await kv.put(
    KEY,
    JSON.stringify({ revision: ledger.revision, writtenAt: now, features: featuresOf(ledger) }),
  );
};

/** null when nothing was kept. Throws when KV does, or when what is kept cannot be read. */
export const readKept = async (
  kv: KVNamespace,
): Promise<{ ledger: VersionedSnapshot; writtenAt: number } | null> => {
  const text = await kv.get(KEY, "text");
  if (text === null) return null;
  const { revision, writtenAt, features } = Kept.parse(JSON.parse(text));
  const change = { revision, full: true, features: features.map(readEncodedFeature), removed: [] };
  return { ledger: applyDelta(emptySnapshot, change), writtenAt };
};
