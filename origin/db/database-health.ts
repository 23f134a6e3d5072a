// Whether the database can be worked with: it takes writes, has all migrations, agrees about the time, and its replica keeps up.
import type { Finding, HealthCheck } from "../runtime/health.ts";
import type { Pool } from "./pool.ts";
import { hasOlderRights } from "./service-rights.ts";
import { readServerState, serverProblems } from "./server-state.ts";
import { MOVE_TO_NEWER, versionProblem } from "./server-version.ts";

/** Evaluations count by the database's clock and by the origin's. */
const CLOCK_WARNING_MS = 1_000;
const CLOCK_FAILING_MS = 60_000;
const REPLICA_LAG_S = 30;

const OLDER_RIGHTS: Finding = {
  status: "warning",
  subject: "rights",
  summary: "the service's role may make tables and functions, which only older versions need",
  todo: "once every origin has this version: npx sluice migrate --contract, with the owner's login",
};

const clockFinding = async (pool: Pool, nowMs: () => number): Promise<Finding> => {
  const askedMs = nowMs();
  const { rows } = await pool.query<{ ms: number }>(
    "select extract(epoch from clock_timestamp())::float8 * 1000 as ms",
  );
  const answeredMs = nowMs();
  const away = Math.max(
    0,
    Math.abs((rows[0]?.ms ?? 0) - (askedMs + answeredMs) / 2) - (answeredMs - askedMs) / 2,
  );
  const summary = `the database's clock is ${(away / 1_000).toFixed(1)} s from the origin's`;
  if (away < CLOCK_WARNING_MS) return { status: "ok", subject: "database", summary };
  return {
    status: away < CLOCK_FAILING_MS ? "warning" : "failing",
    subject: "database",
    summary,
    todo: "let both machines follow a time server (chrony, systemd-timesyncd)",
  };
};

const replicaFinding = async (pool: Pool, replica: Pool): Promise<Finding> => {
  const { rows } = await replica.query<{ standby: boolean; lsn: string | null; seconds: number | null }>(
    `select pg_is_in_recovery() as standby, pg_last_wal_replay_lsn()::text as lsn,
       extract(epoch from clock_timestamp() - pg_last_xact_replay_timestamp())::float8 as seconds`,
  );
  // After the replica, so that one which follows is never ahead.
  const { rows: primary } = await pool.query<{ bytes: number | null }>(
    "select pg_wal_lsn_diff(pg_current_wal_lsn(), $1::pg_lsn)::float8 as bytes",
    [rows[0]?.lsn ?? null],
  );
  const [row] = rows;
  if (row?.standby !== true)
    return {
      status: "warning",
      summary: "DATABASE_REPLICA_URL leads to a database that is no standby",
      todo: "name a standby of the primary, or leave the variable unset",
    };
  const { seconds } = row;
  const bytes = primary[0]?.bytes ?? null;
  if (bytes !== null && bytes < 0)
    return {
      status: "warning",
      summary:
        "the replica has more than the primary: it followed another one, which was replaced without its last changes",
      todo: "copy it anew from the primary (pg_basebackup, pg_rewind); until then history in the admin API may show changes that were lost",
    };
  // With nothing left to replay, the time of the last transaction says nothing.
  const behind = bytes === null || bytes <= 0 ? 0 : (seconds ?? 0);
  const summary = `the replica is ${behind.toFixed(0)} s behind`;
  return behind < REPLICA_LAG_S
    ? { status: "ok", summary }
    : { status: "warning", summary, todo: "see why it replays slowly; history in the admin API is as old" };
};

/** `migrations`: the names of all that the database should have. `nowMs`: wall clock. */
export const databaseChecks = (options: {
  pool: Pool;
  replica: Pool | undefined;
  migrations: readonly string[];
  nowMs: () => number;
}): readonly HealthCheck[] => {
  const { pool, replica, migrations, nowMs } = options;
  return [
    {
      id: "database",
      run: async () => {
        const state = await readServerState(pool, migrations);
        if (state === undefined)
          return [{ status: "unknown", summary: "the database said nothing of itself" }];
        const problems = serverProblems(state).map((text) => text.replace(/^database: /, ""));
        const [first, ...rest] = problems;
        if (first !== undefined)
          return [first, ...rest].map((summary): Finding =>
            summary === versionProblem(state)
              ? { status: "failing", summary, todo: MOVE_TO_NEWER }
              : { status: "failing", summary },
          );
        return [
          { status: "ok", summary: `PostgreSQL ${state.version} takes writes and has every migration` },
          ...((await hasOlderRights(pool)) ? [OLDER_RIGHTS] : []),
        ];
      },
    },
    { id: "clock", run: async () => [await clockFinding(pool, nowMs)] },
    ...(replica === undefined
      ? []
      : [{ id: "replica", run: async () => [await replicaFinding(pool, replica)] }]),
  ];
};
