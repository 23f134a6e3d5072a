// Whether PostgreSQL is new enough. An older one takes some of the migrations and then lacks what the rest needs, so it is
// refused before anything is written.
import type { Queryable } from "./pool.ts";

/** As `server_version_num`. */
const OLDEST_VERSION = 170_000;

type ServerVersion = { readonly version: string; readonly versionNumber: number };

export const MOVE_TO_NEWER = "move the database to PostgreSQL 17 or newer (pg_upgrade, or a dump)";

/** null: it is new enough. */
export const versionProblem = ({ version, versionNumber }: ServerVersion): string | null =>
  versionNumber < OLDEST_VERSION ? `PostgreSQL ${version} is too old, 17 is needed` : null;

/** Throws for one that is too old. Any login may ask. */
export const refuseOldServer = async (db: Queryable): Promise<void> => {
  const { rows } = await db.query<ServerVersion>(
    `select current_setting('server_version') as version,
       current_setting('server_version_num')::integer as "versionNumber"`,
  );
  const problem = rows[0] === undefined ? null : versionProblem(rows[0]);
  if (problem !== null) throw new Error(`${problem}; nothing was changed there: ${MOVE_TO_NEWER}`);
};
