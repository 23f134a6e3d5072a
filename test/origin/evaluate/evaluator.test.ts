import { randomUUID } from "node:crypto";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import {
  COMPARED_RATIOS,
  comparisonLogEValues,
  predictRate,
} from "../../../origin/decide/statistics/comparison.ts";
import { logMeanExp } from "../../../origin/decide/statistics/log-sum-exp.ts";
import { makePool } from "../../../origin/db/pool.ts";
import { makeFeatureChanges } from "../../../origin/features/change-feature.ts";
import { FeatureId } from "../../../shared/ids.ts";
import type { Rule } from "../../../shared/features/rule.ts";
import { makeTestDatabase } from "../../support/database.ts";
import { FEATURE, makeTrial, ruleOf, START } from "../../support/trial.ts";

const database = await makeTestDatabase();
afterAll(() => database.drop());
const { pool } = database;
const { insertFeature, insertTelemetry, insertTrafficUntil, startEvaluator } = makeTrial(database);

const storedStates = async () => {
  const { rows } = await pool.query<{ state: string }>("select state from pmf_evaluations order by id");
  return rows.map(({ state }) => state);
};

beforeEach(async () => {
  await pool.query(
    "truncate feature_flags, outcome_counts, latency_sketches, pmf_evaluations, pmf_trials, pmf_ramps, bot_requests cascade",
  );
  await insertTrafficUntil(10_000);
});

describe("evaluate", () => {
  test("a feature with half its threshold collects, then is rolled back with its evidence", async () => {
    await insertFeature(ruleOf());
    await insertTelemetry({ seconds: 60, units: 40, activation: 0.075, retention: 0.2, latencyMs: 50 });
    const { stateAt, rollbacks } = startEvaluator();
    expect(await stateAt(12)).toBe("COLLECTING");
    expect(await stateAt(50)).toBe("ROLLBACK");
    expect(rollbacks).toHaveLength(1);
    expect(rollbacks[0]).toMatchObject({ featureId: FEATURE, expectedVersion: 1, epoch: 1 });
    expect(rollbacks[0]?.reason).toMatch(/^ROLLBACK: /);
    expect(await storedStates()).toEqual(["COLLECTING", "ROLLBACK"]);
  });

  test("the stored decision and the reason of the rollback say how many requests of bots are left out", async () => {
    await insertFeature(ruleOf());
    await insertTelemetry({ seconds: 60, units: 40, activation: 0.075, retention: 0.2, latencyMs: 50 });
    await pool.query("insert into bot_requests values ($1, 1, 1204), ($1, 2, 5), ('feat_other', 1, 7)", [
      FEATURE,
    ]);
    const { stateAt, rollbacks } = startEvaluator();
    expect(await stateAt(50)).toBe("ROLLBACK");
    expect(rollbacks[0]).toMatchObject({ reason: expect.stringContaining("1,204 requests of bots") });
    const { rows } = await pool.query<{ decision: { botRequests: number; reason: string } }>(
      "select decision from pmf_evaluations",
    );
    expect(rows[0]?.decision.botRequests).toBe(1204);
    expect(rows[0]?.decision.reason).toMatch(/1,204 requests of bots are left out\.$/);
  });

  test("a clearly good feature is kept, and watched from then on", async () => {
    await insertFeature(ruleOf());
    await insertTelemetry({ seconds: 60, units: 20, activation: 0.3, retention: 0.6, latencyMs: 50 });
    const { stateAt, rollbacks } = startEvaluator();
    expect(await stateAt(60)).toBe("KEEP");
    expect(await stateAt(61)).toBe("WATCH");
    expect(rollbacks).toEqual([]);
  });

  test("users who have not had their whole window are not counted as failures", async () => {
    await insertFeature(ruleOf());
    await insertTelemetry({ seconds: 9, units: 500, activation: 0, retention: 0, latencyMs: 50 });
    const { stateAt } = startEvaluator();
    expect(await stateAt(9)).toBe("COLLECTING");
    expect(await stateAt(14)).toBe("ROLLBACK");
  });

  test("an evaluation that is repeated, or that crashed before it stored, counts no bucket twice", async () => {
    await insertFeature(ruleOf({ minCohortSize: 1_000_000 }));
    await insertTelemetry({ seconds: 30, units: 10, activation: 0.2, retention: 0.5, latencyMs: 50 });
    const stepwise = startEvaluator();
    for (let second = 1; second <= 60; second++) await stepwise.stateAt(second);
    await Promise.all([stepwise.evaluator.evaluate(), stepwise.evaluator.evaluate()]);
    const [once] = await stepwise.evaluator.evaluate();
    await pool.query("truncate pmf_trials");
    const [again] = await stepwise.evaluator.evaluate();
    expect(once?.decision.evidence.tests[0]?.treatment).toEqual({ n: 300, s: 60 });
    expect(once?.decision.details).toEqual(again?.decision.details);
    for (const [at, test_] of (once?.decision.evidence.tests ?? []).entries())
      expect(test_.logEvidence).toBeCloseTo(again?.decision.evidence.tests[at]?.logEvidence ?? Number.NaN, 9);
  });

  test("processes that evaluate in turns go on from the trial that the other has stored", async () => {
    await insertFeature(ruleOf({ minCohortSize: 1_000_000 }));
    await insertTelemetry({ seconds: 30, units: 10, activation: 0.2, retention: 0.5, latencyMs: 50 });
    const [one, other] = [startEvaluator(), startEvaluator()];
    for (let second = 1; second <= 60; second += 2) {
      await one.stateAt(second);
      await one.stateAt(second);
      await other.stateAt(second + 1);
    }
    const [inTurns] = await other.evaluator.evaluate();
    await pool.query("truncate pmf_trials");
    const [alone] = await other.evaluator.evaluate();
    expect(inTurns?.decision.evidence.tests[0]?.treatment).toEqual({ n: 300, s: 60 });
    expect(inTurns?.decision.details).toEqual(alone?.decision.details);
  });

  test("processes that evaluate many features in the same moment store each evaluation of each feature once", async () => {
    await insertFeature(ruleOf({ minCohortSize: 1_000_000 }));
    await insertTelemetry({ seconds: 30, units: 10, activation: 0.2, retention: 0.5, latencyMs: 50 });
    for (const [table, columns] of [
      ["feature_flags", "enabled, rollout_bps, holdout_bps, epoch_started_at, revision, activation"],
      ["pmf_rules", "rule"],
      ["outcome_counts", "epoch, cohort, signal, age_s, bucket_s, units"],
      ["latency_sketches", "epoch, cohort, bucket_s, partition, requests, errors, sketch"],
    ])
      await pool.query(
        `insert into ${table} (feature_id, ${columns})
         select feature_id || '_' || n, ${columns} from ${table} cross join generate_series(1, 149) n
         where feature_id = $1`,
        [FEATURE],
      );
    const [one, other] = [startEvaluator(), startEvaluator()];
    let outcomes = 0;
    for (let second = 1; second <= 60; second += 6) {
      for (const { clock } of [one, other]) clock.now = START + second;
      const both = await Promise.all([one.evaluator.evaluate(), other.evaluator.evaluate()]);
      outcomes += both.flat().length;
    }
    expect(outcomes).toBeGreaterThanOrEqual(10 * 150);
    const { rows } = await pool.query(
      `select count(*)::int as trials, count(distinct evidence)::int as kinds,
         min(evidence -> 'exposed' ->> 'treatment') as exposed, min(alpha_spent) as alpha, max(alpha_spent) as most,
         (select count(*)::int from pmf_evaluations) as evaluations,
         (select count(distinct (feature_id, mature))::int from pmf_evaluations) as different
       from pmf_trials`,
    );
    const alpha = ruleOf().falseRollbackRate;
    expect(rows).toMatchObject([{ trials: 150, kinds: 1, exposed: "300", alpha, most: alpha }]);
    expect(rows[0]?.evaluations).toBe(rows[0]?.different);
  });

  test("users whose telemetry may still be on its way are not counted as failures, until it has been silent for a while", async () => {
    await insertFeature(ruleOf());
    await pool.query("delete from latency_sketches where feature_id = 'feat_other'");
    await insertTelemetry({ seconds: 9, units: 200, activation: 0, retention: 0, latencyMs: 50 });
    const { stateAt } = startEvaluator();
    expect(await stateAt(12)).toBe("COLLECTING");
    expect(await stateAt(20)).toBe("COLLECTING");
    expect(await stateAt(60)).toBe("ROLLBACK");
  });

  test("after an outage of ingest, units exposed before it wait until late telemetry had time to come", async () => {
    await insertFeature(ruleOf());
    await insertTelemetry({ seconds: 60, units: 40, activation: 0, retention: 0, latencyMs: 50 });
    const { stateAt } = startEvaluator();
    const heartbeat = (seen: number, outage: readonly [number, number] | null) =>
      pool.query(
        `update ingest_presence set seen_at = clock_timestamp() - make_interval(secs => $1),
           away_from = clock_timestamp() - make_interval(secs => $2),
           away_until = clock_timestamp() - make_interval(secs => $3)`,
        [seen, outage?.[0] ?? null, outage?.[1] ?? null],
      );
    // The feature's epoch began at 0 and its users came until 60.
    await heartbeat(59, null); // at 60: down since 1
    expect(await stateAt(60)).toBe("COLLECTING");
    await heartbeat(0, [69, 10]); // at 70: was down from 1 to 60
    expect(await stateAt(70)).toBe("COLLECTING");
    await heartbeat(0, [149, 90.1]); // at 150: late telemetry has had its time
    expect(await stateAt(150)).toBe("ROLLBACK");
    await pool.query("update ingest_presence set seen_at = null, away_from = null, away_until = null");
  });

  test("an outage before the feature's epoch holds nothing up", async () => {
    await insertFeature(ruleOf());
    await insertTelemetry({ seconds: 60, units: 40, activation: 0, retention: 0, latencyMs: 50 });
    await pool.query(
      `update ingest_presence set seen_at = clock_timestamp(),
         away_from = clock_timestamp() - interval '100 s', away_until = clock_timestamp() - interval '61 s'`,
    );
    const { stateAt } = startEvaluator();
    expect(await stateAt(60)).toBe("ROLLBACK");
    await pool.query("update ingest_presence set seen_at = null, away_from = null, away_until = null");
  });

  test("telemetry that is behind, or whose lag is unknown, stops every decision", async () => {
    await insertFeature(ruleOf());
    await insertTelemetry({ seconds: 60, units: 40, activation: 0, retention: 0, latencyMs: 50 });
    const { stateAt, clock, rollbacks } = startEvaluator();
    clock.lagSeconds = 600;
    expect(await stateAt(60)).toBe("INVALID");
    clock.lagSeconds = null;
    expect(await stateAt(61)).toBe("INVALID");
    expect(rollbacks).toEqual([]);
    clock.lagSeconds = 0;
    expect(await stateAt(62)).toBe("ROLLBACK");
  });

  test("in shadow a would-be rollback is only recorded; enforcing starts from nothing", async () => {
    await insertFeature(ruleOf({ mode: "shadow" }));
    await insertTelemetry({ seconds: 60, units: 40, activation: 0, retention: 0, latencyMs: 50 });
    const { stateAt, rollbacks, evaluator } = startEvaluator();
    expect(await stateAt(60)).toBe("ROLLBACK");
    expect((await evaluator.evaluate())[0]?.effect).toBe("shadow");
    expect(rollbacks).toEqual([]);
    await pool.query("update pmf_rules set rule = $1, version = 2", [JSON.stringify(ruleOf())]);
    expect(await stateAt(61)).toBe("COLLECTING");
    const { rows } = await pool.query<{ reason: string }>(
      "select decision ->> 'reason' as reason from pmf_evaluations order by id desc limit 1",
    );
    expect(rows[0]?.reason).toContain("evidence starts from nothing, with a fresh α");
    expect(await stateAt(120)).toBe("COLLECTING");
    expect(rollbacks).toEqual([]);
  });

  test("beside a holdout each age counts the units that had not acted at the age before", async () => {
    await insertFeature(
      ruleOf({
        retentionThreshold: 0,
        activationWindowSeconds: 1_800,
        minCohortSize: 1,
        compare: { activation: "holdout" },
      }),
    );
    const buckets = 10;
    const acted = { treatment: [4, 9], holdout: [8, 20] };
    for (const [cohort, [early, late]] of Object.entries(acted))
      for (const [signal, age, units] of [
        ["exposure", 0, 1_000],
        ["activation", 900, early],
        ["activation", 1_800, late],
      ] as const)
        await pool.query(
          `insert into outcome_counts (feature_id, epoch, cohort, signal, age_s, bucket_s, units)
           select $1, 1, $2, $3, $4, $5::bigint + 180 * i, $6 from generate_series(0, $7::int - 1) i`,
          [FEATURE, cohort, signal, age, START, units, buckets],
        );
    const steps = [
      { treatment: { n: 1_000, s: 4 }, holdout: { n: 1_000, s: 8 } },
      { treatment: { n: 996, s: 5 }, holdout: { n: 992, s: 12 } },
    ];
    const gains = steps.flatMap((step) =>
      Array.from({ length: buckets }, (_, before) =>
        comparisonLogEValues(step, predictRate({ n: before * step.holdout.n, s: before * step.holdout.s })),
      ),
    );
    const sums = COMPARED_RATIOS.map((_, i) => gains.reduce((sum, gain) => sum + (gain[i] ?? 0), 0));
    const { evaluator, clock } = startEvaluator();
    clock.now = START + 9_000;
    const [outcome] = await evaluator.evaluate();
    const [first, second] = outcome?.decision.evidence.tests ?? [];
    expect(first).toMatchObject({ ageSeconds: 900, treatment: { n: 10_000, s: 40 } });
    expect(second).toMatchObject({ ageSeconds: 1_800, holdout: { n: 10_000, s: 200 } });
    for (const each of [first, second]) expect(each?.logEvidence).toBeCloseTo(logMeanExp(sums), 9);
  });

  describe("units that are lost on one side", () => {
    const LOPSIDED = { seconds: 60, units: 40, heldOut: 20, activation: 0.02, retention: 0.6, latencyMs: 50 };

    test("hold back rates and KEEP until a person begins a new trial", async () => {
      await insertFeature(ruleOf());
      await insertTelemetry(LOPSIDED);
      await insertTelemetry({ ...LOPSIDED, heldOut: 40 }, START + 70);
      const { stateAt, rollbacks, metrics } = startEvaluator();
      expect(await stateAt(60)).toBe("INVALID");
      expect(await metrics.registry.metrics()).toContain(
        `sluice_sample_ratio_mismatch{feature="${FEATURE}"} 1`,
      );
      expect(await stateAt(65)).toBe("INVALID");
      expect(rollbacks).toEqual([]);
      const changes = makeFeatureChanges({ pool: database.servicePool, newId: randomUUID });
      const by = { actor: "kim", reason: "the cache is mended" };
      const restarted = await changes.restartTrial({ featureId: FeatureId.parse(FEATURE) }, by);
      expect(restarted.ok).toBe(true);
      expect(await stateAt(66)).toBe("COLLECTING");
      expect(await metrics.registry.metrics()).not.toContain("sluice_sample_ratio_mismatch{");
      expect(await stateAt(130)).toBe("ROLLBACK");
      const { rows } = await pool.query(
        "select actor, action, reason, details from rollback_audit where feature_id = $1 and actor = 'kim'",
        [FEATURE],
      );
      expect(rows).toMatchObject([{ ...by, action: "rollout" }]);
    });

    test("hold back no slow requests", async () => {
      await insertFeature(ruleOf());
      await insertTelemetry({ ...LOPSIDED, latencyMs: 900, heldOutLatencyMs: 50 });
      const { stateAt, rollbacks } = startEvaluator();
      expect(await stateAt(60)).toBe("ROLLBACK");
      expect(rollbacks[0]?.reason).toContain("latency: 100.0 % of requests slower than 200 ms");
    });
  });

  describe("a ramp", () => {
    const ramp = { stagesBps: [500, 2000, 5000], minStageSeconds: 20 };
    const start = async (over: Partial<Rule>) => {
      await insertFeature(ruleOf({ ramp, ...over }));
      await pool.query(
        "update feature_flags set rollout_bps = 500, holdout_bps = 500 where feature_id = $1",
        [FEATURE],
      );
      return startEvaluator();
    };

    test("advances by time, and to the last stage only on proof", async () => {
      const { stateAt, rollouts } = await start({});
      await insertTelemetry({ seconds: 35, units: 20, activation: 0.3, retention: 0.6, latencyMs: 50 });
      await insertTelemetry(
        { seconds: 85, units: 200, heldOut: 20, activation: 0.3, retention: 0.6, latencyMs: 50 },
        START + 35,
      );
      await stateAt(1);
      await stateAt(20);
      expect(rollouts).toEqual([]);
      await stateAt(21);
      expect(rollouts).toEqual([2000]);
      await stateAt(22);
      expect(await stateAt(90)).toBe("KEEP");
      expect(rollouts).toEqual([2000, 5000]);
      await stateAt(500);
      expect(rollouts).toEqual([2000, 5000]);
    });

    test("does not go on where units are lost at the stage it has reached", async () => {
      const { stateAt, rollouts } = await start({});
      await insertTelemetry({ seconds: 35, units: 20, activation: 0.3, retention: 0.6, latencyMs: 50 });
      await insertTelemetry(
        { seconds: 85, units: 40, heldOut: 20, activation: 0.3, retention: 0.6, latencyMs: 50 },
        START + 35,
      );
      await stateAt(1);
      await stateAt(21);
      await stateAt(22);
      expect(await stateAt(90)).toBe("INVALID");
      expect(rollouts).toEqual([2000]);
    });

    test("waits for proof at the stage before the last", async () => {
      const { stateAt, rollouts } = await start({ minCohortSize: 1_000_000 });
      await insertTelemetry({ seconds: 35, units: 20, activation: 0.3, retention: 0.6, latencyMs: 50 });
      await insertTelemetry(
        { seconds: 85, units: 200, heldOut: 20, activation: 0.3, retention: 0.6, latencyMs: 50 },
        START + 35,
      );
      for (const second of [1, 30, 60, 120, 600]) await stateAt(second);
      expect(rollouts).toEqual([2000]);
    });

    test("is frozen by a guard, by a signal that looks bad, and by a person", async () => {
      const { stateAt, rollouts, clock } = await start({});
      const pause = (paused: boolean) => pool.query("update pmf_ramps set paused = $1", [paused]);
      await stateAt(1);
      clock.lagSeconds = null;
      await stateAt(30);
      clock.lagSeconds = 0;
      await pause(true);
      await stateAt(31);
      expect(rollouts).toEqual([]);
      await pause(false);
      await stateAt(32);
      expect(rollouts).toEqual([2000]);
    });

    test("its position is written when it changes, not at every evaluation", async () => {
      const { stateAt } = await start({});
      const written = async () =>
        (await pool.query<{ xmin: string }>("select xmin::text from pmf_ramps")).rows[0]?.xmin;
      await stateAt(1);
      const first = await written();
      expect(first).toBeDefined();
      await stateAt(2);
      await stateAt(3);
      expect(await written()).toBe(first);
      await stateAt(21);
      await stateAt(22);
      expect(await written()).not.toBe(first);
    });

    /** Advanced once, and useless to everybody from then on. */
    const startThatFails = async () => {
      const started = await start({ onFailure: "throttle" });
      await started.stateAt(1);
      await started.stateAt(30);
      expect(started.rollouts).toEqual([2000]);
      await insertTelemetry(
        { seconds: 60, units: 40, activation: 0, retention: 0, latencyMs: 50 },
        START + 30,
      );
      return started;
    };

    test("throttles to the stage before, starts over there, and closes from the first", async () => {
      const { stateAt, rollouts, rollbacks } = await startThatFails();
      expect(await stateAt(60)).toBe("ROLLBACK");
      expect(rollouts).toEqual([2000, 500]);
      expect(await stateAt(61)).toBe("COLLECTING");
      expect(rollbacks).toEqual([]);
      expect(await stateAt(90)).toBe("ROLLBACK");
      expect(rollbacks).toHaveLength(1);
      expect(rollouts).toEqual([2000, 500]);
    });

    test("a process that dies right after it throttled leaves nothing that throttles or closes once more", async () => {
      await startThatFails();
      const dyingPool = makePool(database.url, { applicationName: "dying", onIdleError: () => {} });
      const dying = startEvaluator({ own: dyingPool, onRollout: () => dyingPool.end() });
      await dying.stateAt(60).catch(() => {});
      expect(dying.rollouts).toEqual([500]);

      const next = startEvaluator();
      expect(await next.stateAt(61)).toBe("COLLECTING");
      expect([next.rollouts, next.rollbacks]).toEqual([[], []]);
      const { rows } = await pool.query<{ alpha: number }>("select alpha_spent as alpha from pmf_trials");
      expect(rows[0]?.alpha).toBeCloseTo(2 * ruleOf().falseRollbackRate, 12);
      expect(await next.stateAt(90)).toBe("ROLLBACK");
      expect(next.rollbacks).toHaveLength(1);
    });

    test("a raise between the same two evaluations as new terms still brings in people who were there before", async () => {
      const { stateAt } = await start({});
      await stateAt(1);
      await pool.query("update feature_flags set rollout_bps = 2000, version = 2 where feature_id = $1", [
        FEATURE,
      ]);
      await pool.query("update pmf_rules set rule = $1, version = 2", [
        JSON.stringify(ruleOf({ ramp, minCohortSize: 300 })),
      ]);
      await insertTelemetry(
        { seconds: 60, units: 400, heldOut: 40, activation: 0.15, retention: 0.4, latencyMs: 50 },
        START + 2,
      );
      expect(await stateAt(2)).toBe("COLLECTING");
      await stateAt(10);
      expect(await stateAt(60)).toBe("TESTING");
    });
  });
});
