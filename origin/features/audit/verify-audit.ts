// Whether the audit is whole: every row follows the one before, its hash covers its content, and it leads to each head that
// an edge has witnessed.
// It is read in pages, so that years of audit are checked in little memory. Rows that are written meanwhile are left out.
import { createHash } from "node:crypto";
import { z } from "zod";
import type { Queryable } from "../../db/pool.ts";

export type AuditError =
  /** A row with this number is missing. */
  | "missing"
  /** The row does not name the hash of the row before it. */
  | "unlinked"
  /** The row's content is not what its hash covers. */
  | "altered"
  /** The newest row is not the one that was committed last. */
  | "headMismatch"
  /** An edge witnessed another history after this row: rows are lost, or were replaced by others. */
  | "lost";

export type AuditVerdict =
  | {
      readonly ok: true;
      readonly from: number;
      readonly to: number;
      readonly rows: number;
      readonly hash: string;
    }
  /** The API answers with this document, so its fields keep their names. */
  | { readonly ok: false; readonly seq: number; readonly fault: AuditError };

/** Row numbers, both included; by default all. */
export type AuditRange = { readonly from?: number | undefined; readonly to?: number | undefined };

const PAGE = 2_000;

const Head = z.object({ audit_seq: z.number(), audit_hash: z.instanceof(Buffer) });
const Link = z.object({
  seq: z.number(),
  text: z.string(),
  prev_hash: z.instanceof(Buffer),
  hash: z.instanceof(Buffer),
});
type Link = z.infer<typeof Link>;

const readLinks = async (db: Queryable, from: number, to: number): Promise<Link[]> => {
  const { rows } = await db.query(
    `select seq, prev_hash, hash,
            audit_text(seq, at, actor, action, feature_id, reason, version, epoch, revision, details) as text
     from rollback_audit where seq between $1 and $2 order by seq limit $3`,
    [from, to, PAGE],
  );
  return rows.map((row) => Link.parse(row));
};

/** Checks a row that should be number `seq` and follow the hash `before` (null: the check begins here). */
export const auditError = (link: Link, seq: number, before: Buffer | null): AuditError | null => {
  if (link.seq !== seq) return "missing";
  if (before !== null && !link.prev_hash.equals(before)) return "unlinked";
  const hash = createHash("sha256").update(link.prev_hash).update(link.text, "utf8").digest();
  return hash.equals(link.hash) ? null : "altered";
};

const Lost = z.object({ seq: z.number() });

/**
 * The last row before a state that an edge had and this audit does not lead to; null: there is none in the range. A range
 * that begins later leaves such a loss out, as someone does who has looked into it.
 */
const findLost = async (db: Queryable, from: number, to: number): Promise<number | null> => {
  const { rows } = await db.query(
    `select known.seq
     from (
       select revision, head from edge_witnesses
       union all
       select revision, head from edge_targets where revision is not null and head is not null
     ) witnessed,
     lateral (
       select coalesce(max(seq), 0) as seq from rollback_audit where revision <= witnessed.revision
     ) known
     where head_at(witnessed.revision) <> witnessed.head and known.seq between $1 and $2
     order by known.seq limit 1`,
    [from, to],
  );
  return rows[0] === undefined ? null : Lost.parse(rows[0]).seq;
};

/**
 * Checks the rows of the range and names the first that is broken. Only a check from the first row to
 * the last shows that nothing was cut off at either end.
 */
export const verifyAudit = async (db: Queryable, range: AuditRange = {}): Promise<AuditVerdict> => {
  const { rows } = await db.query("select audit_seq, audit_hash from state_head");
  const head = Head.parse(rows[0]);
  const from = Math.max(1, range.from ?? 1);
  const to = Math.min(head.audit_seq, range.to ?? head.audit_seq);
  let before: Buffer | null = from === 1 ? Buffer.alloc(0) : null;
  let next = from;
  while (next <= to) {
    const links = await readLinks(db, next, to);
    if (links.length === 0) return { ok: false, seq: next, fault: "missing" };
    for (const link of links) {
      const fault = auditError(link, next, before);
      if (fault !== null) return { ok: false, seq: next, fault };
      before = link.hash;
      next += 1;
    }
  }
  if (to === head.audit_seq && before !== null && !head.audit_hash.equals(before))
    return { ok: false, seq: to, fault: "headMismatch" };
  const lost = await findLost(db, from, to);
  if (lost !== null) return { ok: false, seq: lost, fault: "lost" };
  return {
    ok: true,
    from,
    to,
    rows: Math.max(0, next - from),
    hash: (before ?? Buffer.alloc(0)).toString("hex"),
  };
};
