// Takes the spans of units out of the spool, before a column store is asked to delete them there.
import { setTimeout as sleep } from "node:timers/promises";
import { gunzipSync, gzipSync } from "node:zlib";
import { z } from "zod";
import { inTransaction, type Pool } from "../../db/pool.ts";

/** A batch that is being sent has ended within so long, or its sender is in trouble. */
const SENDING_WAIT_MS = 15_000;
const LOOK_EVERY_MS = 200;

type SpoolRow = { lines: Buffer; batch: string | null };

const Line = z.object({ user_id: z.string() });
/** "" of a line that names nobody: the column store does not take it, and it is kept for a person to look at. */
const userOf = (line: string): string => {
  const read = Line.safeParse(JSON.parse(line));
  return read.success ? read.data.user_id : "";
};

/** null: a row that cannot be read is not one of ours, and waits for a person. */
const withoutUnits = (
  packed: Buffer,
  names: ReadonlySet<string>,
): { lines: Buffer; gone: number; left: number } | null => {
  try {
    const all = gunzipSync(packed).toString().split("\n").filter(Boolean);
    const kept = all.filter((line) => !names.has(userOf(line)));
    const lines = gzipSync(kept.map((line) => `${line}\n`).join(""));
    return { lines, gone: all.length - kept.length, left: kept.length };
  } catch {
    return null;
  }
};

export type ForgottenSpooled = {
  readonly spans: number;
  /** Rows that had spans of the units and were perhaps being sent. They may still arrive in the column store. */
  readonly sending: readonly number[];
};

/** One row at a time: the spool may be larger than a process's memory. */
export const forgetSpooled = async (pool: Pool, names: readonly string[]): Promise<ForgottenSpooled> => {
  const known = new Set(names);
  const { rows } = await pool.query<{ id: number }>("select id from raw_span_spool order by id");
  let spans = 0;
  const sending: number[] = [];
  for (const { id } of rows)
    await inTransaction(pool, async (client) => {
      const found = await client.query<SpoolRow>(
        "select lines, batch from raw_span_spool where id = $1 for update",
        [id],
      );
      const [row] = found.rows;
      const without = row === undefined ? null : withoutUnits(row.lines, known);
      if (row === undefined || without === null || without.gone === 0) return;
      spans += without.gone;
      if (row.batch !== null) sending.push(id);
      // A batch keeps its name: the column store may have it already, and then deletes it with the rest.
      if (without.left > 0)
        await client.query("update raw_span_spool set lines = $2, spans = $3 where id = $1", [
          id,
          without.lines,
          without.left,
        ]);
      // Who sends it goes on to the end; the empty row goes with its batch.
      else if (row.batch === null) await client.query("delete from raw_span_spool where id = $1", [id]);
      else await client.query("update raw_span_spool set lines = $2 where id = $1", [id, without.lines]);
    });
  return { spans, sending };
};

/** false: some of them are still there, and were perhaps read before their units were taken out. */
export const waitUntilSent = async (pool: Pool, ids: readonly number[]): Promise<boolean> => {
  const began = performance.now();
  for (;;) {
    const { rowCount } = await pool.query(
      "select from raw_span_spool where id = any($1::bigint[]) and dead_at is null and due_at > clock_timestamp()",
      [ids],
    );
    if (rowCount === 0) return true;
    if (performance.now() - began > SENDING_WAIT_MS) return false;
    await sleep(LOOK_EVERY_MS);
  }
};
