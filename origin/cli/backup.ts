// `sluice backup` and `sluice restore`: the only commands that speak with the database, since the origin may be lost.
import { createWriteStream } from "node:fs";
import { open, rename, rm } from "node:fs/promises";
import type { Writable } from "node:stream";
import { finished, pipeline } from "node:stream/promises";
import { createZstdCompress, createZstdDecompress } from "node:zlib";
import { defineCommand } from "citty";
import packageJson from "../../package.json" with { type: "json" };
import { gapLines, readBackupGaps } from "./backup/backup-gaps.ts";
import { withDatabase, type DatabasePlace } from "./backup/backup-database.ts";
import { readBackup } from "./backup/read-backup.ts";
import { refuseNewerBackup, refuseUsedDatabase, restoreBackup } from "./backup/restore-backup.ts";
import { writeBackup } from "./backup/write-backup.ts";
import { migrate, migrationNames } from "../db/migrate.ts";
import { makePool, withClient, type Client } from "../db/pool.ts";
import { UsageError } from "./errors.ts";
import { readOwnConfig } from "./own-config.ts";
import { jsonArgument, printJson, say } from "./print.ts";

/** The first bytes of a zstd frame (RFC 8878, 3.1.1). */
const ZSTD = Buffer.from([0x28, 0xb5, 0x2f, 0xfd]);

const placeOf = (): DatabasePlace => {
  const config = readOwnConfig(process.env);
  return { databaseUrl: config.DATABASE_URL, dataDir: config.DATA_DIR };
};

/** Lends one connection, which nobody takes for an origin's. */
const withConnection = async <T>(url: string, work: (client: Client) => Promise<T>): Promise<T> => {
  const pool = makePool(url, { applicationName: "backup of sluice", max: 1, onIdleError: () => {} });
  try {
    return await withClient(pool, work);
  } finally {
    await pool.end();
  }
};

const sumOf = (rows: Readonly<Record<string, number>>): number =>
  Object.values(rows).reduce((sum, count) => sum + count, 0);

/** Writes `work` to standard output, or to a file that has its name only once it is whole. */
const intoFile = async <T>(file: string | undefined, work: (out: Writable) => Promise<T>): Promise<T> => {
  const partial = file === undefined ? undefined : `${file}.part`;
  const target = partial === undefined ? process.stdout : createWriteStream(partial, { mode: 0o600 });
  const packed = createZstdCompress();
  packed.pipe(target);
  // A full disk or a reader that went away ends the work, too.
  const failed = new Promise<never>((_, reject) => target.once("error", reject));
  try {
    const result = await Promise.race([work(packed), failed]);
    packed.end();
    await Promise.race([finished(packed, { readable: true }), failed]);
    if (partial !== undefined && file !== undefined) {
      await finished(target);
      await rename(partial, file);
    }
    return result;
  } catch (error) {
    packed.destroy();
    if (partial !== undefined) await rm(partial, { force: true });
    throw error;
  }
};

export const backupCommand = defineCommand({
  meta: {
    name: "backup",
    description: "Write the whole database as of this moment, while the origin goes on",
  },
  args: {
    out: { type: "string", valueHint: "FILE", description: "where to; else standard output" },
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
    const { rows, gaps } = await withDatabase(placeOf(), { toRead: true }, (url) =>
      withConnection(url, async (client) => {
        const written = await intoFile(args.out, (out) =>
          writeBackup(client, out, {
            version: packageJson.version,
            now: new Date(),
            withSpans: args.spans,
            onTable: (name, count) => {
              if (process.stderr.isTTY) say(`${name}: ${count} rows`);
            },
          }),
        );
        return { rows: written, gaps: await readBackupGaps(client) };
      }),
    );
    if (args.json) printJson({ file: args.out, rows, ...gaps });
    say(
      `Saved ${sumOf(rows)} rows of ${Object.keys(rows).length} tables. The keys are not among them: keep the environment and DATA_DIR/secrets.json as well.`,
    );
    for (const line of gapLines(gaps)) say(line);
  },
});

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
  yield* unpacked;
}

const openBackup = async (file: string): Promise<AsyncIterable<Buffer>> => {
  if (file === "-") return process.stdin;
  try {
    return (await open(file)).createReadStream();
  } catch (cause) {
    throw new UsageError(`${file} cannot be read`, { cause });
  }
};

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
    const source = await openBackup(args.file);
    const restored = await withDatabase(placeOf(), { toRead: false }, (url) =>
      withConnection(url, async (client) => {
        await refuseUsedDatabase(client);
        const known = await migrationNames();
        return restoreBackup(client, readBackup(unpack(source)), async (header) => {
          refuseNewerBackup(header, known);
          await migrate(url, say, header.migrations.length);
        });
      }),
    );
    const { header, rows, auditRows } = restored;
    if (args.json)
      printJson({ madeAt: header.madeAt, version: header.version, rows, auditRows, verified: true });
    say(
      `Restored ${sumOf(rows)} rows as of ${header.madeAt}. The audit of ${auditRows} rows and what was counted are as they were saved. Start the origins, and read their log: closes that came after the backup are taken back from the edges.`,
    );
  },
});
