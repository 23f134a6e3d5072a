// A kept feature whose people go away, change, or are driven off, told by the real evaluator from what the fold would have left.
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { makeTestDatabase } from "../../support/database.ts";
import { makeTrial, ruleOf, START, type TestEvaluator } from "../../support/trial.ts";

const database = await makeTestDatabase();
afterAll(() => database.drop());
const { pool } = database;
const { insertFeature, insertTelemetry, insertTrafficUntil, startEvaluator } = makeTrial(database);

const HEALTHY_SECONDS = 100;
const HEALTHY = { units: 20, activation: 0.25, retention: 0.6, latencyMs: 50 };

/** A feature that is kept after 100 s at the latest. */
const startKept = async (holdoutBps: number): Promise<TestEvaluator> => {
  await insertFeature(ruleOf(), { holdoutBps });
  const heldOut = holdoutBps === 0 ? 0 : 20;
  await insertTelemetry({ ...HEALTHY, heldOut, seconds: HEALTHY_SECONDS, everybody: true });
  const evaluator = startEvaluator();
  for (let second = 1; second <= HEALTHY_SECONDS; second++) await evaluator.stateAt(second);
  expect(await evaluator.stateAt(HEALTHY_SECONDS)).toBe("WATCH");
  return evaluator;
};

/** The states of the next `seconds`, each once in its order. */
const statesOf = async ({ stateAt }: TestEvaluator, seconds: number): Promise<(string | undefined)[]> => {
  const states: (string | undefined)[] = [];
  for (let second = 1; second <= seconds; second++) {
    const state = await stateAt(HEALTHY_SECONDS + second);
    if (state !== states.at(-1)) states.push(state);
    if (state === "ROLLBACK") break;
  }
  return states;
};

const reasonNow = async ({ evaluator }: TestEvaluator): Promise<string> =>
  (await evaluator.evaluate())[0]?.decision.reason ?? "";

/** From 100 s on. */
const then = (over: Partial<Parameters<typeof insertTelemetry>[0]>, from = 0) =>
  insertTelemetry({ ...HEALTHY, seconds: 100, everybody: true, ...over }, START + HEALTHY_SECONDS + from);

/**
 * Nobody comes any more, at 20 s after `from`: those who came last cannot act or return. `share`: of a retention window that a
 * unit still had.
 */
const endOfTraffic = async (heldOut: number): Promise<void> => {
  for (let second = 0; second < 20; second++)
    await then(
      {
        seconds: 1,
        heldOut,
        activation: second < 12 ? HEALTHY.activation : 0,
        retention: HEALTHY.retention * (1 - second / 20),
      },
      second,
    );
};

beforeEach(async () => {
  await pool.query(
    "truncate feature_flags, outcome_counts, latency_sketches, pmf_evaluations, pmf_trials, pmf_ramps, bot_requests cascade",
  );
  await insertTrafficUntil(10_000);
});

describe.each([
  { beside: "beside a holdout", holdoutBps: 5_000, heldOut: 20 },
  { beside: "without a holdout", holdoutBps: 0, heldOut: 0 },
])("a kept feature $beside", ({ holdoutBps, heldOut }) => {
  test("stays kept when its people have gone", async () => {
    const kept = await startKept(holdoutBps);
    await endOfTraffic(heldOut);
    expect(await statesOf(kept, 150)).toEqual(["WATCH"]);
  });

  test("stays kept through an outage in which nobody who comes can act or return, and after it", async () => {
    const kept = await startKept(holdoutBps);
    await endOfTraffic(heldOut);
    await then({ seconds: 40, units: 2, heldOut: heldOut / 10, activation: 0, retention: 0 }, 20);
    await then({ heldOut }, 60);
    expect(await statesOf(kept, 190)).toEqual(["WATCH"]);
  });

  test("stays kept through a campaign of visitors who never act, and the decision says what has changed", async () => {
    const kept = await startKept(holdoutBps);
    await then({ units: 80, heldOut: 4 * heldOut, activation: 0.0625, retention: 0.15 });
    expect(await statesOf(kept, 100)).toEqual(["WATCH"]);
    expect(await reasonNow(kept)).toMatch(
      holdoutBps === 0
        ? /of the usual visitors came lately|with it: these are other visitors than before/
        : /not shown to be worse than the holdout's .*what befalls everybody closes nothing\./,
    );
  });

  test("is rolled back when it drives people off, by an alarm that claims no bound over a life", async () => {
    const kept = await startKept(holdoutBps);
    await then({ heldOut, activation: 0.05, everybody: false, retention: 0.55 });
    const states = await statesOf(kept, 100);
    expect(states).toEqual(["WATCH", "ROLLBACK"]);
    expect(kept.clock.now - START - HEALTHY_SECONDS).toBeLessThan(60);
    const [rollback] = kept.rollbacks;
    expect(rollback?.reason).toMatch(/^ROLLBACK: activation 5\.0 % within 8 s \(\d+ of \d+ mature since it/);
    expect(rollback?.reason).toContain("It has fallen since it was kept: evidence ");
    expect(rollback?.reason).toContain("once in at least 6,250 batches of 50 units, on average");
    expect(rollback?.reason).not.toMatch(/whole life|0\.04/);
  });
});

test("without a holdout a kept feature stays kept when people change who come as often as ever", async () => {
  const kept = await startKept(0);
  await then({ heldOut: 0, activation: 0.08, retention: 0.2 });
  expect(await statesOf(kept, 100)).toEqual(["WATCH"]);
  expect(await reasonNow(kept)).toContain("with it: these are other visitors than before");
});

test("beside a holdout a kept feature falls alone, whatever the number of visitors", async () => {
  const kept = await startKept(5_000);
  await then({ units: 80, heldOut: 80, activation: 0.05, retention: 0.1, everybody: false });
  expect(await statesOf(kept, 100)).toEqual(["WATCH", "ROLLBACK"]);
  expect(kept.rollbacks[0]?.reason).toContain("; beside the holdout ");
});
