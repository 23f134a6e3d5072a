// The main database and those of the aggregates. A process that only migrates ends here.
import { openAggregateDatabases } from "../db/aggregate-databases.ts";
import { openDatabase } from "../db/open-database.ts";
import { errorText } from "../runtime/error-text.ts";
import type { OriginProcess } from "./process.ts";

export type Databases = Awaited<ReturnType<typeof openDatabases>>;

export const openDatabases = async ({ config, log, shutdown }: OriginProcess) => {
  const main = await openDatabase({
    config,
    log,
    isEnding: shutdown.isRequested,
    isStopping: shutdown.hasBegun,
  }).catch((error: unknown) => shutdown.giveUp([], `the database cannot be used: ${errorText(error)}`, 1));
  const aggregates = await openAggregateDatabases({
    configured: config.AGGREGATE_DATABASE_URLS,
    migrates: config.MIGRATE !== "wait",
    main: { url: main.url, pool: main.pool },
    log,
    isStopping: shutdown.hasBegun,
  });
  if (config.MIGRATE === "only") {
    const problems = [...aggregates.problems()];
    for (const [name, problem] of problems)
      log.error({ database: name, error: problem }, "an aggregate database lacks migrations");
    if (problems.length === 0)
      log.info({}, "the database has all migrations; MIGRATE is only, so the process ends");
    await aggregates.stop();
    await main.stop();
    process.exit(problems.length === 0 ? 0 : 1);
  }
  return { main, aggregates };
};
