// What the rules of features cannot do at the traffic of their last day: of one feature, or of all open ones.
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

type Ruled = {
  readonly featureId: FeatureId;
  readonly rolloutBps: number;
  readonly holdoutBps: number;
  readonly epoch: number;
  readonly epochStartedS: number;
  readonly rule: unknown;
};

const RULED = `
  select f.feature_id as "featureId", f.rollout_bps as "rolloutBps", f.holdout_bps as "holdoutBps", f.epoch,
    extract(epoch from f.epoch_started_at)::float8 as "epochStartedS", r.rule
  from feature_flags f join pmf_rules r using (feature_id)`;

export type WarningsOfFeature = { readonly featureId: FeatureId; readonly warnings: readonly string[] };

const warningsOf = async (
  parts: readonly AggregatePart[],
  ruled: readonly Ruled[],
  terms: WarningTerms,
): Promise<WarningsOfFeature[]> => {
  const ofDays = await readExposedOfDay(parts, ruled, terms.now);
  return ruled.map(({ featureId, rule, epochStartedS, rolloutBps, holdoutBps }, position) => {
    const ofDay = ofDays[position] ?? { treatment: null, holdout: null };
    const shares = { rolloutBps, holdoutBps };
    return {
      featureId,
      warnings: warningsAtTraffic({ rule: Rule.parse(rule), shares, epochStartedS, ofDay }, terms),
    };
  });
};

/** None where there is no such feature or it has no rule. */
export const readRuleWarnings = async (
  db: Queryable,
  parts: readonly AggregatePart[],
  featureId: FeatureId,
  terms: WarningTerms,
): Promise<readonly string[]> => {
  const { rows } = await db.query<Ruled>(`${RULED} where f.feature_id = $1`, [featureId]);
  const [found] = await warningsOf(parts, rows, terms);
  return found?.warnings ?? [];
};

/** Of open features with a rule, the newest ones where there are more than `limit`. One statement asks for all of them. */
export const readOpenRuleWarnings = async (
  db: Queryable,
  parts: readonly AggregatePart[],
  limit: number,
  terms: WarningTerms,
): Promise<WarningsOfFeature[]> => {
  const { rows } = await db.query<Ruled>(
    `select * from (${RULED} where f.enabled order by f.revision desc limit $1) newest order by "featureId"`,
    [limit],
  );
  return warningsOf(parts, rows, terms);
};
