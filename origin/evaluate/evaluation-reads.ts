// What other stages may ask about evaluations, bound to the database. History may come from a replica.
import { z } from "zod";
import type { HistoryReads } from "../db/history-reads.ts";
import { pageOf } from "../db/page.ts";
import type { Pool, Queryable } from "../db/pool.ts";
import { judgedRule } from "../decide/judged-rule.ts";
import { forecastRule } from "../decide/planning/forecast.ts";
import type { FeatureId } from "../../shared/ids.ts";
import { allTogether, onlyMain, type AggregatePart, type Aggregates } from "./aggregates.ts";
import { readAlphaSpent } from "./alpha-spent.ts";
import { calibrate } from "./calibrate.ts";
import { calibrationText } from "./calibration-text.ts";
import { readLookedAt } from "./looks.ts";
import { readTrialAnomalies } from "./read-arrivals.ts";
import { readBotRequests } from "./read-bot-requests.ts";
import { readExposed } from "./read-exposed.ts";
import { readLatency } from "./read-latency.ts";
import { readNotCounted } from "./read-not-counted.ts";
import { pricesOf, type Prices } from "./review/burn.ts";
import { readReview } from "./review/read-review.ts";
import { reviewMarkdown } from "./review/review-markdown.ts";
import type { ReviewTerms } from "./review/review.ts";
import { readRegions } from "./read-regions.ts";
import { readRuleWarnings } from "./read-rule-warnings.ts";
import { readSetAside } from "./read-set-aside.ts";
import { readStandings, type ListedForStanding } from "./read-standings.ts";
import { termsOf } from "./trial-terms.ts";
import { readWhy, type ExplainedFeature } from "./why.ts";
import type { Rule } from "../../shared/features/rule.ts";

export type EvaluationQuery = {
  readonly limit: number;
  /** The id of the last row of the previous page. */
  readonly before?: number | undefined;
};

/** Newest first. */
const listEvaluations = async (db: Queryable, featureId: FeatureId, { limit, before }: EvaluationQuery) => {
  const { rows } = await db.query<{ id: number }>(
    `select id, at, epoch, rule_version as "ruleVersion", mode, action, state, decision
     from pmf_evaluations
     where feature_id = $1 and ($2::bigint is null or id < $2)
     order by id desc limit $3`,
    [featureId, before ?? null, limit + 1],
  );
  const { items: evaluations, next } = pageOf(rows, limit, ({ id }) => id);
  return { evaluations, next };
};

/** An evaluation in short. */
const EvaluationEvent = z.object({
  id: z.number(),
  at: z.date(),
  featureId: z.string(),
  epoch: z.number(),
  mode: z.string(),
  action: z.string(),
  state: z.string(),
  reason: z.string(),
});
export type EvaluationEvent = z.infer<typeof EvaluationEvent>;

const newestEvaluationId = async (db: Queryable): Promise<number> => {
  const { rows } = await db.query<{ id: number | null }>("select max(id) as id from pmf_evaluations");
  return rows[0]?.id ?? 0;
};

/** Oldest first. */
const listEvaluationsAfter = async (db: Queryable, id: number, limit: number): Promise<EvaluationEvent[]> => {
  const { rows } = await db.query(
    `select id, at, feature_id as "featureId", epoch, mode, action, state, decision ->> 'reason' as reason
     from pmf_evaluations where id > $1 order by id limit $2`,
    [id, limit],
  );
  return rows.map((row) => EvaluationEvent.parse(row));
};

const Verdict = z.object({
  state: z.string(),
  action: z.string(),
  mode: z.string(),
  sentence: z.string(),
  at: z.date(),
});

/** The newest evaluation of each feature's epoch, in short. */
const newestVerdicts = async (
  db: Queryable,
  features: readonly { readonly featureId: FeatureId; readonly epoch: number }[],
): Promise<ReadonlyMap<string, z.infer<typeof Verdict>>> => {
  const { rows } = await db.query<{ featureId: string }>(
    `select g.feature_id as "featureId", e.state, e.action, e.mode, e.decision ->> 'reason' as sentence, e.at
     from unnest($1::text[], $2::integer[]) as g (feature_id, epoch)
     cross join lateral (
       select * from pmf_evaluations p
       where p.feature_id = g.feature_id order by p.id desc limit 1
     ) e
     where e.epoch = g.epoch`,
    [features.map(({ featureId }) => featureId), features.map(({ epoch }) => epoch)],
  );
  return new Map(rows.map(({ featureId, ...verdict }) => [featureId, Verdict.parse(verdict)]));
};

type Judged = { readonly rule: Rule; readonly holdoutBps: number };

/** Whether evidence that was collected under one rule says nothing under the other. */
const beginsNewTrial = (before: Judged, after: Judged): boolean =>
  termsOf(judgedRule(before.rule, before)) !== termsOf(judgedRule(after.rule, after));

/** Terms of a review that are not asked for otherwise. */
const REVIEW = {
  days: 7,
  openDays: 30,
  engagementBelow: 0.005,
  minUnits: 1_000,
  decidedDays: 30,
  undecidedDays: 14,
};
const DAY_S = 86_400;

/** What is not named has its default: the seven days up to now. */
export type ReviewQuery = Partial<ReviewTerms>;

export type EvaluationReads = ReturnType<typeof makeEvaluationReads>;

/** `now`: unix seconds; `rawKeepDays`: how long `otel_spans` keeps a span at least; `prices`: of a review. */
export const makeEvaluationReads = ({
  pool,
  history,
  aggregates = onlyMain(pool),
  now,
  rawKeepDays,
  prices = pricesOf({ currency: "USD" }),
}: {
  pool: Pool;
  history: HistoryReads;
  /** Where the counts are; the main database alone when it is not given. */
  aggregates?: Aggregates;
  now: () => number;
  rawKeepDays: number;
  prices?: Prices;
}) => {
  /** Counts that are not kept by partition may come from where `read` reads the rest. */
  const historyWithParts = async <T>(
    read: (db: Queryable, parts: readonly AggregatePart[]) => Promise<T>,
  ): Promise<T> => {
    const { moves, parts } = await aggregates.view();
    return history((db) => read(db, moves === null ? [allTogether(db)] : parts));
  };
  return {
    now,
    listEvaluations: (featureId: FeatureId, query: EvaluationQuery) =>
      history((db) => listEvaluations(db, featureId, query)),
    newestEvaluation: async (featureId: FeatureId) =>
      (await listEvaluations(pool, featureId, { limit: 1 })).evaluations[0] ?? null,
    newestVerdicts: (features: Parameters<typeof newestVerdicts>[1]) => newestVerdicts(pool, features),
    /** How each of them stands, in short. */
    standings: async (features: readonly ListedForStanding[]) =>
      readStandings(pool, (await aggregates.view()).parts, features, now()),
    newestEvaluationId: () => newestEvaluationId(pool),
    listEvaluationsAfter: (id: number, limit: number) => listEvaluationsAfter(pool, id, limit),
    why: async (feature: ExplainedFeature) =>
      readWhy(pool, await aggregates.view(), feature, { now: now(), rawKeepDays }),
    /** null: it was not looked at yet. */
    lastLookAt: (featureId: FeatureId) => readLookedAt(pool, featureId),
    readExposed: async (featureId: FeatureId, epoch: number) =>
      readExposed(pool, (await aggregates.view()).parts, { featureId, epoch }),
    countBotRequests: async (featureId: FeatureId, epoch: number) =>
      (await readBotRequests(pool, [{ featureId, epoch }])).get(featureId) ?? 0,
    /** Spans of the epoch that were taken and not counted, by reason. */
    readNotCounted: async (featureId: FeatureId, epoch: number) =>
      readNotCounted(pool, (await aggregates.view()).parts, featureId, epoch),
    readLatency: (featureId: FeatureId, epoch: number, thresholdMs: number | null) =>
      readLatency(pool, { featureId, epoch }, thresholdMs),
    /** Hours of the trial that were not as usual. */
    readAnomalies: async (featureId: FeatureId, epoch: number) =>
      readTrialAnomalies(pool, await aggregates.view(), { featureId, epoch }, now()),
    /** null: everything of the epoch can be counted. */
    readSetAside: async (featureId: FeatureId, epoch: number) =>
      readSetAside((await aggregates.view()).parts, featureId, epoch),
    readRegions: () => readRegions(pool),
    readAlphaSpent: () => history(readAlphaSpent),
    /** What its rule cannot do at today's traffic; none where it has no rule. */
    ruleWarnings: async (featureId: FeatureId) =>
      readRuleWarnings(pool, (await aggregates.view()).parts, featureId, { now: now(), rawKeepDays }),
    beginsNewTrial,
    /** null: there is no such feature with a rule. */
    calibrate: (featureId: FeatureId) =>
      historyWithParts((db, parts) => calibrate(db, parts, featureId, now())),
    reviewText: reviewMarkdown,
    review: (asked: ReviewQuery) => {
      const { days, ...bounds } = REVIEW;
      const until = asked.until ?? now();
      const since = asked.since ?? until - days * DAY_S;
      return historyWithParts((db, parts) =>
        readReview(db, parts, { ...bounds, prices, ...asked, since, until }),
      );
    },
    prices,
    calibrationText,
    forecastRule,
  };
};
