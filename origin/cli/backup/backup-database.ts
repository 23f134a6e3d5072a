// The database that a backup is made of or restored into: the one of DATABASE_URL, or the embedded one of the data folder,
// which is started for the time if no origin runs on it.
import { connect } from "../../db/connect.ts";
import { connectFailure } from "../../db/connect-failure.ts";
import { DatabaseLost } from "../../db/own-connection.ts";
import { FolderOwnedError } from "../../db/folder-owner.ts";
import { hasEmbeddedPostgres, runningPostgres, startEmbeddedPostgres } from "../../db/embedded-postgres.ts";
import { BackupError } from "./backup-format.ts";

export type DatabasePlace = {
  readonly databaseUrl: string | undefined;
  readonly dataDir: string;
};

const refuseUnreachable = async (url: string): Promise<void> => {
  const client = await connect({ connectionString: url, connectionTimeoutMillis: 5_000 }).catch(
    (error: unknown) => {
      throw connectFailure(error, url);
    },
  );
  await client.end();
};

/** Lends its URL. `toRead`: it has to be there, and an origin may work with it meanwhile. */
export const withDatabase = async <T>(
  { databaseUrl, dataDir }: DatabasePlace,
  { toRead }: { readonly toRead: boolean },
  work: (url: string) => Promise<T>,
): Promise<T> => {
  if (databaseUrl !== undefined)
    return work(databaseUrl).catch(async (error: unknown) => {
      // It may be another database of the work that cannot be reached, and one that is named already stays so.
      const isNamed = error instanceof DatabaseLost || error instanceof BackupError;
      if (!isNamed && connectFailure(error, databaseUrl) !== error) await refuseUnreachable(databaseUrl);
      throw error;
    });
  if (toRead && !(await hasEmbeddedPostgres(dataDir)))
    throw new BackupError(`there is no database in DATA_DIR ${dataDir}, and DATABASE_URL is not set`);
  try {
    const server = await startEmbeddedPostgres({ dataDir });
    try {
      return await work(server.url);
    } finally {
      await server.stop();
    }
  } catch (error) {
    if (!(error instanceof FolderOwnedError)) throw error;
    if (!toRead) throw new BackupError(error.message, { cause: error });
    const url = await runningPostgres(dataDir);
    if (url === undefined) throw new BackupError("the embedded PostgreSQL does not answer", { cause: error });
    return work(url);
  }
};
