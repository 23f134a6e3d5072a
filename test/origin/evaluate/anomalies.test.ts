// Decisions that somebody tries to buy in one hour, told by the real evaluator from what the fold would have left.
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { makeEvaluationReads } from "../../../origin/evaluate/evaluation-reads.ts";
import { FeatureId } from "../../../shared/ids.ts";
import { makeTestDatabase } from "../../support/database.ts";
import { FEATURE, makeTrial, ruleOf, START } from "../../support/trial.ts";

const database = await makeTestDatabase();
afterAll(() => database.drop());
const { pool } = database;
const { insertFeature, insertTelemetry, insertTrafficUntil, startEvaluator } = makeTrial(database);

const HOUR = 3_600;
/** Below a threshold of 15 %, by so little that a hundred units an hour take many days. */
const WEAK = { units: 100, activation: 0.14, retention: 0.6, latencyMs: 50, heldOut: 0 };
const ATTACKED = 30;

const rule = ruleOf({ minCohortSize: 100, retentionThreshold: 0, evaluationWindowSeconds: 1_000_000 });

/** Everybody of the hour comes in its first second. */
const hour = async (n: number, over: Partial<typeof WEAK> & { seenAgain?: number } = {}): Promise<void> => {
  const { seenAgain = 50, ...units } = { ...WEAK, ...over };
  await insertTelemetry({ ...units, seconds: 1 }, START + n * HOUR);
  await pool.query("insert into arrivals values ($1, 1, $2, $3, $4, 2)", [
    FEATURE,
    START + n * HOUR,
    units.units,
    seenAgain,
  ]);
};
const hours = async (from: number, to: number, over: Partial<typeof WEAK> = {}): Promise<void> => {
  for (let n = from; n < to; n += 1) await hour(n, over);
};

beforeEach(async () => {
  await pool.query(
    "truncate feature_flags, outcome_counts, latency_sketches, pmf_evaluations, pmf_trials, pmf_ramps, bot_requests, arrivals cascade",
  );
  await insertFeature(rule, { holdoutBps: 0 });
  await insertTrafficUntil(1_000_000);
});

const reads = makeEvaluationReads({
  pool,
  history: (read) => read(pool),
  now: () => START + (ATTACKED + 1) * HOUR,
  rawKeepDays: 7,
});

describe("a crowd of one hour", () => {
  const crowd = { units: 5_000, seenAgain: 4_000 };

  test("that acts in a weak feature buys no KEEP: it is held back, shown, and told once", async () => {
    await hours(0, ATTACKED);
    await hour(ATTACKED, { ...crowd, activation: 0.9 });
    const { decisionAt, metrics } = startEvaluator();
    const held = await decisionAt((ATTACKED + 1) * HOUR);
    expect(held).toMatchObject({ state: "TESTING", heldBack: "KEEP" });
    expect(held?.reason).toContain(
      "KEEP is held back: 1 hour was not as usual, from 2027-01-16 14:00:00 UTC: far more units than usual. Without the units of such hours the feature is not proven good yet.",
    );
    expect(await metrics.registry.metrics()).toContain(`sluice_held_back{feature="${FEATURE}"} 1`);
    expect(await reads.newestEvaluation(FeatureId.parse(FEATURE))).toMatchObject({
      decision: { heldBack: "KEEP" },
    });
    expect(await reads.readAnomalies(FeatureId.parse(FEATURE), 1)).toEqual([
      {
        hourS: START + ATTACKED * HOUR,
        units: 5_000,
        seenAgain: 4_000,
        largestNetwork: 2,
        kind: "crowd",
        usual: 100,
      },
    ]);
    const { rows } = await pool.query("select count(*)::int as n from pmf_evaluations");
    for (let second = 1; second < 60; second += 7) await decisionAt((ATTACKED + 1) * HOUR + second);
    expect((await pool.query("select count(*)::int as n from pmf_evaluations")).rows).toEqual(rows);
  });

  test("delays the KEEP of a good feature until it stands without that hour, and no longer", async () => {
    await hours(0, ATTACKED);
    await hour(ATTACKED, { ...crowd, activation: 0.9 });
    const { stateAt, metrics } = startEvaluator();
    expect(await stateAt((ATTACKED + 1) * HOUR)).toBe("TESTING");
    await hours(ATTACKED + 1, ATTACKED + 4, { activation: 0.16 });
    expect(await stateAt((ATTACKED + 4) * HOUR)).toBe("TESTING");
    await hours(ATTACKED + 4, ATTACKED + 30, { activation: 0.3 });
    expect(await stateAt((ATTACKED + 30) * HOUR)).toBe("KEEP");
    expect(await metrics.registry.metrics()).not.toContain(`sluice_held_back{feature`);
  });

  test("that never acts closes no good feature that has no holdout, and a bad one closes as ever", async () => {
    await hours(0, ATTACKED, { activation: 0.16 });
    await hour(ATTACKED, { ...crowd, activation: 0 });
    const { decisionAt, rollbacks } = startEvaluator();
    const held = await decisionAt((ATTACKED + 1) * HOUR);
    expect(held).toMatchObject({ state: "TESTING", heldBack: "ROLLBACK" });
    expect(held?.reason).toContain("ROLLBACK is held back: 1 hour was not as usual");
    expect(rollbacks).toEqual([]);
    await hours(ATTACKED + 1, ATTACKED + 30, { activation: 0.02 });
    expect(await decisionAt((ATTACKED + 30) * HOUR)).toMatchObject({ state: "ROLLBACK" });
    expect(rollbacks).toHaveLength(1);
  });

  test("holds nothing back that slow requests show", async () => {
    await hours(0, ATTACKED, { latencyMs: 5_000 });
    await hour(ATTACKED, { ...crowd, activation: 0, latencyMs: 5_000 });
    const { stateAt } = startEvaluator();
    expect(await stateAt((ATTACKED + 1) * HOUR)).toBe("ROLLBACK");
  });
});

test("without an unusual hour a feature is decided at once", async () => {
  await hours(0, ATTACKED, { activation: 0.3 });
  expect(await startEvaluator().stateAt(ATTACKED * HOUR)).toBe("KEEP");
});

test("units that send nothing again are found where they are no crowd", async () => {
  await hours(0, ATTACKED);
  await hour(ATTACKED, { units: 900, seenAgain: 0, activation: 0.9 });
  const { decisionAt } = startEvaluator();
  expect((await decisionAt((ATTACKED + 2) * HOUR))?.reason).toContain("units that send nothing again");
});
