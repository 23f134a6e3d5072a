// The hub's snapshot in its SQLite storage: a row for each feature, with a null state where it was removed.
import { readEncodedFeature } from "../../shared/features/encoded-feature.ts";
import { FeatureId, Revision } from "../../shared/ids.ts";
import {
  emptySnapshot,
  type FeatureEntry,
  type VersionedSnapshot,
} from "../../shared/snapshot/versioned-snapshot.ts";

export const createTables = (sql: SqlStorage): void => {
  sql.exec(
    "create table if not exists entries (feature_id text primary key, revision integer not null, state text)",
  );
  sql.exec(
    "create table if not exists known (only integer primary key, revision integer not null, base integer not null)",
  );
};

export const loadSnapshot = (sql: SqlStorage): VersionedSnapshot => {
  const known = sql.exec<{ revision: number; base: number }>("select revision, base from known").toArray()[0];
  if (known === undefined) return emptySnapshot;
  const rows = sql.exec<{ feature_id: string; revision: number; state: string | null }>(
    "select feature_id, revision, state from entries",
  );
  const entries = new Map<FeatureId, FeatureEntry>();
  for (const row of rows)
    entries.set(FeatureId.parse(row.feature_id), {
      revision: Revision.parse(row.revision),
      state: row.state === null ? null : readEncodedFeature(JSON.parse(row.state)),
    });
  return { revision: Revision.parse(known.revision), base: Revision.parse(known.base), entries };
};

/** Writes what `next` has over `before`. The platform commits all writes of one event together. */
export const saveSnapshot = (sql: SqlStorage, before: VersionedSnapshot, next: VersionedSnapshot): void => {
  for (const [id, entry] of next.entries)
    if (before.entries.get(id) !== entry)
      sql.exec(
        "insert or replace into entries (feature_id, revision, state) values (?, ?, ?)",
        id,
        entry.revision,
        entry.state === null ? null : JSON.stringify(entry.state),
      );
  sql.exec("insert or replace into known (only, revision, base) values (1, ?, ?)", next.revision, next.base);
};
