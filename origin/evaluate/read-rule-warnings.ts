// What a feature's rule cannot do at the traffic of its last day.
import type { Queryable } from "../db/pool.ts";
import { judgedRule } from "../decide/judged-rule.ts";
import { ruleWarnings } from "../decide/planning/rule-warnings.ts";
import { Rule } from "../../shared/features/rule.ts";
import type { FeatureId } from "../../shared/ids.ts";

const DAY = 86_400;

/**
 * Sentences; none where there is no such feature or it has no rule. `now`: unix seconds; `rawKeepDays`: how long `otel_spans` keeps a
 * span at least.
 */
export const readRuleWarnings = async (
  db: Queryable,
  featureId: FeatureId,
  { now, rawKeepDays }: { readonly now: number; readonly rawKeepDays: number },
): Promise<string[]> => {
  const { rows } = await db.query<{
    rollout_bps: number;
    holdout_bps: number;
    rule: unknown;
    age_s: number;
    treatment: number | null;
  }>(
    `select f.rollout_bps, f.holdout_bps, r.rule,
       least($2, greatest(0, $3 - extract(epoch from f.epoch_started_at)))::float8 as age_s,
       sum(o.units) filter (where o.cohort = 'treatment')::float8 as treatment
     from feature_flags f
     join pmf_rules r using (feature_id)
     left join outcome_counts o on o.feature_id = f.feature_id and o.epoch = f.epoch and o.signal = 'exposure'
       and o.bucket_s >= $3::bigint - $2
     where f.feature_id = $1
     group by f.feature_id, r.rule`,
    [featureId, DAY, Math.floor(now)],
  );
  const [row] = rows;
  if (row === undefined) return [];
  const shares = { rolloutBps: row.rollout_bps, holdoutBps: row.holdout_bps };
  const usersPerDay = ((row.treatment ?? 0) * DAY) / Math.max(1, row.age_s);
  // The shares may have been changed just now: the holdout's part of the last day says nothing of what it is from now on.
  const holdoutUsersPerDay = (usersPerDay * row.holdout_bps) / Math.max(1, row.rollout_bps);
  const traffic = row.treatment === null ? null : { usersPerDay, holdoutUsersPerDay };
  return ruleWarnings(judgedRule(Rule.parse(row.rule), shares), shares, { traffic, rawKeepDays });
};
