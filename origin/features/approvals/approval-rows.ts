// The rows of approval requests. Each step to another state names the state that it leaves, so of two that race one is refused.
import { pageOf, type Page } from "../../db/page.ts";
import type { Queryable } from "../../db/pool.ts";
import { ApprovalRequest, ShownApproval, type ApprovalState, type Base } from "./approval-request.ts";

const columns = `seq, approval_id as "approvalId", change_id as "changeId", subject, base, diff, hash, tags,
  feature_tags as "featureTags", feature_ids as "featureIds", reason, asked_by as "askedBy", asked_at as "askedAt",
  expires_at as "expiresAt",
  case when state = 'open' and expires_at <= clock_timestamp() then 'expired' else state end as state,
  decided_by as "decidedBy", decided_at as "decidedAt", decision_reason as "decisionReason", outcome`;

const oneOf = (rows: readonly unknown[]): ShownApproval | null =>
  rows[0] === undefined ? null : ShownApproval.parse(rows[0]);

export type NewApproval = Pick<ApprovalRequest, "approvalId" | "subject" | "hash" | "reason" | "askedBy"> & {
  readonly base: Base;
  readonly diff: readonly object[];
  readonly tags: readonly string[];
  readonly featureTags: readonly unknown[];
  readonly featureIds: readonly string[];
  readonly keptForSeconds: number;
};

/** The same person's open request for the same change is answered instead, if there is one. */
export const insertApproval = async (db: Queryable, given: NewApproval): Promise<ApprovalRequest> => {
  // An expired one of the same hash is in nobody's way.
  await db.query(
    `update approval_requests set state = 'withdrawn', decision_reason = 'expired, and asked for again',
       decided_at = clock_timestamp()
     where hash = $1 and asked_by = $2 and state = 'open' and expires_at <= clock_timestamp()`,
    [given.hash, given.askedBy],
  );
  const { rows } = await db.query(
    `insert into approval_requests
       (approval_id, subject, base, diff, hash, tags, feature_tags, feature_ids, reason, asked_by, expires_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, clock_timestamp() + $11 * interval '1 second')
     on conflict (hash, asked_by) where state = 'open' do update set hash = excluded.hash
     returning ${columns}`,
    [
      given.approvalId,
      JSON.stringify(given.subject),
      JSON.stringify(given.base),
      JSON.stringify(given.diff),
      given.hash,
      given.tags,
      JSON.stringify(given.featureTags),
      given.featureIds,
      given.reason,
      given.askedBy,
      given.keptForSeconds,
    ],
  );
  return ApprovalRequest.parse(rows[0]);
};

export const getApproval = async (db: Queryable, approvalId: string): Promise<ShownApproval | null> => {
  const { rows } = await db.query(`select ${columns} from approval_requests where approval_id = $1`, [
    approvalId,
  ]);
  return oneOf(rows);
};

export type ApprovalQuery = {
  readonly limit: number;
  readonly before?: number | undefined;
  readonly featureId?: string | undefined;
  /** Those that wait, or those that do not any more. */
  readonly state?: "open" | "decided" | undefined;
};

/** Newest first. */
export const listApprovals = async (
  db: Queryable,
  { limit, before, featureId, state }: ApprovalQuery,
): Promise<Page<ShownApproval, number>> => {
  const { rows } = await db.query(
    `select ${columns} from approval_requests
     where ($1::bigint is null or seq < $1) and ($2::text is null or feature_ids @> array[$2::text])
       and ($3::text is null or (state = 'open' and expires_at > clock_timestamp()) = ($3::text = 'open'))
     order by seq desc limit $4`,
    [before ?? null, featureId ?? null, state ?? null, limit + 1],
  );
  return pageOf(
    rows.map((row) => ShownApproval.parse(row)),
    limit,
    ({ seq }) => seq,
  );
};

type Decision = {
  readonly approvalId: string;
  readonly hash: string;
  readonly to: Extract<ApprovalState, "approved" | "rejected" | "withdrawn" | "stale">;
  readonly actor: string;
  readonly reason: string | null;
  readonly outcome?: object | undefined;
};

/** null: it does not wait any more. */
export const decideApproval = async (
  db: Queryable,
  { approvalId, hash, to, actor, reason, outcome }: Decision,
): Promise<ShownApproval | null> => {
  const { rows } = await db.query(
    `update approval_requests
     set state = $3, decided_by = $4, decided_at = clock_timestamp(), decision_reason = $5, outcome = $6
     where approval_id = $1 and hash = $2 and state = 'open' and expires_at > clock_timestamp()
     returning ${columns}`,
    [approvalId, hash, to, actor, reason, outcome === undefined ? null : JSON.stringify(outcome)],
  );
  return oneOf(rows);
};

/** What carrying an approved one out came to. null: another process has said so already. */
export const settleApproval = async (
  db: Queryable,
  approvalId: string,
  { state, outcome }: { state: "applied" | "stale" | "failed"; outcome: object },
): Promise<ShownApproval | null> => {
  const { rows } = await db.query(
    `update approval_requests set state = $2, outcome = $3 where approval_id = $1 and state = 'approved'
     returning ${columns}`,
    [approvalId, state, JSON.stringify(outcome)],
  );
  return oneOf(rows);
};

/**
 * Approved, and left by the process that began to carry them out. Those that a newer version asked for are left to a process of that
 * version.
 */
export const listUnfinished = async (db: Queryable, olderThanMs: number): Promise<ApprovalRequest[]> => {
  const { rows } = await db.query(
    `select ${columns} from approval_requests
     where state = 'approved' and decided_at < clock_timestamp() - $1 * interval '1 millisecond'
     order by decided_at limit 50`,
    [olderThanMs],
  );
  return rows.flatMap((row) => {
    const request = ApprovalRequest.safeParse(row);
    if (request.success) return [request.data];
    // Whatever else is wrong with it is told.
    ShownApproval.parse(row);
    return [];
  });
};
