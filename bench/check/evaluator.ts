// The evaluator of the service, which decides and changes nothing.
import type { Pool } from "../../origin/db/pool.ts";
import { makeEvaluator } from "../../origin/evaluate/evaluator.ts";
import { makeLogger } from "../../origin/runtime/log.ts";
import { makeMetrics } from "../../origin/runtime/metrics.ts";
import { err } from "../../shared/result.ts";

/** `now`: unix seconds. */
export const makeIdleEvaluator = (pool: Pool, now = (): number => Date.now() / 1_000) =>
  makeEvaluator({
    pool,
    metrics: makeMetrics(),
    log: makeLogger("error"),
    now,
    lagSeconds: () => 0,
    rollbackFeature: async () => err({ reason: "the bench changes nothing" }),
    setRollout: async () => err({ reason: "the bench changes nothing" }),
  });
