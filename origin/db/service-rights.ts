// What the service's role may do beyond what this version needs, for the sake of processes of the version before: own the tables of
// telemetry, and create in the schema. Migration 0052 has the functions.
import { connect } from "./connect.ts";
import { LOCK_NOT_AVAILABLE, sqlState } from "./errors.ts";
import { SERVICE_ROLE } from "./service-role.ts";
import type { Queryable } from "./pool.ts";

/** The tables change their owner: each is locked for a moment, and everybody waits meanwhile. */
const LOCK_WAIT = "1s";

/** Takes those rights, or gives them back. With the login of the owner; throws when it is not. */
export const changeServiceRights = async (
  databaseUrl: string,
  change: "contract" | "expand",
): Promise<void> => {
  const client = await connect({ connectionString: databaseUrl });
  try {
    await client.query(`set lock_timeout = '${LOCK_WAIT}'`);
    await client.query(`select ${change}_service_role()`);
  } catch (cause) {
    if (sqlState(cause) !== LOCK_NOT_AVAILABLE) throw cause;
    throw new Error(
      "another session holds a lock on span_log, otel_spans or unit_evidence (see pg_locks); nothing was changed, run it again",
      { cause },
    );
  } finally {
    await client.end();
  }
};

/** Whether the role has them. */
export const hasOlderRights = async (db: Queryable): Promise<boolean> => {
  const { rows } = await db.query<{ has: boolean }>(
    `select has_schema_privilege(oid, 'public', 'create') as has from pg_roles where rolname = $1`,
    [SERVICE_ROLE],
  );
  return rows[0]?.has === true;
};
