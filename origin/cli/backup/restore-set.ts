// Restores the backups of one set together: each is filled and verified before the first is committed.
import { open } from "node:fs/promises";
import { pipeline } from "node:stream/promises";
import { createZstdDecompress } from "node:zlib";
import { MAIN } from "../../db/aggregate-databases.ts";
import { INSUFFICIENT_PRIVILEGE, sqlState } from "../../db/errors.ts";
import { migrate, migrationNames, MigrationRightsError } from "../../db/migrate.ts";
import { errorText } from "../../runtime/error-text.ts";
import { UsageError } from "../errors.ts";
import { BackupError, cutOff, type BackupHeader } from "./backup-format.ts";
import { readBackup } from "./read-backup.ts";
import {
  refuseCountedDatabase,
  refuseNewerBackup,
  refuseUsedDatabase,
  restoreBackup,
  type Restored,
} from "./restore-backup.ts";
import { withBackupConnection, type NamedUrl } from "./snapshots.ts";

/** Names the database that could not be restored. */
class OfOneDatabase extends BackupError {}

/** Tables are made and filled by their owner alone, so it is no login of an origin. */
const orSayWhoRestores = (error: unknown): never => {
  const isOfRights = error instanceof MigrationRightsError;
  if (!isOfRights && sqlState(error) !== INSUFFICIENT_PRIVILEGE) throw error;
  throw new BackupError(
    "this login may not restore: let the URL name the login that owns the database, and make the origins' login afterwards",
    { cause: isOfRights ? error.cause : error },
  );
};

/** The file of one database. */
export const fileOf = (file: string, name: string): string => (name === MAIN ? file : `${file}.${name}`);

/** The first bytes of a zstd frame (RFC 8878, 3.1.1). */
const ZSTD = Buffer.from([0x28, 0xb5, 0x2f, 0xfd]);

/** Unpacks what was packed; a plain script is taken too. */
async function* unpack(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const pieces = source[Symbol.asyncIterator]();
  let head: Buffer = Buffer.alloc(0);
  for (let next = await pieces.next(); !next.done; next = await pieces.next()) {
    head = Buffer.concat([head, next.value]);
    if (head.length >= ZSTD.length) break;
  }
  async function* whole(): AsyncGenerator<Buffer> {
    yield head;
    for (let next = await pieces.next(); !next.done; next = await pieces.next()) yield next.value;
  }
  if (!head.subarray(0, ZSTD.length).equals(ZSTD)) return yield* whole();
  const unpacked = createZstdDecompress();
  // What goes wrong is thrown where the unpacked bytes are read.
  pipeline(whole(), unpacked).catch(() => {});
  try {
    yield* unpacked;
  } catch (cause) {
    if (cause instanceof Error && "code" in cause && cause.code === "Z_BUF_ERROR") throw cutOff();
    throw new BackupError("the backup cannot be unpacked", { cause });
  }
}

export const openBackup = async (file: string): Promise<AsyncIterable<Buffer>> => {
  if (file === "-") return process.stdin;
  try {
    return (await open(file)).createReadStream();
  } catch (cause) {
    throw new UsageError(`${file} cannot be read`, { cause });
  }
};

/** The backups of a set are restored together, each into the database of its name. */
const refuseOtherPlaces = (
  { set }: BackupHeader,
  asked: { readonly file: string; readonly database: string; readonly others: readonly NamedUrl[] },
): void => {
  if (set === undefined) return;
  if (set.database !== asked.database)
    throw new BackupError(
      `${asked.file} is the backup of the database ${set.database}, not of ${asked.database}; restore the file of the main database, and it takes the others from beside it`,
    );
  if (asked.file === "-")
    throw new BackupError(
      `the backup has files for ${set.others.join(", ")} too: name the file of the main database`,
    );
  const missing = set.others.filter((name) => !asked.others.some((one) => one.name === name));
  if (missing.length > 0)
    throw new BackupError(
      `the backup has the databases ${missing.join(", ")} too: name an empty one for each by AGGREGATE_DATABASE_URLS`,
    );
};

/** Each is filled and verified within the transaction of the one before it, so that the first commit comes after the last check. */
const restoreOthers = async (
  [first, ...rest]: readonly NamedUrl[],
  set: {
    readonly file: string;
    readonly setId: string;
    readonly known: readonly string[];
    readonly say: (line: string) => void;
  },
): Promise<readonly Restored[]> => {
  if (first === undefined) return [];
  const { name, url } = first;
  const file = fileOf(set.file, name);
  const source = await openBackup(file);
  try {
    return await withBackupConnection(url, async (client) => {
      await refuseUsedDatabase(client);
      await refuseCountedDatabase(client);
      const more: Restored[] = [];
      const restored = await restoreBackup(
        client,
        readBackup(unpack(source)),
        async (header) => {
          if (header.set?.id !== set.setId || header.set.database !== name)
            throw new BackupError(`${file} is of another backup than ${set.file}`);
          refuseNewerBackup(header, set.known);
          await migrate(url, set.say, header.migrations.length);
        },
        async () => void more.push(...(await restoreOthers(rest, set))),
      );
      return [restored, ...more];
    }).catch(orSayWhoRestores);
  } catch (cause) {
    if (cause instanceof OfOneDatabase) throw cause;
    throw new OfOneDatabase(`the aggregate database ${name}: ${errorText(cause)}`, { cause });
  }
};

/** Restores the main database of `file`, and those that are saved beside it into the ones of `others`; all or none. */
export const restoreSet = (to: {
  readonly url: string;
  readonly others: readonly NamedUrl[];
  /** - is standard input. */
  readonly file: string;
  /** what is in the file, packed or not */
  readonly source: AsyncIterable<Buffer>;
  readonly say: (line: string) => void;
}): Promise<Restored & { readonly databases: readonly string[] }> => {
  const { url, others, file, source, say } = to;
  return withBackupConnection(url, async (client) => {
    await refuseUsedDatabase(client);
    const known = await migrationNames();
    const more: Restored[] = [];
    const main = await restoreBackup(
      client,
      readBackup(unpack(source)),
      async (header) => {
        refuseNewerBackup(header, known);
        refuseOtherPlaces(header, { file, database: MAIN, others });
        await migrate(url, say, header.migrations.length);
      },
      // All are verified before the first is committed, and the main one is committed last.
      async ({ set }) => {
        if (set === undefined) return;
        const ordered = set.others.flatMap((name) => others.filter((one) => one.name === name));
        more.push(...(await restoreOthers(ordered, { file, setId: set.id, known, say })));
      },
    );
    return {
      ...main,
      rows: [main, ...more].reduce<Record<string, number>>((sums, { rows: some }) => {
        for (const [table, count] of Object.entries(some)) sums[table] = (sums[table] ?? 0) + count;
        return sums;
      }, {}),
      databases: [MAIN, ...(main.header.set?.others ?? [])],
    };
  }).catch(orSayWhoRestores);
};
