// Reads features, rules and the audit. None of these reads waits for a change that is under way.
import { z } from "zod";
import { pageOf, type Page } from "../db/page.ts";
import type { Queryable } from "../db/pool.ts";
import { FeatureId, Revision } from "../../shared/ids.ts";
import { Rule } from "../../shared/features/rule.ts";
import { OPERATOR_KINDS, type ChangeKind, type OperatorKind } from "./commit-change.ts";
import { recordColumns, recordSource, toRecord, type FeatureRecord } from "./feature-record.ts";
import { RollbackCause, rollbackCauseSql } from "./audit/rollback-cause.ts";

export const getFeature = async (db: Queryable, featureId: FeatureId): Promise<FeatureRecord | null> => {
  const { rows } = await db.query(`select ${recordColumns} from ${recordSource} where f.feature_id = $1`, [
    featureId,
  ]);
  return rows[0] === undefined ? null : toRecord(rows[0]);
};

export const readFeatureIds = async (db: Queryable): Promise<FeatureId[]> => {
  const { rows } = await db.query<{ feature_id: string }>("select feature_id from feature_flags");
  return rows.map((row) => FeatureId.parse(row.feature_id));
};

export type StoredRule = { readonly version: number; readonly rule: Rule; readonly updatedAt: Date };

export const getRule = async (db: Queryable, featureId: FeatureId): Promise<StoredRule | null> => {
  const { rows } = await db.query<{ version: number; rule: unknown; updated_at: Date }>(
    "select version, rule, updated_at from pmf_rules where feature_id = $1",
    [featureId],
  );
  const row = rows[0];
  return row === undefined
    ? null
    : { version: row.version, rule: Rule.parse(row.rule), updatedAt: row.updated_at };
};

const AuditRow = z.object({
  seq: z.number(),
  at: z.date(),
  actor: z.string(),
  /** The kind of the change; `action` in the table and in the API. */
  action: z.string(),
  featureId: FeatureId,
  reason: z.string(),
  version: z.number(),
  epoch: z.number(),
  revision: Revision,
  details: z.record(z.string(), z.unknown()),
  /** hex; the next row's hash covers it */
  hash: z.string(),
});
export type AuditRow = z.infer<typeof AuditRow>;

const AuditEntry = AuditRow.extend({ cause: RollbackCause.nullable() });
export type AuditEntry = z.infer<typeof AuditEntry>;

export type AuditQuery = {
  readonly limit: number;
  /** The `seq` of the last row of the previous page. */
  readonly before?: number | undefined;
  readonly featureId?: FeatureId | undefined;
  /** `segment`: changes of segments, which have `segment:ID` in place of a feature's id. */
  /** Those that are no change of a feature have their subject as `featureId`, such as `hook:pager`. */
  readonly kind?: ChangeKind | "segment" | OperatorKind | undefined;
  readonly cause?: RollbackCause | undefined;
  readonly revision?: number | undefined;
  readonly actor?: string | undefined;
  /** Included. */
  readonly since?: Date | undefined;
  /** Not included. */
  readonly until?: Date | undefined;
};

const auditColumns = `seq, at, actor, action, feature_id as "featureId", reason, version, epoch, revision, details,
  encode(hash, 'hex') as hash`;

/** Newest first. */
export const listAudit = async (db: Queryable, options: AuditQuery): Promise<Page<AuditEntry, number>> => {
  const { rows } = await db.query(
    `select ${auditColumns}, ${rollbackCauseSql} as cause from rollback_audit
     where ($1::bigint is null or seq < $1) and ($2::text is null or feature_id = $2)
       and ($3::text is null or action = $3) and ($4::text is null or actor = $4)
       and ($5::timestamptz is null or at >= $5) and ($6::timestamptz is null or at < $6)
       and ($7::text is null or ${rollbackCauseSql} = $7)
       and ($8::bigint is null or revision = $8)
     order by seq desc limit $9`,
    [
      options.before ?? null,
      options.featureId ?? null,
      options.kind ?? null,
      options.actor ?? null,
      options.since ?? null,
      options.until ?? null,
      options.cause ?? null,
      options.revision ?? null,
      options.limit + 1,
    ],
  );
  return pageOf(
    rows.map((row) => AuditEntry.parse(row)),
    options.limit,
    (row) => row.seq,
  );
};

/** null: it was never rolled back. */
export const newestRollback = async (db: Queryable, featureId: FeatureId): Promise<AuditRow | null> => {
  const { rows } = await db.query(
    `select ${auditColumns} from rollback_audit where feature_id = $1 and action = 'rollback'
     order by seq desc limit 1`,
    [featureId],
  );
  return rows[0] === undefined ? null : AuditRow.parse(rows[0]);
};

/** More features than one revision changes. */
const MAX_OF_A_REVISION = 20_000;

/** Rollbacks of one revision. Entries are in the order of their revisions, so that the newest of it is found by the key. */
export const listRollbacksAt = async (db: Queryable, revision: number): Promise<AuditRow[]> => {
  const { rows } = await db.query(
    `with newest as (select seq from rollback_audit where revision <= $1 order by seq desc limit 1)
     select ${auditColumns} from rollback_audit
     where seq <= (select seq from newest) and seq > (select seq from newest) - $2::bigint
       and revision = $1 and action = 'rollback'
     order by feature_id`,
    [revision, MAX_OF_A_REVISION],
  );
  return rows.map((row) => AuditRow.parse(row));
};

/** The number of the newest entry; 0 when there is none. */
export const newestAuditSeq = async (db: Queryable): Promise<number> => {
  const { rows } = await db.query<{ audit_seq: number }>("select audit_seq from state_head");
  return rows[0]?.audit_seq ?? 0;
};

/**
 * Changes of features and segments, oldest first; what operators change beside them has events of its own, or none. Entries
 * are numbered in the order of their commits, so none comes later with a smaller number.
 */
export const listAuditAfter = async (db: Queryable, seq: number, limit: number): Promise<AuditRow[]> => {
  const { rows } = await db.query(
    `select ${auditColumns} from rollback_audit where seq > $1 and action <> all($3) order by seq limit $2`,
    [seq, limit, OPERATOR_KINDS],
  );
  return rows.map((row) => AuditRow.parse(row));
};
