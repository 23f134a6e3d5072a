// The role with few rights that migration 0004 makes for the service. A login that owns the tables steps down to it. A
// login that is not a member of it keeps its own rights.
import { connect } from "./connect.ts";

export const SERVICE_ROLE = "sluice_service";
/** A server that takes connections and says nothing holds nobody up for longer. */
const TIMEOUT_MS = 5_000;

/** The URL with the service's role asked for at each connection. */
export const asServiceRole = (databaseUrl: string): string => {
  const url = new URL(databaseUrl);
  const given = url.searchParams.get("options");
  url.searchParams.set("options", `${given === null ? "" : `${given} `}-c role=${SERVICE_ROLE}`);
  // libpq and its ports read a plus sign as itself, not as a space.
  url.search = url.search.replaceAll("+", "%20");
  return url.href;
};

/**
 * The URL whose connections work as the service's role; null where there is no such role or it may not be taken.
 * Everything that the service does goes through this one URL: partitions that it makes it must also own.
 */
export const serviceUrlOf = async (databaseUrl: string): Promise<string | null> => {
  const client = await connect({
    connectionString: databaseUrl,
    connectionTimeoutMillis: TIMEOUT_MS,
    query_timeout: TIMEOUT_MS,
  });
  try {
    const { rowCount } = await client.query(
      "select from pg_roles where rolname = $1 and pg_has_role(current_user, oid, 'member')",
      [SERVICE_ROLE],
    );
    return rowCount === 0 ? null : asServiceRole(databaseUrl);
  } finally {
    await client.end();
  }
};
