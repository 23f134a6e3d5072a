// Whether the database that answers is one that Sluice can work with: asked whenever somebody asks for readiness, since a
// failover may put another server behind the same address.
import type { Queryable } from "./pool.ts";
import { versionProblem } from "./server-version.ts";

export type ServerState = {
  readonly version: string;
  readonly versionNumber: number;
  /** a standby */
  readonly isStandby: boolean;
  readonly isReadOnly: boolean;
  /** Those that this process was started with and the database lacks. */
  readonly missingMigrations: readonly string[];
};

/** `migrations`: the names of all that the database should have. */
export const readServerState = async (
  db: Queryable,
  migrations: readonly string[],
): Promise<ServerState | undefined> => {
  const { rows } = await db.query<ServerState>({
    name: "read-server-state",
    text: `
      select current_setting('server_version') as version,
        current_setting('server_version_num')::integer as "versionNumber",
        pg_is_in_recovery() as "isStandby",
        current_setting('transaction_read_only')::boolean as "isReadOnly",
        array(select unnest($1::text[]) except select name from schema_migrations order by 1) as "missingMigrations"`,
    values: [migrations],
  });
  return rows[0];
};

/** What is wrong with it, in words; empty when nothing is. Pure. */
export const serverProblems = ({
  version,
  versionNumber,
  isStandby,
  isReadOnly,
  missingMigrations,
}: ServerState): readonly string[] => [
  ...[versionProblem({ version, versionNumber })].flatMap((problem) =>
    problem === null ? [] : [`database: ${problem}`],
  ),
  ...(isStandby
    ? ["database: it is a standby and takes no writes; DATABASE_URL must lead to the primary"]
    : []),
  ...(isReadOnly && !isStandby
    ? ["database: it takes no writes (default_transaction_read_only is on); no feature can be changed"]
    : []),
  ...(missingMigrations.length > 0
    ? [
        `database: it is older than this origin, as after a restore, and lacks ${missingMigrations.join(", ")}; ` +
          "start the origin again, which brings it up to date",
      ]
    : []),
];
