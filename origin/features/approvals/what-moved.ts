// What happened to features since the versions that a request is about.
import { z } from "zod";
import type { Queryable } from "../../db/pool.ts";
import type { Base } from "./approval-request.ts";

const Entry = z.object({
  seq: z.number(),
  at: z.date(),
  actor: z.string(),
  action: z.string(),
  reason: z.string(),
});

const Moved = z.object({
  featureId: z.string().nullable(),
  base: z.number().nullable(),
  /** null: it does not exist any more. */
  now: z.number().nullable(),
  changes: z.array(Entry),
});
export type Moved = z.infer<typeof Moved>;

const MOST = 20;

/** Of a policy there is no entry in the audit. */
export const readMoved = async (db: Queryable, base: Base): Promise<Moved[]> => {
  const moved: Moved[] = [];
  for (const { featureId, version } of base) {
    const { rows } = await db.query<{ now: number | null }>(
      featureId === null
        ? "select max(version) as now from approval_policies where $1::text is null"
        : "select max(version) as now from feature_flags where feature_id = $1",
      [featureId],
    );
    const now = rows[0]?.now ?? null;
    if (now === version) continue;
    const { rows: changes } = await db.query(
      `select seq, at, actor, action, reason from rollback_audit
       where feature_id = $1 and version > $2 order by seq limit $3`,
      [featureId, version ?? 0, MOST],
    );
    moved.push({ featureId, base: version, now, changes: changes.map((row) => Entry.parse(row)) });
  }
  return moved;
};
