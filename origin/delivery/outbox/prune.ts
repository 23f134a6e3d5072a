// What was delivered long ago has told its story: the audit keeps that a change was made, the receipts of rollbacks
// stay for as long as anybody may ask for them.
import type { Pool } from "../../db/pool.ts";

const DELIVERED_DAYS = 7;
const RECEIPT_DAYS = 400;

/** Call now and then; removes nothing that is still to be delivered. */
export const pruneDelivered = async (pool: Pool): Promise<void> => {
  await pool.query("delete from outbox where done_at < clock_timestamp() - $1 * interval '1 day'", [
    DELIVERED_DAYS,
  ]);
  await pool.query(
    `delete from edge_receipts r
     where r.confirmed_at < clock_timestamp() - $1 * interval '1 day'
        or (r.confirmed_at < clock_timestamp() - $2 * interval '1 day' and not exists (
              select from rollback_audit a where a.revision = r.revision and a.action = 'rollback'))`,
    [RECEIPT_DAYS, DELIVERED_DAYS],
  );
};
