// Brings up the database: the given one or the embedded one, migrated, with connections that have the service's rights.
import { setTimeout as sleep } from "node:timers/promises";
import type { Config } from "../environment/variables.ts";
import type { Logger } from "../runtime/log.ts";
import { startEmbeddedPostgres } from "./embedded-postgres.ts";
import { errorText } from "../runtime/error-text.ts";
import { sessionProblem } from "./check-sessions.ts";
import { connectFailure } from "./connect-failure.ts";
import { readServerState, serverProblems } from "./server-state.ts";
import { keepPostgres } from "./kept-postgres.ts";
import { makeHistoryReads, type HistoryReads } from "./history-reads.ts";
import { migrate, migrationNames } from "./migrate.ts";
import { makePool, type Pool, type PoolOptions } from "./pool.ts";
import { tlsFailure } from "./tls-failure.ts";
import { asServiceRole, serviceUrlOf } from "./service-role.ts";
import { waitForSchema } from "./wait-for-schema.ts";

export type Database = {
  /** For connections of the stages; they have the service's rights. */
  readonly url: string;
  readonly pool: Pool;
  readonly history: HistoryReads;
  /** Of DATABASE_REPLICA_URL. */
  readonly replica: Pool | undefined;
  /** All that the database should have. */
  readonly migrations: readonly string[];
  /** A pool of a stage's own: its work neither waits for other stages nor makes them wait. */
  readonly makeStagePool: (options: Pick<PoolOptions, "applicationName" | "max" | "queryTimeoutMs">) => Pool;
  /** Says why the database does not answer, or is not one to work with; empty when it does and is. */
  readonly notReady: () => Promise<readonly string[]>;
  readonly stop: () => Promise<void>;
};

const QUERY_TIMEOUT_MS = 10_000;
const POOLS_END_MS = 1_000;

export const openDatabase = async (options: {
  config: Pick<Config, "DATABASE_URL" | "DATABASE_REPLICA_URL" | "DATA_DIR" | "ORIGIN_PORT" | "MIGRATE">;
  log: Logger;
  /** Whether the process shall end, also while it still starts. */
  isEnding: () => boolean;
  /** Connections that break while the process ends are not worth a line. */
  isStopping: () => boolean;
}): Promise<Database> => {
  const { config, log, isEnding, isStopping } = options;
  const embedded =
    config.DATABASE_URL === undefined
      ? await keepPostgres({
          start: (port) =>
            startEmbeddedPostgres({
              dataDir: config.DATA_DIR,
              ownerPort: config.ORIGIN_PORT,
              ...(port === undefined ? {} : { port }),
            }),
          log,
        })
      : undefined;
  const givenUrl = config.DATABASE_URL ?? embedded?.url ?? "";
  const unusable =
    embedded === undefined
      ? await sessionProblem(givenUrl).catch((error: unknown) => {
          throw connectFailure(error, givenUrl);
        })
      : null;
  if (unusable !== null) throw new Error(`DATABASE_URL: ${unusable}`);
  const migrations = await migrationNames();
  if (config.MIGRATE === "wait") await waitForSchema({ databaseUrl: givenUrl, migrations, isEnding, log });
  else {
    const migrated = await migrate(givenUrl, (message) =>
      log.warn({ message }, "a migration reported this warning"),
    );
    if (migrated.length > 0) log.info({ migrated }, "the database was migrated");
  }
  const serviceUrl = await serviceUrlOf(givenUrl);
  if (serviceUrl === null)
    log.warn({}, "there is no role sluice_service, so this process has all the rights of its database login");

  const makeStagePool = (
    {
      applicationName,
      max,
      queryTimeoutMs = QUERY_TIMEOUT_MS,
    }: Pick<PoolOptions, "applicationName" | "max" | "queryTimeoutMs">,
    url = serviceUrl ?? givenUrl,
  ): Pool =>
    makePool(url, {
      applicationName,
      ...(max === undefined ? {} : { max }),
      queryTimeoutMs,
      onIdleError: ({ message }) => {
        if (!isStopping())
          log.warn({ error: message }, "an idle database connection broke; the pool makes another");
      },
    });
  const pool = makeStagePool({ applicationName: "sluice-origin" });

  // The replica is not asked whether it has the role: it is a copy of its primary, and may be away just now.
  const replicaUrl = config.DATABASE_REPLICA_URL;
  const replica =
    replicaUrl === undefined
      ? undefined
      : makeStagePool(
          { applicationName: "sluice-history" },
          serviceUrl === null ? replicaUrl : asServiceRole(replicaUrl),
        );

  return {
    url: serviceUrl ?? givenUrl,
    pool,
    history: makeHistoryReads({ primary: pool, replica, log }),
    replica,
    migrations,
    makeStagePool,
    notReady: () =>
      readServerState(pool, migrations).then(
        (state) => (state === undefined ? [] : serverProblems(state)),
        (error: unknown) => [`database: ${tlsFailure(error) ?? errorText(error)}`],
      ),
    stop: async () => {
      // A pool ends once every connection was given back, which one that waits for an answer never is.
      await Promise.race([
        Promise.all([replica?.end(), pool.end()]),
        sleep(POOLS_END_MS, undefined, { ref: false }),
      ]);
      await embedded?.stop();
    },
  };
};
