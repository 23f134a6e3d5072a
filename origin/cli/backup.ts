// `sluice backup` and `sluice restore`: the only commands that speak with the database, since the origin may be lost.
import { randomUUID } from "node:crypto";
import { createWriteStream } from "node:fs";
import { rename, rm, stat } from "node:fs/promises";
import type { Writable } from "node:stream";
import { finished } from "node:stream/promises";
import { createZstdCompress } from "node:zlib";
import { defineCommand } from "citty";
import packageJson from "../../package.json" with { type: "json" };
import { gapLines, readBackupGaps } from "./backup/backup-gaps.ts";
import { BackupError } from "./backup/backup-format.ts";
import { withDatabase, type DatabasePlace } from "./backup/backup-database.ts";
import { fileOf, openBackup, restoreSet } from "./backup/restore-set.ts";
import {
  withBackupConnection,
  withSnapshots,
  type NamedSnapshot,
  type NamedUrl,
} from "./backup/snapshots.ts";
import { writeBackup } from "./backup/write-backup.ts";
import { MAIN } from "../db/aggregate-databases.ts";
import { UsageError } from "./errors.ts";
import { readOwnConfig } from "./own-config.ts";
import { jsonArgument, printJson, say } from "./print.ts";

const placeOf = (): DatabasePlace & { readonly others: readonly NamedUrl[] } => {
  const config = readOwnConfig(process.env);
  return {
    databaseUrl: config.DATABASE_URL,
    dataDir: config.DATA_DIR,
    others: config.AGGREGATE_DATABASE_URLS,
  };
};

const sumOf = (rows: Readonly<Record<string, number>>): number =>
  Object.values(rows).reduce((sum, count) => sum + count, 0);

/** A backup that is there may be the only one. */
const refuseTaken = async (file: string, force: boolean): Promise<void> => {
  const found = await stat(file).catch(() => undefined);
  if (found?.isDirectory() === true) throw new UsageError(`--out: ${file} is a folder; name a file`);
  if (found !== undefined && !force)
    throw new UsageError(`--out: ${file} is there already; name another file, or replace it with --force`);
};

/** Writes `work` to standard output, or to a file that has its name only once it is whole. */
const intoFile = async <T>(file: string | undefined, work: (out: Writable) => Promise<T>): Promise<T> => {
  const partial = file === undefined ? undefined : `${file}.part`;
  const target = partial === undefined ? process.stdout : createWriteStream(partial, { mode: 0o600 });
  const packed = createZstdCompress();
  packed.pipe(target);
  // A full disk or a reader that went away ends the work, too.
  const failed = new Promise<never>((_, reject) =>
    target.once("error", (cause) =>
      reject(new BackupError(`${file ?? "standard output"} cannot be written`, { cause })),
    ),
  );
  try {
    const result = await Promise.race([work(packed), failed]);
    packed.end();
    await Promise.race([finished(packed, { readable: true }), failed]);
    if (partial !== undefined && file !== undefined) {
      await Promise.race([finished(target), failed]);
      await rename(partial, file);
    }
    return result;
  } catch (error) {
    packed.destroy();
    if (partial !== undefined) await rm(partial, { force: true });
    throw error;
  }
};

type Rows = Readonly<Record<string, number>>;

const writeSet = async (
  snapshots: readonly NamedSnapshot[],
  { out: file, withSpans }: { readonly out: string | undefined; readonly withSpans: boolean },
): Promise<{ readonly rows: Rows; readonly files: readonly string[] }> => {
  const others = snapshots.map(({ name }) => name).filter((name) => name !== MAIN);
  const id = randomUUID();
  const now = new Date();
  const sums: Record<string, number> = {};
  const files: string[] = [];
  for (const snapshot of snapshots) {
    const { name } = snapshot;
    const target = file === undefined ? undefined : fileOf(file, name);
    const rows = await intoFile(target, (out) =>
      writeBackup(snapshot, out, {
        version: packageJson.version,
        now,
        withSpans,
        ...(others.length === 0 ? {} : { set: { id, database: name, others } }),
        onTable: (table, count) => {
          if (process.stderr.isTTY) say(`${name === MAIN ? "" : `${name}: `}${table}: ${count} rows`);
        },
      }),
    );
    for (const [table, count] of Object.entries(rows)) sums[table] = (sums[table] ?? 0) + count;
    if (target !== undefined) files.push(target);
  }
  return { rows: sums, files };
};

export const backupCommand = defineCommand({
  meta: {
    name: "backup",
    description:
      "Write the whole database, and those of the aggregates, as of this moment, while origins go on",
  },
  args: {
    out: { type: "string", valueHint: "FILE", description: "where to; else standard output" },
    force: { type: "boolean", default: false, description: "replace a file that is there already" },
    spans: {
      type: "boolean",
      default: true,
      description: "raw spans too, by which nothing is decided; --no-spans leaves them out",
    },
    json: { ...jsonArgument, description: "write what was saved as JSON; needs --out" },
  },
  run: async ({ args }) => {
    if (args.out === undefined && (args.json || process.stdout.isTTY))
      throw new UsageError("say where to: --out FILE, or lead standard output into a file");
    const { others: configured, ...place } = placeOf();
    // Standard output takes one database.
    const others = args.out === undefined ? [] : configured;
    if (args.out !== undefined)
      for (const { name } of [{ name: MAIN }, ...others])
        await refuseTaken(fileOf(args.out, name), args.force);
    const { rows, gaps, files } = await withDatabase(place, { toRead: true }, (url) =>
      withBackupConnection(url, async (client, pool) => {
        const written = await withSnapshots(pool, others, (snapshots) =>
          writeSet(snapshots, { out: args.out, withSpans: args.spans }),
        );
        return { ...written, gaps: await readBackupGaps(client, others) };
      }),
    );
    if (args.json) printJson({ file: args.out, files, rows, ...gaps });
    say(
      `Saved ${sumOf(rows)} rows of ${Object.keys(rows).length} tables. The keys are not among them: keep the environment and DATA_DIR/secrets.json as well.`,
    );
    for (const line of gapLines(gaps)) say(line);
  },
});

export const restoreCommand = defineCommand({
  meta: {
    name: "restore",
    description: "Put a backup into an empty database, verified; the origins are stopped",
  },
  args: {
    file: { type: "positional", description: "the backup; - for standard input", required: true },
    json: jsonArgument,
  },
  run: async ({ args }) => {
    const { others, ...place } = placeOf();
    const source = await openBackup(args.file);
    const restored = await withDatabase(place, { toRead: false }, (url) =>
      restoreSet({ url, others, file: args.file, source, say }),
    );
    const { header, rows, auditRows, databases } = restored;
    if (args.json)
      printJson({
        madeAt: header.madeAt,
        version: header.version,
        rows,
        auditRows,
        databases,
        verified: true,
      });
    say(
      `Restored ${sumOf(rows)} rows as of ${header.madeAt}. The audit of ${auditRows} rows and what was counted are as they were saved. Start the origins, and read their log: closes that came after the backup are taken back from the edges.`,
    );
  },
});
