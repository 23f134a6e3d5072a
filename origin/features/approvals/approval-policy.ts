// The policy of four eyes: features with one of its tags are changed by two people. Every policy is kept; the newest holds.
import { z } from "zod";
import type { Queryable } from "../../db/pool.ts";

const ApprovalPolicy = z.object({
  /** 0: none was ever set. */
  version: z.number(),
  tags: z.array(z.string()),
  at: z.date().nullable(),
  actor: z.string().nullable(),
  reason: z.string().nullable(),
  details: z.record(z.string(), z.unknown()),
});
export type ApprovalPolicy = z.infer<typeof ApprovalPolicy>;

const NO_POLICY: ApprovalPolicy = {
  version: 0,
  tags: [],
  at: null,
  actor: null,
  reason: null,
  details: {},
};

const columns = "version, tags, at, actor, reason, details";

export const readPolicy = async (db: Queryable): Promise<ApprovalPolicy> => {
  const { rows } = await db.query(`select ${columns} from approval_policies order by version desc limit 1`);
  return rows[0] === undefined ? NO_POLICY : ApprovalPolicy.parse(rows[0]);
};

/** The policy that an approval request has made. */
export const findPolicyOf = async (db: Queryable, approvalId: string): Promise<ApprovalPolicy | null> => {
  const { rows } = await db.query(
    `select ${columns} from approval_policies where details #>> '{approval,approvalId}' = $1`,
    [approvalId],
  );
  return rows[0] === undefined ? null : ApprovalPolicy.parse(rows[0]);
};

/** Newest first. */
export const listPolicies = async (db: Queryable, limit: number): Promise<ApprovalPolicy[]> => {
  const { rows } = await db.query(`select ${columns} from approval_policies order by version desc limit $1`, [
    limit,
  ]);
  return rows.map((row) => ApprovalPolicy.parse(row));
};

export type NextPolicy = {
  /** The version that it follows. */
  readonly base: number;
  readonly tags: readonly string[];
  readonly actor: string;
  readonly reason: string;
  readonly details: Readonly<Record<string, unknown>>;
};

/** null: another policy came first. */
export const insertPolicy = async (
  db: Queryable,
  { base, tags, actor, reason, details }: NextPolicy,
): Promise<ApprovalPolicy | null> => {
  const { rows } = await db.query(
    `insert into approval_policies (version, tags, actor, reason, details)
     select $1 + 1, $2, $3, $4, $5
     where coalesce((select max(version) from approval_policies), 0) = $1
     on conflict do nothing
     returning ${columns}`,
    [base, tags, actor, reason, JSON.stringify(details)],
  );
  return rows[0] === undefined ? null : ApprovalPolicy.parse(rows[0]);
};
