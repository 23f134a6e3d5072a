// What a backup and its restore compare: the head of the audit, and what was counted of people.
import { createHash } from "node:crypto";
import { z } from "zod";
import type { Queryable } from "../../db/pool.ts";

const Facts = z.object({ audit: z.string(), evidence: z.string() });
const PartitionFacts = z.object({ counts: z.string() });

const hashOf = (text: string): string => createHash("sha256").update(text).digest("hex");

/** undefined: a database of an earlier version, which has no such table. */
const readPartitionsHash = async (db: Queryable): Promise<string | undefined> => {
  const { rows: known } = await db.query<{ known: boolean }>(
    "select to_regclass('outcome_counts_by_partition') is not null as known",
  );
  if (known[0]?.known !== true) return undefined;
  const { rows } = await db.query(
    `select coalesce(jsonb_agg(c order by c), '[]')::text as counts from (
       select jsonb_build_array(partition, feature_id, epoch, cohort, signal, age_s, sum(units), count(*)) as c
       from outcome_counts_by_partition group by partition, feature_id, epoch, cohort, signal, age_s) counts`,
  );
  return hashOf(PartitionFacts.parse(rows[0]).counts);
};

export type StoredFacts = {
  readonly auditHash: string;
  readonly evidenceHash: string;
  readonly partitionsHash?: string | undefined;
};

/** Reads all counts, so it takes as long as a scan of them and of `latency_sketches`. */
export const readStoredFacts = async (db: Queryable): Promise<StoredFacts> => {
  const { rows } = await db.query(
    `select (select encode(audit_hash, 'hex') from state_head) as audit, concat(
       (select jsonb_agg(c order by c) from (
          select jsonb_build_array(feature_id, epoch, cohort, signal, age_s, sum(units), count(*)) as c
          from outcome_counts group by feature_id, epoch, cohort, signal, age_s) counts),
       (select jsonb_agg(c order by c) from (
          select jsonb_build_array(feature_id, epoch, cohort, kind, sum(requests), sum(errors), count(*)) as c
          from latency_sketches group by feature_id, epoch, cohort, kind) sketches)) as evidence`,
  );
  const { audit, evidence } = Facts.parse(rows[0]);
  return { auditHash: audit, evidenceHash: hashOf(evidence), partitionsHash: await readPartitionsHash(db) };
};
