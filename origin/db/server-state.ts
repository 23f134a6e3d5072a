// Whether the database that answers is one that Sluice can work with: asked whenever somebody asks for readiness, since a
// failover may put another server behind the same address.
import type { Queryable } from "./pool.ts";

/** As `server_version_num`. */
const OLDEST_VERSION = 170_000;

export type ServerState = {
  readonly version: string;
  readonly versionNumber: number;
  /** a standby */
  readonly isStandby: boolean;
  readonly isReadOnly: boolean;
};

export const readServerState = async (db: Queryable): Promise<ServerState | undefined> => {
  const { rows } = await db.query<ServerState>({
    name: "read-server-state",
    text: `
      select current_setting('server_version') as version,
        current_setting('server_version_num')::integer as "versionNumber",
        pg_is_in_recovery() as "isStandby",
        current_setting('transaction_read_only')::boolean as "isReadOnly"`,
  });
  return rows[0];
};

/** What is wrong with it, in words; empty when nothing is. Pure. */
export const serverProblems = ({
  version,
  versionNumber,
  isStandby,
  isReadOnly,
}: ServerState): readonly string[] => [
  ...(versionNumber < OLDEST_VERSION ? [`database: PostgreSQL ${version} is too old, 17 is needed`] : []),
  ...(isStandby
    ? ["database: it is a standby and takes no writes; DATABASE_URL must lead to the primary"]
    : []),
  ...(isReadOnly && !isStandby
    ? ["database: it takes no writes (default_transaction_read_only is on); no feature can be changed"]
    : []),
];
