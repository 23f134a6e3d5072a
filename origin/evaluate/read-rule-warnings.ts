// What a feature's rule cannot do at the traffic of its last day.
import type { Queryable } from "../db/pool.ts";
import { judgedRule } from "../decide/judged-rule.ts";
import { ruleWarnings } from "../decide/planning/rule-warnings.ts";
import type { CohortShares } from "../decide/statistics/sample-ratio.ts";
import { Rule } from "../../shared/features/rule.ts";
import type { FeatureId } from "../../shared/ids.ts";
import type { AggregatePart } from "./aggregates.ts";
import { readExposedOfDay, type ExposedOfDay } from "./read-exposed.ts";

const DAY = 86_400;

/** `now`: unix seconds; `rawKeepDays`: how long `otel_spans` keeps a span at least. */
export type WarningTerms = { readonly now: number; readonly rawKeepDays: number };

/** Sentences. `epochStartedS`: unix seconds. */
export const warningsAtTraffic = (
  {
    rule,
    shares: { rolloutBps, holdoutBps },
    epochStartedS,
    ofDay,
  }: {
    readonly rule: Rule;
    readonly shares: CohortShares;
    readonly epochStartedS: number;
    readonly ofDay: ExposedOfDay;
  },
  { now, rawKeepDays }: WarningTerms,
): string[] => {
  const shares = { rolloutBps, holdoutBps };
  const ageS = Math.min(DAY, Math.max(1, Math.floor(now) - epochStartedS));
  const usersPerDay = ((ofDay.treatment ?? 0) * DAY) / ageS;
  // The shares may have been changed just now: the holdout's part of the last day says nothing of what it is from now on.
  const holdoutUsersPerDay = (usersPerDay * holdoutBps) / Math.max(1, rolloutBps);
  const traffic = ofDay.treatment === null ? null : { usersPerDay, holdoutUsersPerDay };
  return ruleWarnings(judgedRule(rule, shares), shares, { traffic, rawKeepDays });
};

/** None where there is no such feature or it has no rule. */
export const readRuleWarnings = async (
  db: Queryable,
  parts: readonly AggregatePart[],
  featureId: FeatureId,
  terms: WarningTerms,
): Promise<string[]> => {
  const { rows } = await db.query<{
    rolloutBps: number;
    holdoutBps: number;
    epoch: number;
    epochStartedS: number;
    rule: unknown;
  }>(
    `select f.rollout_bps as "rolloutBps", f.holdout_bps as "holdoutBps", f.epoch,
       extract(epoch from f.epoch_started_at)::float8 as "epochStartedS", r.rule
     from feature_flags f join pmf_rules r using (feature_id) where f.feature_id = $1`,
    [featureId],
  );
  const [row] = rows;
  if (row === undefined) return [];
  const { rule, epoch, epochStartedS, ...shares } = row;
  const ofDay = await readExposedOfDay(parts, { featureId, epoch }, terms.now);
  return warningsAtTraffic({ rule: Rule.parse(rule), shares, epochStartedS, ofDay }, terms);
};
