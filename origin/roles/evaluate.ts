// The role evaluate: decisions, scheduled changes and the weekly review. Every process reads what was decided.
import { makeAggregates } from "../evaluate/aggregates.ts";
import { makeEvaluationReads } from "../evaluate/evaluation-reads.ts";
import { pricesOf } from "../evaluate/review/burn.ts";
import { startWeeklyReview } from "../evaluate/review/start-weekly-review.ts";
import { startEvaluation } from "../evaluate/start-evaluation.ts";
import { makeDecidedChanges } from "../features/decided-changes.ts";
import { startSchedules } from "../features/schedules/start-schedules.ts";
import { makeIsAnnounced } from "../notifications/announce.ts";
import type { Changes } from "./changes.ts";
import type { Databases } from "./databases.ts";
import type { OriginProcess } from "./process.ts";
import type { Push } from "./push.ts";
import type { Telemetry } from "./telemetry.ts";

export type Evaluate = Awaited<ReturnType<typeof startEvaluate>>;

export const startEvaluate = async ({
  origin: { config, log, metrics, has },
  databases,
  telemetry: { lag, fold },
  changes: { changes, traces, schedules },
  push: { announce },
}: {
  readonly origin: OriginProcess;
  readonly databases: Databases;
  readonly telemetry: Telemetry;
  readonly changes: Changes;
  readonly push: Push;
}) => {
  const { pool, history } = databases.main;
  const aggregates = makeAggregates({
    databases: databases.aggregates,
    lagOf: lag.lagOf,
    nowMs: () => performance.now(),
  });
  const evaluation = has("evaluate")
    ? await startEvaluation({
        pool,
        everyMs: config.EVALUATE_EVERY_MS,
        redisUrls: config.REDIS_URL,
        // A fold knows the lag sooner, and of several databases only which one is the furthest behind.
        lagSeconds: (config.AGGREGATE_DATABASE_URLS.length > 0 ? lag : (fold ?? lag)).lagSeconds,
        aggregates,
        ...makeDecidedChanges(changes),
        onCarriedOut: traces?.decided,
        metrics,
        log,
      })
    : undefined;
  const timetable = has("evaluate") ? startSchedules({ schedules, log }) : undefined;
  const reads = makeEvaluationReads({
    pool,
    history,
    aggregates,
    now: () => Date.now() / 1_000,
    rawKeepDays: config.RAW_KEEP_DAYS,
    prices: pricesOf({
      currency: config.REVIEW_CURRENCY,
      perMillionRequests: config.REVIEW_PRICE_PER_MILLION_REQUESTS,
      perUpstreamHour: config.REVIEW_PRICE_PER_UPSTREAM_HOUR,
    }),
  });
  const weeklyReview =
    has("evaluate") && config.REVIEW_AT !== null
      ? startWeeklyReview({
          at: config.REVIEW_AT,
          review: reads.review,
          announce,
          isAnnounced: makeIsAnnounced(pool),
          nowMs: Date.now,
          log,
        })
      : undefined;
  return { aggregates, evaluation, timetable, reads, weeklyReview };
};
