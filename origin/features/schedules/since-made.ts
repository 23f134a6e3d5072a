// What the audit tells of a feature since a schedule for it was made.
import { z } from "zod";
import type { Queryable } from "../../db/pool.ts";
import { Revision } from "../../../shared/ids.ts";
import { actorOf, type Schedule } from "./schedule.ts";

const Overruling = z.object({ action: z.string(), at: z.date(), actor: z.string(), reason: z.string() });
export type Overruling = z.infer<typeof Overruling>;

/**
 * The rollback, or deletion, that wins over the schedule; null: there was none. A rollback that another schedule carried out
 * was planned as this one was, and wins over nothing.
 */
export const findOverruling = async (
  db: Queryable,
  { featureId, baseVersion }: Pick<Schedule, "featureId" | "baseVersion">,
): Promise<Overruling | null> => {
  const { rows } = await db.query(
    `select action, at, actor, reason from rollback_audit
     where feature_id = $1 and version > $2 and action in ('rollback', 'delete') and actor not like 'schedule:%'
     order by seq limit 1`,
    [featureId, baseVersion],
  );
  return rows[0] === undefined ? null : Overruling.parse(rows[0]);
};

const Carried = z.object({ revision: Revision, version: z.number() });

/** What the schedule has changed already; null: nothing. */
export const findCarriedOut = async (
  db: Queryable,
  schedule: Pick<Schedule, "featureId" | "scheduleId">,
): Promise<z.infer<typeof Carried> | null> => {
  const { rows } = await db.query(
    "select revision, version from rollback_audit where feature_id = $1 and actor = $2 limit 1",
    [schedule.featureId, actorOf(schedule)],
  );
  return rows[0] === undefined ? null : Carried.parse(rows[0]);
};
