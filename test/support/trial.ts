// One feature on trial as the fold would have left it, and the real evaluator that evaluates it, on a clock of the test's.
import { randomUUID } from "node:crypto";
import { emptySketch, encodeSketch, recordLatency } from "../../shared/telemetry/latency-sketch.ts";
import type { Pool } from "../../origin/db/pool.ts";
import type { TestDatabase } from "./database.ts";
import type { RollbackFeature } from "../../origin/evaluate/effects.ts";
import type { Aggregates } from "../../origin/evaluate/aggregates.ts";
import { makeEvaluator } from "../../origin/evaluate/evaluator.ts";
import { makeLogger, type ErrorLog, type WarningLog } from "../../origin/runtime/log.ts";
import { makeMetrics } from "../../origin/runtime/metrics.ts";
import { makeFeatureChanges } from "../../origin/features/change-feature.ts";
import { Rule } from "../../shared/features/rule.ts";

export const START = 1_800_000_000;
export const FEATURE = "feat_smart_recs_v1";

export const ruleOf = (over: Partial<Rule> = {}): Rule =>
  Rule.parse({
    featureId: FEATURE,
    activationThreshold: 0.15,
    retentionThreshold: 0.4,
    latencyP95Threshold: 200,
    minCohortSize: 200,
    evaluationWindowSeconds: 3600,
    mode: "enforce",
    activationWindowSeconds: 8,
    retentionWindowSeconds: 20,
    returnAfterSeconds: 5,
    ...over,
  });

export type TestEvaluator = ReturnType<ReturnType<typeof makeTrial>["startEvaluator"]>;

/** What a holdout does. */
const HEALTHY = { activation: 0.2, retention: 0.5 };

/** The feature, its telemetry and evaluators over this database. */
export const makeTrial = ({ pool, servicePool }: Pick<TestDatabase, "pool" | "servicePool">) => ({
  insertFeature: async (rule: Rule, { holdoutBps = 5_000 }: { holdoutBps?: number } = {}) => {
    await pool.query(
      `insert into feature_flags (feature_id, enabled, rollout_bps, holdout_bps, epoch_started_at, revision, activation)
       values ($1, true, 5000, $3, to_timestamp($2), 1, '{"path": "/buy", "method": "POST"}')`,
      [FEATURE, START, holdoutBps],
    );
    await pool.query("insert into pmf_rules (feature_id, rule) values ($1, $2)", [
      FEATURE,
      JSON.stringify(rule),
    ]);
  },

  /**
   * `units` exposed a second in each cohort, for `seconds` beginning with `from`, with the shares of treatment that act and return.
   * The holdout is healthy, or does as treatment does: `everybody`.
   */
  insertTelemetry: async (
    over: {
      seconds: number;
      units: number;
      /** the holdout's, where they are not as many */
      heldOut?: number;
      activation: number;
      retention: number;
      latencyMs: number;
      /** the holdout's, where it is not the same */
      heldOutLatencyMs?: number;
      everybody?: boolean;
    },
    from = START,
  ) => {
    for (const cohort of ["treatment", "holdout"]) {
      const units = cohort === "holdout" ? (over.heldOut ?? over.units) : over.units;
      const { activation, retention } = cohort === "holdout" && over.everybody !== true ? HEALTHY : over;
      const sketch = emptySketch();
      const latencyMs = cohort === "holdout" ? (over.heldOutLatencyMs ?? over.latencyMs) : over.latencyMs;
      for (let request = 0; request < units; request++) recordLatency(sketch, latencyMs);
      await pool.query(
        `insert into outcome_counts (feature_id, epoch, cohort, signal, age_s, bucket_s, units)
         select $1, 1, $2, signal, age_s, bucket_s, units
         from generate_series($3::bigint, $3 + $4 - 1) bucket_s
         cross join unnest(array['exposure', 'activation', 'retention'], array[0, 8, 20], $5::integer[])
           as counted (signal, age_s, units)`,
        [
          FEATURE,
          cohort,
          from,
          over.seconds,
          [1, activation, retention].map((share) => Math.round(units * share)),
        ],
      );
      await pool.query(
        `insert into latency_sketches (feature_id, epoch, cohort, bucket_s, partition, requests, errors, sketch)
         select $1, 1, $2, bucket_s, 0, $5, 0, $6 from generate_series($3::bigint, $3 + $4 - 1) bucket_s`,
        [FEATURE, cohort, from, over.seconds, units, encodeSketch(sketch)],
      );
    }
  },

  /** The rest of the site: another open feature whose requests keep coming in until then. */
  insertTrafficUntil: async (second: number) => {
    await pool.query(
      `insert into feature_flags (feature_id, enabled, rollout_bps, holdout_bps, revision)
       values ('feat_other', true, 5000, 0, 1) on conflict do nothing`,
    );
    await pool.query(
      `insert into latency_sketches (feature_id, epoch, cohort, bucket_s, partition, requests, errors, sketch)
       values ('feat_other', 1, 'treatment', $1, 0, 1, 0, $2)`,
      [START + second, encodeSketch(emptySketch())],
    );
  },

  /**
   * `own`: the evaluator's connections, where they shall end before the rest; `onRollout`: once one is committed; `aggregates`:
   * where the counts are, if not in this database alone.
   */
  startEvaluator: ({
    own = servicePool,
    onRollout = async () => {},
    aggregates,
    log = makeLogger("silent"),
  }: {
    own?: Pool;
    onRollout?: () => Promise<void>;
    aggregates?: Aggregates;
    log?: ErrorLog & WarningLog;
  } = {}) => {
    const changes = makeFeatureChanges({ pool: servicePool, newId: randomUUID });
    const clock = { now: START, lagSeconds: 0 as number | null };
    const rollbacks: Parameters<RollbackFeature>[0][] = [];
    const rollouts: number[] = [];
    const metrics = makeMetrics();
    const evaluator = makeEvaluator({
      pool: own,
      metrics,
      log,
      now: () => clock.now,
      lagSeconds: () => clock.lagSeconds,
      ...(aggregates === undefined ? {} : { aggregates }),
      setRollout: async ({ rolloutBps, reason, ...target }) => {
        const changed = await changes.setRollout(target, { rolloutBps }, { actor: "sluice", reason });
        rollouts.push(rolloutBps);
        await onRollout();
        return changed;
      },
      rollbackFeature: ({ reason, ...target }) => {
        rollbacks.push({ reason, ...target });
        return changes.rollbackFeature(target, { actor: "sluice", reason });
      },
    });
    const decisionAt = async (seconds: number) => {
      clock.now = START + seconds;
      const [outcome] = await evaluator.evaluate();
      return outcome?.decision;
    };
    const stateAt = async (seconds: number) => (await decisionAt(seconds))?.state;
    return { clock, rollbacks, rollouts, evaluator, decisionAt, stateAt, metrics };
  },
});
