// Ninety days of history, made inside PostgreSQL: evaluations, audit entries with their chain of hashes, and counts.
// The evaluations are copies of those that the service's own evaluator makes of the filled exposures.
import type { Pool } from "../../origin/db/pool.ts";
import { makeIdleEvaluator } from "../check/evaluator.ts";

const DAYS = 90;
/** As many as fillExposures has filled. */
const FILLED_DAYS = 2;

/** The first `long` features have counts of all days. A feature has 130,000 rows of them, so not all can have them here. */
const fillCounts = (pool: Pool, long: number) =>
  pool.query(
    `insert into outcome_counts (feature_id, epoch, cohort, signal, age_s, bucket_s, units)
     select o.feature_id, o.epoch, o.cohort, o.signal, o.age_s, o.bucket_s - n * $2::bigint, o.units
     from generate_series(1, $3::integer) n cross join outcome_counts o
     where o.feature_id in (select 'feat_bench_' || i from generate_series(0, $1::integer - 1) i)
     on conflict do nothing`,
    [long, FILLED_DAYS * 86_400, DAYS / FILLED_DAYS - 1],
  );

const evaluateAll = async (pool: Pool): Promise<void> => {
  const evaluator = makeIdleEvaluator(pool);
  await evaluator.evaluate();
};

/** One a day and feature, the newest last, as the service would have stored them. */
const fillEvaluations = (pool: Pool) =>
  pool.query(
    `with made as (delete from pmf_evaluations returning *)
     insert into pmf_evaluations (feature_id, epoch, rule_version, at, mode, action, state, mature, decision)
     select feature_id, epoch, rule_version, at - n * interval '1 day', mode, action, state, mature, decision
     from made cross join generate_series(0, $1::integer - 1) n
     order by n desc, feature_id`,
    [DAYS],
  );

/** One a day and feature. */
const fillAudit = (pool: Pool) =>
  pool.query(`
    do $$
    declare
      head state_head;
      entry record;
      new_hash bytea;
    begin
      select * into head from state_head for update;
      for entry in
        select f.feature_id, f.version, f.epoch, now() - n * interval '1 day' as at
        from generate_series(${DAYS}, 1, -1) n cross join feature_flags f order by n desc, f.feature_id
      loop
        head.audit_seq := head.audit_seq + 1;
        new_hash := sha256(head.audit_hash || convert_to(audit_text(head.audit_seq, entry.at, 'admin', 'update',
          entry.feature_id, 'as every day', entry.version, entry.epoch, head.revision, '{}'), 'UTF8'));
        insert into rollback_audit
          (seq, at, actor, action, feature_id, reason, version, epoch, revision, prev_hash, hash)
        values (head.audit_seq, entry.at, 'admin', 'update', entry.feature_id, 'as every day', entry.version,
          entry.epoch, head.revision, head.audit_hash, new_hash);
        head.audit_hash := new_hash;
      end loop;
      update state_head set audit_seq = head.audit_seq, audit_hash = head.audit_hash;
    end
    $$`);

/** After fillExposures, and before the origin starts. */
export const fillHistory = async (
  pool: Pool,
  { long }: { long: number },
): Promise<{ evaluations: number; audit: number }> => {
  await pool.query("update feature_flags set epoch_started_at = now() - make_interval(days => $1)", [DAYS]);
  await fillCounts(pool, long);
  await pool.query("vacuum (analyze) outcome_counts, feature_flags");
  await evaluateAll(pool);
  await fillEvaluations(pool);
  await fillAudit(pool);
  await pool.query("vacuum (analyze) pmf_evaluations, pmf_trials, rollback_audit");
  await pool.query("checkpoint");
  const { rows } = await pool.query<{ evaluations: number; audit: number }>(
    `select (select count(*) from pmf_evaluations) as evaluations, (select count(*) from rollback_audit) as audit`,
  );
  return rows[0] ?? { evaluations: 0, audit: 0 };
};
