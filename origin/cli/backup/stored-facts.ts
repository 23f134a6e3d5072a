// What a backup and its restore compare: the head of the audit, and what was counted of people.
import { createHash } from "node:crypto";
import { z } from "zod";
import type { Queryable } from "../../db/pool.ts";

const Facts = z.object({ audit: z.string(), evidence: z.string() });

/** Reads all counts, so it takes as long as a scan of `outcome_counts` and `latency_sketches`. */
export const readStoredFacts = async (
  db: Queryable,
): Promise<{ readonly auditHash: string; readonly evidenceHash: string }> => {
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
  return { auditHash: audit, evidenceHash: createHash("sha256").update(evidence).digest("hex") };
};
