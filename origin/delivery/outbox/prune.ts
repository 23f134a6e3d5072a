// Removes delivered rows that nobody needs any more. The audit keeps every change, and the confirmations of rollbacks
// stay for as long as somebody may ask for a receipt.
import type { Pool } from "../../db/pool.ts";

const DELIVERED_DAYS = 7;
const CONFIRMATION_DAYS = 400;

/** To be called now and then. Removes nothing that is still to be delivered. */
export const pruneDelivered = async (pool: Pool): Promise<void> => {
  await pool.query("delete from outbox where done_at < clock_timestamp() - $1 * interval '1 day'", [
    DELIVERED_DAYS,
  ]);
  await pool.query(
    `delete from edge_receipts r
     where r.confirmed_at < clock_timestamp() - $1 * interval '1 day'
        or (r.confirmed_at < clock_timestamp() - $2 * interval '1 day' and not exists (
              select from rollback_audit a where a.revision = r.revision and a.action = 'rollback'))`,
    [CONFIRMATION_DAYS, DELIVERED_DAYS],
  );
};
