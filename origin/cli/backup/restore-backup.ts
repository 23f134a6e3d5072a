// Restores a backup into an empty database, in one transaction: it is there whole and verified, or not at all.
import { once } from "node:events";
import { finished } from "node:stream/promises";
import { from as copyInto } from "pg-copy-streams";
import { verifyAudit } from "../../features/audit/verify-audit.ts";
import type { Client } from "../../db/pool.ts";
import { BackupError, type BackupFooter, type BackupHeader } from "./backup-format.ts";
import type { BackupPart } from "./read-backup.ts";
import { readStoredFacts } from "./stored-facts.ts";

export type Restored = {
  readonly header: BackupHeader;
  /** of each table */
  readonly rows: Readonly<Record<string, number>>;
  readonly auditRows: number;
};

/** Whoever works with the database would write into it, and hold in memory what it was. */
export const refuseUsedDatabase = async (client: Client): Promise<void> => {
  const { rows: users } = await client.query<{ name: string }>(
    `select distinct application_name as name from pg_stat_activity
     where datname = current_database() and application_name like 'sluice-%' and pid <> pg_backend_pid() order by 1`,
  );
  if (users.length > 0)
    throw new BackupError(
      `an origin works with this database (${users.map(({ name }) => name).join(", ")}). Stop it first`,
    );
  const { rows } = await client.query<{ exists: boolean }>(
    "select to_regclass('public.state_head') is not null as exists",
  );
  if (rows[0]?.exists !== true) return;
  const { rows: heads } = await client.query<{ revision: number; features: number }>(
    "select revision, (select count(*) from feature_flags) as features from state_head",
  );
  const head = heads[0];
  if (head !== undefined && (head.revision > 0 || head.features > 0))
    throw new BackupError(
      `this database is in use: it has ${head.features} features and revision ${head.revision}. Restore into an empty one`,
    );
};

/** An aggregate database has no features; what it has counted would be gone. */
export const refuseCountedDatabase = async (client: Client): Promise<void> => {
  const { rows } = await client.query<{ known: boolean }>(
    "select to_regclass('public.arrived_runs') is not null as known",
  );
  if (rows[0]?.known !== true) return;
  const { rows: found } = await client.query<{ counted: boolean }>(
    `select exists (select from unit_runs) or exists (select from fold_checkpoints)
       or exists (select from outcome_counts_by_partition) as counted`,
  );
  if (found[0]?.counted === true)
    throw new BackupError("it is in use: it has counts of its own. Restore into an empty one");
};

/** All migrations of the backup have to be known here. The later ones run when the origin starts. */
export const refuseNewerBackup = ({ migrations, version }: BackupHeader, known: readonly string[]): void => {
  const unknown = migrations.filter((name) => !known.includes(name));
  if (unknown.length > 0)
    throw new BackupError(
      `the backup is of Sluice ${version}, which is newer: this version does not know ${unknown.join(", ")}`,
    );
};

const compare = (
  what: string,
  { saved, found }: { saved: string | number; found: string | number },
): void => {
  if (saved !== found)
    throw new BackupError(`${what} should be ${saved} and is ${found}; nothing was restored`);
};

const verify = async (
  client: Client,
  { footer, sha256, rows }: { footer: BackupFooter; sha256: string; rows: Readonly<Record<string, number>> },
): Promise<number> => {
  compare("the backup's SHA-256", { saved: footer.sha256, found: sha256 });
  for (const name of new Set([...Object.keys(footer.rows), ...Object.keys(rows)]))
    compare(`the number of rows of ${name}`, { saved: footer.rows[name] ?? 0, found: rows[name] ?? 0 });
  const facts = await readStoredFacts(client);
  compare("the head of the audit", { saved: footer.auditHash, found: facts.auditHash });
  compare("the hash of what was counted", { saved: footer.evidenceHash, found: facts.evidenceHash });
  if (footer.partitionsHash !== undefined)
    compare("the hash of what was counted by partition", {
      saved: footer.partitionsHash,
      found: facts.partitionsHash ?? "missing",
    });
  const audit = await verifyAudit(client);
  // What a failover has lost before the backup was made was lost in the backup too.
  if (!audit.ok && audit.fault !== "lost")
    throw new BackupError(`the audit is ${audit.fault} at row ${audit.seq}; nothing was restored`);
  return rows["rollback_audit"] ?? 0;
};

/** A running `copy … from stdin`. What the server refuses may come at any time, and is thrown by the next call. */
const startCopy = (client: Client, text: string) => {
  const stream = client.query(copyInto(text));
  let failure: Error | undefined;
  stream.on("error", (error) => {
    failure = error;
  });
  const orThrow = (): void => {
    if (failure !== undefined) throw failure;
  };
  return {
    table: text.split(" ")[1] ?? "",
    write: async (data: Buffer): Promise<void> => {
      orThrow();
      if (!stream.write(data)) await once(stream, "drain");
    },
    /** Returns the number of rows. */
    end: async (): Promise<number> => {
      orThrow();
      stream.end();
      await finished(stream);
      return stream.rowCount;
    },
    giveUp: async (): Promise<void> => {
      if (failure !== undefined || stream.writableFinished) return;
      stream.destroy();
      await finished(stream).catch(() => {});
    },
  };
};

/**
 * Takes all parts, and commits once everything was found as the backup says. `migrateTo` brings the empty database to the
 * backup's migrations. `beforeCommit` runs once all is verified, and may still refuse. Throws a BackupError, or what the database
 * answers; nothing is restored then.
 */
export const restoreBackup = async (
  client: Client,
  parts: AsyncIterable<BackupPart>,
  migrateTo: (header: BackupHeader) => Promise<void>,
  beforeCommit: (header: BackupHeader) => Promise<void> = async () => {},
): Promise<Restored> => {
  const rows: Record<string, number> = {};
  let header: BackupHeader | undefined;
  let copy: ReturnType<typeof startCopy> | undefined;
  let auditRows: number | undefined;
  try {
    for await (const part of parts) {
      switch (part.kind) {
        case "header":
          ({ header } = part);
          await migrateTo(part.header);
          break;
        case "statement":
          // Only once everything is verified.
          if (part.text !== "commit;") await client.query(part.text);
          break;
        case "copy":
          copy = startCopy(client, part.text);
          break;
        case "rows":
          await copy?.write(part.data);
          break;
        case "endOfRows":
          if (copy !== undefined) rows[copy.table] = await copy.end();
          copy = undefined;
          break;
        case "footer":
          auditRows = await verify(client, { footer: part.footer, sha256: part.sha256, rows });
          break;
      }
    }
    if (header === undefined || auditRows === undefined) throw new BackupError("this is no whole backup");
    await beforeCommit(header);
    await client.query("commit");
    return { header, rows, auditRows };
  } catch (error) {
    await copy?.giveUp();
    await client.query("rollback").catch(() => {});
    throw error;
  }
};
