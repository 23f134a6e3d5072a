// What a backup is: an SQL script that psql can run on a migrated, empty database too, with a header and a footer in comments.
// The header says what the backup needs, the footer what a restore has to find. A file without a footer was cut off.
import { z } from "zod";

/** Rows that must not come back: ended sessions and used codes would be valid again, old answers would be given again. */
export const LEFT_OUT = ["sessions", "sign_in_codes", "idempotency_keys", "schema_migrations"] as const;

const MARK = "-- sluice-backup ";
const END_MARK = "-- sluice-backup-end ";

export const BackupHeader = z.object({
  format: z.literal(1),
  /** of Sluice */
  version: z.string(),
  madeAt: z.iso.datetime(),
  migrations: z.array(z.string()),
  /** Where aggregates are on several databases: each has a backup of its own, made at one time, and they are restored together. */
  set: z
    .object({
      id: z.string(),
      /** Whose this backup is: main, or a name of AGGREGATE_DATABASE_URLS. */
      database: z.string(),
      /** The others, beside the main one. */
      others: z.array(z.string()),
    })
    .optional(),
});
export type BackupHeader = z.infer<typeof BackupHeader>;

export const BackupFooter = z.object({
  /** of each table */
  rows: z.record(z.string(), z.number()),
  /** Of the newest audit row, hexadecimal. */
  auditHash: z.string(),
  /** Of all counts of people by feature, epoch, cohort and signal, hexadecimal. */
  evidenceHash: z.string(),
  /** The same of counts that are kept by partition. Earlier backups lack it. */
  partitionsHash: z.string().optional(),
  /** SHA-256 of everything before the footer, hexadecimal. */
  sha256: z.string(),
});
export type BackupFooter = z.infer<typeof BackupFooter>;

export const headerLine = (header: BackupHeader): string => `${MARK}${JSON.stringify(header)}\n`;
export const footerLine = (footer: BackupFooter): string => `${END_MARK}${JSON.stringify(footer)}\n`;

/** The backup cannot be used; the message says why. */
export class BackupError extends Error {
  override readonly name = "BackupError";
}

export const cutOff = (): BackupError =>
  new BackupError("the backup was cut off: its end is missing. Use another one");

const parseLine = <T>(line: string, mark: string, schema: z.ZodType<T>): T | undefined => {
  if (!line.startsWith(mark)) return undefined;
  try {
    return schema.parse(JSON.parse(line.slice(mark.length)));
  } catch (cause) {
    throw new BackupError(`the line "${line.slice(0, 60)}…" is not one of this version's backups`, { cause });
  }
};
export const parseHeader = (line: string): BackupHeader | undefined => parseLine(line, MARK, BackupHeader);
export const parseFooter = (line: string): BackupFooter | undefined =>
  parseLine(line, END_MARK, BackupFooter);
