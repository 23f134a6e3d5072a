// What whoever makes a backup has to know of it: partitions whose counts are in other databases, and secrets in plain text.
import { makeHookSecrets } from "../../hooks/hook-secrets.ts";
import { makeTargetSecrets } from "../../notifications/target-secrets.ts";
import { makeStoredSecrets } from "../../runtime/stored-secrets.ts";
import { MAIN, readPlaces } from "../../db/aggregate-databases.ts";
import { sqlState, UNDEFINED_TABLE } from "../../db/errors.ts";
import type { Queryable } from "../../db/pool.ts";

export type BackupGaps = {
  /** Databases that have partitions; this backup has nothing of them. */
  readonly otherDatabases: readonly { readonly name: string; readonly partitions: readonly number[] }[];
  /** Hooks and notification targets whose secrets can be read in it. */
  readonly plainSecrets: readonly string[];
};

/** A database of an older version may lack the table, and then has nothing of it. */
const orNone = async <T>(read: () => Promise<T>, none: T): Promise<T> => {
  try {
    return await read();
  } catch (error) {
    if (sqlState(error) === UNDEFINED_TABLE) return none;
    throw error;
  }
};

/** `saved`: the aggregate databases that this backup has. */
export const readBackupGaps = async (
  db: Queryable,
  saved: readonly { readonly name: string }[],
): Promise<BackupGaps> => {
  const byDatabase = await orNone<ReadonlyMap<string, readonly number[]>>(
    async () => (await readPlaces(db)).byDatabase,
    new Map(),
  );
  const secrets = makeStoredSecrets(undefined);
  const holders = [makeTargetSecrets(db, secrets), makeHookSecrets(db, secrets)];
  const facts = [];
  for (const holder of holders) facts.push(...(await orNone(holder.facts, [])));
  return {
    otherDatabases: [...byDatabase]
      .filter(([name]) => name !== MAIN && !saved.some((one) => one.name === name))
      .map(([name, partitions]) => ({ name, partitions })),
    plainSecrets: [...new Set(facts.filter(({ kid }) => kid === null).map(({ row }) => row))],
  };
};

export const gapLines = ({ otherDatabases, plainSecrets }: BackupGaps): string[] => [
  ...otherDatabases.map(
    ({ name, partitions }) =>
      `NOT IN IT: the counts of partitions ${partitions.join(", ")}, which live in the database ${name}: name it by AGGREGATE_DATABASE_URLS, and a file by --out`,
  ),
  ...(plainSecrets.length === 0
    ? []
    : [
        `It holds secrets in plain text, since ENCRYPTION_KEYS is not set at the origins: ${plainSecrets.join(", ")}`,
      ]),
];
