// Whether connections keep their sessions: a pooler that gives each transaction another session of the server breaks LISTEN,
// session locks and prepared statements, and none of it at once. So it is tried before anything starts.
import { randomInt } from "node:crypto";
import type { Client } from "pg";
import { errorText } from "../runtime/error-text.ts";
import { connect } from "./connect.ts";

const TRY_MS = 5_000;

const WAY_OUT =
  "Sluice needs sessions of its own: it listens for changes, holds session locks and prepares statements. " +
  "Let DATABASE_URL lead to PostgreSQL itself, or to a pooler that pools sessions (PgBouncer: pool_mode = session)";

/** A pooler closes what it refuses; the query in work says so too. */
const connectTo = (url: string): Promise<Client> =>
  connect({
    connectionString: url,
    application_name: "sluice-session-check",
    connectionTimeoutMillis: TRY_MS,
    query_timeout: TRY_MS,
  });

const pidOf = async (client: Client): Promise<number | undefined> =>
  (await client.query<{ pid: number }>("select pg_backend_pid() as pid")).rows[0]?.pid;

/**
 * What one connection can do while another one is in a transaction: it takes the session that the first one had, where a
 * pooler shares them. Resolves to what does not work.
 */
const tryBeside = async (first: Client, second: Client): Promise<string | null> => {
  // Of this check alone: several processes may start at once.
  const key = randomInt(2 ** 31);
  const channel = `sluice_session_check_${key}`;
  const lock = `hashtext('sluice session check'), ${key}`;
  const pid = await pidOf(first);
  await first.query(`select pg_advisory_lock(${lock})`);
  await first.query({ name: "sluice-session-check", text: "select 1" });
  await first.query(`listen ${channel}`);
  const heard = new Promise<boolean>((resolve) => {
    first.once("notification", () => resolve(true));
    setTimeout(() => resolve(false), TRY_MS).unref();
  });

  await second.query("begin");
  const { rows } = await second.query<{ free: boolean }>(`select pg_try_advisory_xact_lock(${lock}) as free`);
  if (rows[0]?.free === true) return "a session lock does not keep others out";
  if ((await pidOf(first)) !== pid) return "a connection changes its session between two statements";
  await first.query({ name: "sluice-session-check", text: "select 1" });
  await second.query("commit");
  await second.query(`notify ${channel}`);
  return (await heard) ? null : "a notification does not reach the connection that listens";
};

/** Why this way to the database cannot be used; null when it can. Throws when nothing answers there. */
export const sessionProblem = async (url: string): Promise<string | null> => {
  const first = await connectTo(url);
  try {
    const second = await connectTo(url);
    try {
      const problem = await tryBeside(first, second);
      return problem === null ? null : `${problem}. ${WAY_OUT}`;
    } catch (error) {
      return `a session cannot be kept (${errorText(error)}). ${WAY_OUT}`;
    } finally {
      await second.end().catch(() => {});
    }
  } finally {
    await first.end().catch(() => {});
  }
};
