// Lets changes of a seeded installation have happened before: what writes the audit is told the time instead of asking for it,
// so that the audit's chain of hashes covers the times that it shows.
import type { Pool } from "../../origin/db/pool.ts";

export type PastClock = {
  /** Unix seconds of the changes that are committed from now on. */
  readonly set: (atS: number) => Promise<void>;
  /** The database is as it was, and goes by its own clock again. */
  readonly end: () => Promise<void>;
};

/** The functions that write rows of the audit. */
const WRITERS = ["commit_change(jsonb)", "audit_operator_change(text,text,text,text,integer,jsonb)"];

/** `owner`: connected as the owner of the tables. */
export const startPastClock = async (owner: Pool): Promise<PastClock> => {
  const { rows } = await owner.query<{ source: string }>(
    "select pg_get_functiondef(name::regprocedure) as source from unnest($1::text[]) name",
    [WRITERS],
  );
  await owner.query("create table seed_clock as select clock_timestamp() as at");
  for (const { source } of rows)
    await owner.query(source.replaceAll("clock_timestamp()", "(select at from public.seed_clock)"));
  return {
    set: async (atS) => {
      await owner.query("update seed_clock set at = to_timestamp($1)", [atS]);
    },
    end: async () => {
      for (const { source } of rows) await owner.query(source);
      await owner.query("drop table seed_clock");
    },
  };
};
