// Writes a backup: everything as of one moment, while the origin goes on. Readers' locks are all that it takes, which are in
// nobody's way (db/time-partitions.ts).
import { createHash } from "node:crypto";
import { once } from "node:events";
import type { Writable } from "node:stream";
import { to as copyTo } from "pg-copy-streams";
import { z } from "zod";
import type { Client } from "../../db/pool.ts";
import { SERVICE_ROLE } from "../../db/service-role.ts";
import { BackupError, type BackupHeader, footerLine, headerLine, LEFT_OUT } from "./backup-format.ts";
import { readStoredFacts } from "./stored-facts.ts";

const Table = z.object({
  name: z.string(),
  /** r: has rows of its own. p: its partitions have them. */
  kind: z.enum(["r", "p"]),
  /** Of a partition: the table that it belongs to, and what it takes. */
  parent: z.string().nullable(),
  bounds: z.string().nullable(),
  columns: z.array(z.string()),
  owner: z.string(),
  /** `column set default value`, each. */
  defaults: z.array(z.string()),
  hasTriggers: z.boolean(),
  /** Tables that its foreign keys name. */
  refersTo: z.array(z.string()),
});
type Table = z.infer<typeof Table>;

const TABLES = `
  select c.oid::regclass::text as name, c.relkind as kind, pg_get_userbyid(c.relowner) as owner, i.inhparent::regclass::text as parent,
         pg_get_expr(c.relpartbound, c.oid) as bounds,
         (select array_agg(quote_ident(attname) order by attnum) from pg_attribute
          where attrelid = c.oid and attnum > 0 and not attisdropped and attgenerated = '') as columns,
         exists (select from pg_trigger t where t.tgrelid = c.oid and not t.tgisinternal and t.tgparentid = 0) as "hasTriggers",
         array(select format('%I set default %s', a.attname, pg_get_expr(d.adbin, d.adrelid))
               from pg_attrdef d join pg_attribute a on a.attrelid = d.adrelid and a.attnum = d.adnum
               where d.adrelid = c.oid and a.attgenerated = '') as defaults,
         array(select confrelid::regclass::text from pg_constraint k where k.conrelid = c.oid and k.contype = 'f') as "refersTo"
  from pg_class c left join pg_inherits i on i.inhrelid = c.oid and not i.inhdetachpending
  where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')
    and (not c.relispartition or i.inhparent is not null)
    and coalesce(obj_description(c.oid, 'pg_class'), '') not like 'Detached by Sluice%'
  order by 1`;

const Sequence = z.object({ name: z.string(), value: z.string().nullable() });

export type BackupOptions = {
  readonly version: string;
  readonly now: Date;
  /** Whether raw spans are copied, which nothing is decided by. */
  readonly withSpans: boolean;
  readonly set?: BackupHeader["set"];
  readonly onTable?: (name: string, rows: number) => void;
};

const readTables = async (client: Client): Promise<Table[]> => {
  const { rows } = await client.query(TABLES);
  return rows.map((row) => Table.parse(row));
};

const isCopied = ({ name }: Table): boolean => !(LEFT_OUT as readonly string[]).includes(name);

/** What a row refers to comes before it. */
const byReference = (tables: readonly Table[]): Table[] => {
  const ordered = new Set<Table>();
  const add = (table: Table): void => {
    for (const other of tables) {
      if (other !== table && !ordered.has(other) && table.refersTo.includes(other.name)) add(other);
    }
    ordered.add(table);
  };
  tables.forEach(add);
  return [...ordered];
};

/** Where the service may not make tables, or there is no such role, the table stays its maker's. */
const ownerStatement = (table: string): string =>
  `do $$ begin if (select has_schema_privilege(oid, 'public', 'create') from pg_roles where rolname = '${SERVICE_ROLE}') then alter table ${table} owner to ${SERVICE_ROLE}; end if; end $$;\n`;

/** What is on its way to a column store too. */
const isRawSpans = ({ name, parent }: Table): boolean =>
  name === "otel_spans" || parent === "otel_spans" || name === "raw_span_spool";

/** Hands text and bytes on as fast as they are taken, and keeps their hash. */
const makeWriter = (out: Writable) => {
  const hash = createHash("sha256");
  const write = async (data: string | Buffer): Promise<void> => {
    hash.update(data);
    if (!out.write(data)) await once(out, "drain");
  };
  return { write, sha256: () => hash.copy().digest("hex") };
};

/** The moment of a database that is saved: `client` sees it and nothing later. */
export type Snapshot = { readonly client: Client; readonly migrations: readonly string[] };

/** Lends it to `work`. `client` is outside any transaction. */
export const withSnapshot = async <T>(
  client: Client,
  work: (snapshot: Snapshot) => Promise<T>,
): Promise<T> => {
  const locked = (await readTables(client)).filter(({ parent }) => parent === null).map(({ name }) => name);
  if (!locked.includes("state_head")) throw new BackupError("this database has no tables of Sluice");
  await client.query("begin isolation level repeatable read read only");
  try {
    // Before anything is read: no partition that is seen afterwards can be dropped before it is copied.
    await client.query(`lock table ${locked.join(", ")} in access share mode`);
    // Dates and numbers are written as any server reads them.
    await client.query("set local datestyle = 'ISO'");
    await client.query("set local timezone = 'UTC'");
    await client.query("set local intervalstyle = 'postgres'");
    await client.query("set local extra_float_digits = 1");
    const { rows: names } = await client.query<{ name: string }>(
      "select name from schema_migrations order by id",
    );
    return await work({ client, migrations: names.map(({ name }) => name) });
  } finally {
    await client.query("rollback");
  }
};

/** Writes the whole backup to `out`, without ending it; returns how many rows each table has. */
export const writeBackup = async (
  { client, migrations }: Snapshot,
  out: Writable,
  { version, now, withSpans, set, onTable }: BackupOptions,
): Promise<Readonly<Record<string, number>>> => {
  const { write, sha256 } = makeWriter(out);
  const tables = await readTables(client);

  await write(
    headerLine({
      format: 1,
      version,
      madeAt: now.toISOString(),
      migrations: [...migrations],
      ...(set === undefined ? {} : { set }),
    }),
  );
  await write("begin;\n");
  const withTriggers = tables.filter(({ hasTriggers, parent }) => hasTriggers && parent === null);
  for (const { name } of withTriggers) await write(`alter table ${name} disable trigger user;\n`);
  const parents = tables
    .filter(({ parent, name }) => parent === null && name !== "schema_migrations")
    .map(({ name }) => name);
  await write(`truncate ${parents.join(", ")};\n`);
  const kept = byReference(tables.filter((table) => isCopied(table) && (withSpans || !isRawSpans(table))));
  for (const { name, parent, bounds, owner, defaults } of kept) {
    if (parent === null || bounds === null) continue;
    await write(`create table if not exists ${name} partition of ${parent} ${bounds};\n`);
    // Rows are written into it directly, with defaults of its own.
    for (const one of defaults) await write(`alter table ${name} alter column ${one};\n`);
    // Whoever made it goes on to index and drop it.
    if (owner === SERVICE_ROLE) await write(ownerStatement(name));
  }

  const counts: Record<string, number> = {};
  for (const { name, kind, columns } of kept) {
    if (kind === "p") continue;
    const target = `${name} (${columns.join(", ")})`;
    await write(`copy ${target} from stdin;\n`);
    const rows = client.query(copyTo(`copy ${target} to stdout`));
    for await (const chunk of rows as AsyncIterable<Buffer>) await write(chunk);
    await write("\\.\n");
    counts[name] = rows.rowCount;
    onTable?.(name, rows.rowCount);
  }

  const { rows: sequences } = await client.query(
    `select format('%I.%I', schemaname, sequencename) as name, last_value::text as value
       from pg_sequences where schemaname = 'public' and sequencename <> 'schema_migrations_id_seq' order by 1`,
  );
  for (const sequence of sequences) {
    const { name, value } = Sequence.parse(sequence);
    if (value !== null) await write(`select setval('${name}', ${value});\n`);
  }
  for (const { name } of withTriggers) await write(`alter table ${name} enable trigger user;\n`);
  await write("commit;\n");
  const facts = await readStoredFacts(client);
  await write(footerLine({ rows: counts, ...facts, sha256: sha256() }));
  return counts;
};
