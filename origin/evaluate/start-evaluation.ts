// The role `evaluate`: looks at every evaluation target once in `everyMs`, shared among processes by locks in Redis.
import type { Pool } from "../db/pool.ts";
import type { Logger } from "../runtime/log.ts";
import type { Metrics } from "../runtime/metrics.ts";
import { startPeriodicTask } from "../runtime/periodic-task.ts";
import type { Aggregates } from "./aggregates.ts";
import type { OnCarriedOut, RollbackFeature, SetRollout } from "./effects.ts";
import { makeEvaluator } from "./evaluator.ts";
import { readTargetIds } from "./targets.ts";

/** Loads the client of Redis, which an origin alone never needs. */
const shareEvaluations = async (
  urls: readonly string[],
  { metrics, log }: { metrics: Metrics; log: Logger },
) => {
  const [{ connectRedis }, { makeEvaluationLocks }] = await Promise.all([
    import("../db/redis.ts"),
    import("./evaluation-locks.ts"),
  ]);
  const redis = connectRedis(urls, log);
  const { hold, stop } = makeEvaluationLocks({ redis, metrics, log });
  return {
    hold,
    stop: async () => {
      await stop();
      redis.disconnect();
    },
  };
};

/** A round of very many features may take its time. */
const STALLED_AFTER_MS = 15_000;
const STALLED_AFTER_ROUNDS = 5;

/** `lagSeconds`: how far the fold is behind; null: unknown, and nothing is decided. */
export const startEvaluation = async (options: {
  pool: Pool;
  everyMs: number;
  /** undefined: this process is the only one that evaluates. */
  redisUrls: readonly string[] | undefined;
  lagSeconds: () => number | null;
  aggregates: Aggregates;
  rollbackFeature: RollbackFeature;
  setRollout: SetRollout;
  metrics: Metrics;
  log: Logger;
  onCarriedOut?: OnCarriedOut | undefined;
}): Promise<{
  /** Names what keeps it from its rounds; empty while they end. */
  readonly notReady: () => readonly string[];
  readonly stop: () => Promise<void>;
}> => {
  const { pool, everyMs, redisUrls, log, metrics } = options;
  const evaluator = makeEvaluator({ ...options, now: () => Date.now() / 1_000 });
  const locks = redisUrls === undefined ? undefined : await shareEvaluations(redisUrls, { metrics, log });
  let endedAtMs = performance.now();
  const ageMs = (): number => performance.now() - endedAtMs;
  metrics.evaluationAge.readWith(() => [{ labels: {}, value: ageMs() / 1_000 }]);
  const rounds = startPeriodicTask({
    everyMs,
    run: async () => {
      const targets = await readTargetIds(pool);
      await evaluator.evaluate(locks === undefined ? targets : await locks.hold(targets));
      endedAtMs = performance.now();
    },
    onError: (error) =>
      log.error({ err: error }, `a round of evaluations failed; the next one comes within ${everyMs} ms`),
  });
  return {
    notReady: () =>
      ageMs() > Math.max(STALLED_AFTER_MS, STALLED_AFTER_ROUNDS * everyMs)
        ? [`evaluate: no round of evaluations has ended for ${Math.round(ageMs() / 1_000)} s`]
        : [],
    stop: async () => {
      await rounds.stop();
      await locks?.stop();
    },
  };
};
