// The hub's snapshot in its SQLite storage: a row for each feature, with a null state where it was removed.
import { readEncodedFeature } from "../../shared/features/encoded-feature.ts";
import { FeatureId, Revision } from "../../shared/ids.ts";
import {
  emptySnapshot,
  type FeatureEntry,
  type VersionedSnapshot,
} from "../../shared/snapshot/versioned-snapshot.ts";

/** Columns that came later, in the order in which they came. */
const ADDED = {
  entries: ["closed_epoch integer", "closed_ahead integer", "closed_at_ms integer", "disputed integer"],
  known: ["closed_at_ms integer", "lineage text", "head text"],
};

/** Makes the tables, and adds the columns that an older Worker did not have. */
export const createTables = (sql: SqlStorage): void => {
  sql.exec(
    "create table if not exists entries (feature_id text primary key, revision integer not null, state text)",
  );
  sql.exec(
    "create table if not exists known (only integer primary key, revision integer not null, base integer not null)",
  );
  for (const [table, columns] of Object.entries(ADDED)) {
    const names = new Set(
      sql
        .exec<{ name: string }>(`select name from pragma_table_info('${table}')`)
        .toArray()
        .map(({ name }) => name),
    );
    for (const column of columns)
      if (!names.has(column.split(" ")[0] ?? "")) sql.exec(`alter table ${table} add column ${column}`);
  }
};

type EntryRow = {
  feature_id: string;
  revision: number;
  state: string | null;
  closed_epoch: number | null;
  closed_ahead: number | null;
  closed_at_ms: number | null;
  disputed: number | null;
};

const toEntry = (row: EntryRow): FeatureEntry => ({
  revision: Revision.parse(row.revision),
  state: row.state === null ? null : readEncodedFeature(JSON.parse(row.state)),
  ...(row.closed_epoch === null ? {} : { closedEpoch: row.closed_epoch }),
  ...(row.closed_ahead === null ? {} : { closedAhead: Revision.parse(row.closed_ahead) }),
  ...(row.closed_at_ms === null ? {} : { closedAtMs: row.closed_at_ms }),
  ...(row.disputed === 1 ? { disputed: true } : {}),
});

type KnownRow = {
  revision: number;
  base: number;
  closed_at_ms: number | null;
  lineage: string | null;
  head: string | null;
};

export const loadSnapshot = (sql: SqlStorage): VersionedSnapshot => {
  const known = sql
    .exec<KnownRow>("select revision, base, closed_at_ms, lineage, head from known")
    .toArray()[0];
  if (known === undefined) return emptySnapshot;
  const rows = sql.exec<EntryRow>(
    "select feature_id, revision, state, closed_epoch, closed_ahead, closed_at_ms, disputed from entries",
  );
  const entries = new Map<FeatureId, FeatureEntry>();
  for (const row of rows) entries.set(FeatureId.parse(row.feature_id), toEntry(row));
  return {
    revision: Revision.parse(known.revision),
    base: Revision.parse(known.base),
    entries,
    ...(known.closed_at_ms === null ? {} : { closedAtMs: known.closed_at_ms }),
    ...(known.lineage === null || known.head === null
      ? {}
      : { history: { lineage: known.lineage, head: known.head } }),
  };
};

/** Writes what `next` has over `before`. The platform commits all writes of one event together. */
export const saveSnapshot = (sql: SqlStorage, before: VersionedSnapshot, next: VersionedSnapshot): void => {
  for (const [id, entry] of next.entries)
    if (before.entries.get(id) !== entry)
      sql.exec(
        `insert or replace into entries
           (feature_id, revision, state, closed_epoch, closed_ahead, closed_at_ms, disputed)
         values (?, ?, ?, ?, ?, ?, ?)`,
        id,
        entry.revision,
        entry.state === null ? null : JSON.stringify(entry.state),
        entry.closedEpoch ?? null,
        entry.closedAhead ?? null,
        entry.closedAtMs ?? null,
        entry.disputed === true ? 1 : null,
      );
  sql.exec(
    "insert or replace into known (only, revision, base, closed_at_ms, lineage, head) values (1, ?, ?, ?, ?, ?)",
    next.revision,
    next.base,
    next.closedAtMs ?? null,
    next.history?.lineage ?? null,
    next.history?.head ?? null,
  );
};
