// How far the edges are, which edges and messages keep failing, and whether a rollback has reached every edge.
import { z } from "zod";
import type { Queryable } from "../../db/pool.ts";
import { Revision, type FeatureId } from "../../../shared/ids.ts";

const Region = z.object({ region: z.string(), revision: Revision, ms: z.number() });

const EdgeStatus = z.object({
  url: z.string(),
  /** The revision that its hub has confirmed; null: none yet. */
  revision: Revision.nullable(),
  /** The revision that its hub and every region of the newest answer have confirmed. */
  completeRevision: Revision,
  /** Committed changes that some region of it has not confirmed; no more than 1,000 are counted. */
  missingChanges: z.number(),
  /** When the oldest of them was committed; null: it lacks none. */
  missingSince: z.date().nullable(),
  regions: z.array(Region),
  confirmedAt: z.date().nullable(),
  failingSince: z.date().nullable(),
  attempts: z.number(),
  lastError: z.string().nullable(),
});
export type EdgeStatus = z.infer<typeof EdgeStatus>;

/** What the edge of a row `p` lacks. The audit's index by revision finds it, so an edge that is up to date costs nothing. */
const MISSING_CHANGES = `lateral (
  select count(*)::integer as changes, min(at) as since
  from (select at from rollback_audit where revision > p.complete_revision order by revision limit 1000) a) missing`;

export const readEdges = async (
  db: Queryable,
): Promise<{ readonly revision: Revision; readonly edges: readonly EdgeStatus[] }> => {
  const [head, edges] = await Promise.all([
    db.query("select revision from state_head"),
    db.query(
      `select url, p.revision, complete_revision as "completeRevision", regions, confirmed_at as "confirmedAt",
              failing_since as "failingSince", attempts, last_error as "lastError",
              missing.changes as "missingChanges", missing.since as "missingSince"
       from edge_progress p, ${MISSING_CHANGES} order by url`,
    ),
  ]);
  return {
    revision: Revision.parse(head.rows[0]?.revision),
    edges: edges.rows.map((row) => EdgeStatus.parse(row)),
  };
};

const EdgeNews = z.object({
  url: z.string(),
  revision: Revision.nullable(),
  completeRevision: Revision,
  regions: z.array(Region),
  failingSince: z.date().nullable(),
  lastError: z.string().nullable(),
  /** When a close last arrived ahead of the rest of its revision; null: none did. */
  closedAt: z.date().nullable(),
});
export type EdgeNews = z.infer<typeof EdgeNews>;

/** What somebody who watches an edge wants to hear of: what it has, and whether it is reached. */
export const readEdgeNews = async (db: Queryable): Promise<readonly EdgeNews[]> => {
  const { rows } = await db.query(
    `select url, revision, complete_revision as "completeRevision", regions, failing_since as "failingSince",
            last_error as "lastError",
            (select max(closed_at) from edge_closes c where c.url = p.url) as "closedAt"
     from edge_progress p order by url`,
  );
  return rows.map((row) => EdgeNews.parse(row));
};

const Behind = z.object({ edge: z.string(), missingChanges: z.number(), seconds: z.number() });

/** How far each edge is behind the database, in changes and in seconds since the oldest that it lacks. */
export const readBehind = async (db: Queryable): Promise<readonly z.infer<typeof Behind>[]> => {
  const { rows } = await db.query(
    `select url as edge, missing.changes as "missingChanges",
            greatest(0, coalesce(extract(epoch from clock_timestamp() - missing.since), 0))::double precision as seconds
     from edge_progress p, ${MISSING_CHANGES}`,
  );
  return rows.map((row) => Behind.parse(row));
};

const DeadLetter = z.object({
  kind: z.enum(["message", "edge"]),
  target: z.string(),
  revision: z.number().nullable(),
  failingSince: z.date(),
  attempts: z.number(),
  lastError: z.string().nullable(),
});
export type DeadLetter = z.infer<typeof DeadLetter>;

/** The longest failing first. */
export const readDeadLetters = async (db: Queryable, limit: number): Promise<DeadLetter[]> => {
  const { rows } = await db.query(
    `select kind, target, revision, failing_since as "failingSince", attempts, last_error as "lastError"
     from dead_letters order by failing_since limit $1`,
    [limit],
  );
  return rows.map((row) => DeadLetter.parse(row));
};

const Confirmation = z.object({
  edge: z.string(),
  region: z.string(),
  revision: Revision,
  ms: z.number(),
  confirmedAt: z.date(),
});
export type Confirmation = z.infer<typeof Confirmation>;

/** The first confirmation by each region of each edge that covers the revision. */
export const readConfirmations = async (db: Queryable, revision: Revision): Promise<Confirmation[]> => {
  const { rows } = await db.query(
    `select distinct on (edge_url, region) edge_url as edge, region, revision, ms, confirmed_at as "confirmedAt"
     from edge_receipts where revision >= $1 order by edge_url, region, revision`,
    [revision],
  );
  return rows.map((row) => Confirmation.parse(row));
};

/**
 * Edges that may still serve a feature that was closed: they have confirmed neither the revision in full nor the close alone.
 * None: the rollback is complete.
 */
export const readMissingEdges = async (
  db: Queryable,
  { featureId, epoch, revision }: { featureId: FeatureId; epoch: number; revision: Revision },
): Promise<string[]> => {
  const { rows } = await db.query<{ url: string }>(
    `select url from edge_progress p
     where complete_revision < $1 and not exists (
       select from edge_closes c where c.url = p.url and c.feature_id = $2 and c.epoch >= $3)
     order by url`,
    [revision, featureId, epoch],
  );
  return rows.map((row) => row.url);
};
