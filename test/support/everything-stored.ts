// Looks for a text in every column of every table, whatever its type: as text, and within bytes.
import type { Pool } from "../../origin/db/pool.ts";

type Column = { relation: string; shown: string; attribute: string; is_bytes: boolean };

/** The columns that hold it somewhere, `table.column`; of partitions those of their table. */
export const columnsThatHold = async (pool: Pool, text: string): Promise<string[]> => {
  const { rows } = await pool.query<Column>(
    `select c.oid::regclass::text as relation, coalesce(p.inhparent::regclass, c.oid::regclass)::text as shown,
       quote_ident(a.attname) as attribute, a.atttypid = 'bytea'::regtype as is_bytes
     from pg_class c
     join pg_namespace n on n.oid = c.relnamespace and n.nspname not in ('pg_catalog', 'information_schema')
     join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
     left join pg_inherits p on p.inhrelid = c.oid
     where c.relkind = 'r' and c.relpersistence = 'p'`,
  );
  const found = new Set<string>();
  for (const { relation, shown, attribute, is_bytes: isBytes } of rows) {
    const holds = isBytes
      ? `position(convert_to($1, 'UTF8') in ${attribute}) > 0`
      : `position($1 in ${attribute}::text) > 0`;
    const { rowCount } = await pool.query(`select from ${relation} where ${holds} limit 1`, [text]);
    if (rowCount === 1) found.add(`${shown}.${attribute}`);
  }
  return [...found].toSorted();
};
