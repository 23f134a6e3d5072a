// A database that says that its server is PostgreSQL 15: what reads the version finds this function before PostgreSQL's own, in
// each connection that is made afterwards.
import type { TestDatabase } from "./database.ts";

export const SAID_VERSION = "15.18 (Debian 15.18-0+deb12u1)";

export const pretendOldServer = async ({ url, pool }: Pick<TestDatabase, "url" | "pool">): Promise<void> => {
  await pool.query("create schema pretended");
  await pool.query(
    `create function pretended.current_setting(name text) returns text language sql as
     $$ select case name when 'server_version' then '${SAID_VERSION}' when 'server_version_num' then '150018'
                         else pg_catalog.current_setting(name) end $$`,
  );
  await pool.query("grant usage on schema pretended to public");
  const database = new URL(url).pathname.slice(1);
  await pool.query(`alter database ${database} set search_path = public, pretended, pg_catalog`);
};
