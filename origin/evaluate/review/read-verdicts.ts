// The newest evaluations of many features, and what they are about to decide.
import { z } from "zod";
import type { Queryable } from "../../db/pool.ts";
import { outlookOf, type Outlook } from "../../decide/planning/outlook.ts";
import { Rule } from "../../../shared/features/rule.ts";
import { countsOf, type AggregatePart } from "../aggregates.ts";
import { eachPart } from "../read-parts.ts";
import { toNewest } from "../why.ts";
import { MOST_LISTED } from "./review.ts";

const DAY_S = 86_400;

const Short = z.object({
  featureId: z.string(),
  state: z.string().nullable(),
  keptAtS: z.number().nullable(),
});
export type ShortVerdict = Omit<z.infer<typeof Short>, "featureId">;

/** State of the newest evaluation of each open feature's epoch, and since when it is kept; null where that is none. */
export const readStates = async (db: Queryable): Promise<ReadonlyMap<string, ShortVerdict>> => {
  const { rows } = await db.query(
    `select f.feature_id as "featureId", newest.state,
       case when newest.state in ('KEEP', 'WATCH') then extract(epoch from (
         select p.at from pmf_evaluations p
         where p.feature_id = f.feature_id and p.epoch = f.epoch and p.action = 'KEEP' order by p.id limit 1))::float8 end as "keptAtS"
     from feature_flags f
     join pmf_rules r using (feature_id)
     left join lateral (
       select p.state, p.epoch from pmf_evaluations p where p.feature_id = f.feature_id order by p.id desc limit 1
     ) newest on newest.epoch = f.epoch
     where f.enabled`,
  );
  return new Map(
    rows.map((row) => Short.parse(row)).map(({ featureId, ...verdict }) => [featureId, verdict]),
  );
};

export type Explained = { readonly sentence: string; readonly outlook: Outlook };

/** Units of treatment in the last day, by feature. */
const readPerDay = async (
  part: AggregatePart,
  features: readonly { readonly featureId: string; readonly epoch: number }[],
  until: number,
): Promise<ReadonlyMap<string, number>> => {
  const { rows } = await part.db.query<{ featureId: string; units: number }>(
    `select g.feature_id as "featureId",
       coalesce((
         select sum(o.units) from ${countsOf(part)} o
         where o.feature_id = g.feature_id and o.epoch = g.epoch and o.signal = 'exposure' and o.cohort = 'treatment'
           and o.bucket_s >= $3::bigint - ${DAY_S} and o.bucket_s < $3
       ), 0)::float8 as units
     from unnest($1::text[], $2::integer[]) as g (feature_id, epoch)`,
    [features.map(({ featureId }) => featureId), features.map(({ epoch }) => epoch), Math.floor(until)],
  );
  return new Map(rows.map(({ featureId, units }) => [featureId, units]));
};

/** For at most a hundred features: the sentence of the newest evaluation, and what comes next at the last day's traffic. */
export const readOutlooks = async (
  db: Queryable,
  parts: readonly AggregatePart[],
  featureIds: readonly string[],
  until: number,
): Promise<ReadonlyMap<string, Explained>> => {
  const { rows } = await db.query<{ featureId: string; epoch: number; rule: unknown }>(
    `select f.feature_id as "featureId", r.rule, e.*
     from feature_flags f
     join pmf_rules r using (feature_id)
     join lateral (
       select at, epoch, rule_version as "ruleVersion", mode, decision
       from pmf_evaluations p where p.feature_id = f.feature_id order by p.id desc limit 1
     ) e on e.epoch = f.epoch
     where f.feature_id = any($1::text[])`,
    [featureIds.slice(0, MOST_LISTED)],
  );
  const counted = await eachPart(parts, (part) => readPerDay(part, rows, until));
  return new Map(
    rows.map(({ featureId, rule, ...stored }) => {
      const perDay = counted.reduce((sum, of) => sum + (of.get(featureId) ?? 0), 0);
      const { decision } = toNewest(stored);
      const { minCohortSize } = Rule.parse(rule);
      const outlook = outlookOf(decision, { unitsPerDay: perDay, minCohortSize });
      return [featureId, { sentence: decision.reason, outlook }];
    }),
  );
};
