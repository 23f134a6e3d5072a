import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { emptySketch, encodeSketch, recordLatency } from "../../../shared/telemetry/latency-sketch.ts";
import { allTogether } from "../../../origin/evaluate/aggregates.ts";
import { calibrate } from "../../../origin/evaluate/calibrate.ts";
import { calibrationText } from "../../../origin/evaluate/calibration-text.ts";
import { FeatureId } from "../../../shared/ids.ts";
import { makeAdminApp } from "../../support/admin-app.ts";
import { makeTestDatabase } from "../../support/database.ts";

const database = await makeTestDatabase();
afterAll(() => database.drop());
const { pool } = database;

const FEATURE = FeatureId.parse("feat_smart_recs_v1");
const START = 1_800_000_000;
const rule = {
  featureId: FEATURE,
  activationThreshold: 0.15,
  retentionThreshold: 0,
  latencyP95Threshold: 200,
  minCohortSize: 500,
  evaluationWindowSeconds: 3600,
  activationWindowSeconds: 60,
};

beforeAll(async () => {
  await pool.query(
    `insert into feature_flags (feature_id, enabled, rollout_bps, holdout_bps, revision) values ($1, true, 5000, 0, 1)`,
    [FEATURE],
  );
  await pool.query("insert into pmf_rules (feature_id, rule) values ($1, $2)", [
    FEATURE,
    JSON.stringify(rule),
  ]);
  // 50 buckets of 12 s with 100 users each, of whom 11 act: 11 %.
  await pool.query(
    `insert into outcome_counts (feature_id, epoch, cohort, signal, age_s, bucket_s, units)
     select $1, 1, 'treatment', signal, age_s, $2::bigint + 12 * i, units
     from generate_series(0, 49) i, (values ('exposure', 0, 100), ('activation', 60, 11)) as v (signal, age_s, units)`,
    [FEATURE, START],
  );
});

const setRule = (changed: object) =>
  pool.query("update pmf_rules set rule = $2 where feature_id = $1", [FEATURE, JSON.stringify(changed)]);

/** The requests of one bucket: so many of 100 take 350 ms, the others 50. */
const sketchWith = (slow: number): Uint8Array => {
  const sketch = emptySketch();
  for (let request = 0; request < 100; request++) recordLatency(sketch, request < slow ? 350 : 50);
  return encodeSketch(sketch);
};

const insertSketches = (cohort: string, slow: number) =>
  pool.query(
    `insert into latency_sketches (feature_id, epoch, cohort, bucket_s, partition, requests, errors, sketch)
     select $1, 1, $2, $3::bigint + 12 * i, 0, 100, 2, $4 from generate_series(0, 49) i`,
    [FEATURE, cohort, START, sketchWith(slow)],
  );

const insertRequests = () => insertSketches("treatment", 40);

/** A holdout of which 22 % act, twice as many as of treatment, and whose requests are quick. */
const insertHoldout = async () => {
  await insertSketches("holdout", 2);
  await pool.query(
    `insert into outcome_counts (feature_id, epoch, cohort, signal, age_s, bucket_s, units)
     select $1, 1, 'holdout', signal, age_s, $2::bigint + 12 * i, units
     from generate_series(0, 49) i, (values ('exposure', 0, 100), ('activation', 60, 22)) as v (signal, age_s, units)`,
    [FEATURE, START],
  );
};

describe("calibration", () => {
  test("a calibration says when the rule would have fired and at which thresholds it would not have", async () => {
    const found = await calibrate(pool, [allTogether(pool)], FEATURE, START + 10_000);
    const [activation] = found?.signals ?? [];
    expect(activation?.seen).toEqual({ n: 5000, s: 550 });
    expect(activation?.current.rolledBack).toMatchObject({ s: expect.any(Number) });
    expect(activation?.current.rolledBack?.n).toBeGreaterThanOrEqual(500);
    expect(activation?.current.rolledBack?.at).toBeGreaterThan(START + 60);
    expect(activation?.strictestQuiet).toBeCloseTo(0.12, 9);
    const sure = activation?.replays.find(({ threshold }) => Math.abs(threshold - 0.06) < 1e-9);
    expect(sure?.kept).not.toBeNull();
    const text = calibrationText(found ?? expect.fail());
    expect(text).toContain("11 % (550 of 5,000 mature users)");
    expect(text).toContain("it would not have been rolled back at 12 % or less");
  });

  test("latency and errors are calibrated too: here 40 of 100 requests take 350 ms in every bucket, and 2 fail, which is slow too", async () => {
    await insertRequests();
    await setRule({ ...rule, errorRateThreshold: 0.1 });
    const found = await calibrate(pool, [allTogether(pool)], FEATURE, START + 10_000);
    const [latency, errorRate] = found?.signals.slice(-2) ?? [];
    expect(latency).toMatchObject({ signal: "latency", against: "threshold", seen: { n: 5000, s: 2100 } });
    expect(latency?.current).toMatchObject({ threshold: 200, kept: null });
    // The fifth bucket is the first with 500 exposed users; none of the first few is enough by itself.
    expect(latency?.current.rolledBack?.at).toBeGreaterThan(START + 5 * 12);
    expect(latency?.strictestQuiet).toBe(400);
    expect(latency?.replays.find(({ threshold }) => threshold === 400)?.kept?.n).toBe(500);
    expect(errorRate).toMatchObject({
      signal: "errorRate",
      seen: { n: 5000, s: 100 },
      strictestQuiet: 0.025,
    });
    expect(errorRate?.current.kept).not.toBeNull();
    const text = calibrationText(found ?? expect.fail());
    expect(text).toContain("latency: 42 % (2,100 of 5,000 requests) took longer than 200 ms");
    expect(text).toContain("it would not have been rolled back at 400 ms or more");
    expect(text).toContain("error rate: 2 % (100 of 5,000 requests) failed");
  });

  test("a signal held against the holdout is replayed against the holdout, as the rule would have been", async () => {
    await insertHoldout();
    await setRule({ ...rule, compare: { activation: "holdout", latency: "holdout" } });
    const found = await calibrate(pool, [allTogether(pool)], FEATURE, START + 10_000);
    const [activation, latency] = found?.signals ?? [];
    expect(activation?.replays).toHaveLength(1);
    expect(activation).toMatchObject({ against: "holdout", strictestQuiet: null });
    expect(activation?.current.rolledBack?.n).toBeGreaterThanOrEqual(500);
    expect(activation?.current.rolledBack?.n).toBeLessThan(5000);
    expect(latency?.current.rolledBack).not.toBeNull();
    expect(latency?.strictestQuiet).toBe(400);
    const text = calibrationText(found ?? expect.fail());
    expect(text).toContain("it would have been rolled back beside the holdout");
  });

  test("users who are not mature are left out", async () => {
    const found = await calibrate(pool, [allTogether(pool)], FEATURE, START + 12 + 60 + 12);
    expect(found?.signals[0]?.seen.n).toBe(100);
  });
});

test("the counts of an epoch, which may be some hundred thousand rows, are read once for all signals", async () => {
  await setRule({ ...rule, retentionThreshold: 0.05 });
  const query = vi.spyOn(pool, "query");
  try {
    await calibrate(pool, [allTogether(pool)], FEATURE, START + 10 * 86_400);
    const named = query.mock.calls.map(([asked]: readonly unknown[]) =>
      typeof asked === "object" && asked !== null && "name" in asked ? asked.name : null,
    );
    expect(named.filter((name) => name === "read-outcomes")).toHaveLength(1);
  } finally {
    query.mockRestore();
    await setRule(rule);
  }
});

describe("over HTTP", () => {
  const { request } = makeAdminApp({ pool, now: () => START + 10_000 });
  const post = (path: string, body: unknown) => request(path, { method: "POST", body: JSON.stringify(body) });

  test("a forecast comes with the α that the month has spent", async () => {
    await pool.query(
      `insert into pmf_trials (feature_id, epoch, terms, seq, evidence, treatment_sketch, holdout_sketch, alpha_spent)
       values ('feat_a', 1, '', 1, '{}', '', '', 0.0004), ('feat_b', 2, '', 1, '{}', '', '', 0.0008),
         ('feat_shadow', 1, '', 1, '{}', '', '', 0)`,
    );
    const response = await post("/plan-test", { rule, usersPerDay: 10_000 });
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({
      signals: [{ signal: "activation" }],
      errorBudget: { launches: 2, alpha: expect.closeTo(0.0012, 12) },
    });
  });

  test("a bad rule is refused with its field", async () => {
    const response = await post("/plan-test", {
      rule: { ...rule, activationThreshold: 1.5 },
      usersPerDay: 1,
    });
    expect(response.status).toBe(400);
    expect(await response.text()).toContain("activationThreshold");
  });

  test("a calibration is JSON or text; an unknown feature is 404", async () => {
    expect(await (await request(`/features/${FEATURE}/calibration`)).json()).toMatchObject({ epoch: 1 });
    const text = await request(`/features/${FEATURE}/calibration`, { headers: { accept: "text/plain" } });
    expect(await text.text()).toContain("activation: 11 %");
    expect((await request("/features/feat_none/calibration")).status).toBe(404);
  });
});

describe("with few users", () => {
  test("7 users are too few to show a large failure, so the calibration says that the data say nothing yet", async () => {
    await setRule({ ...rule, minCohortSize: 5 });
    await pool.query("delete from latency_sketches");
    await pool.query("update outcome_counts set units = case signal when 'exposure' then 7 else 0 end");
    await pool.query("delete from outcome_counts where bucket_s > $1", [START]);
    const found = await calibrate(pool, [allTogether(pool)], FEATURE, START + 10_000);
    const [activation, latency] = found?.signals ?? [];
    expect(activation).toMatchObject({
      seen: { n: 7, s: 0 },
      sufficiency: { unit: "users", have: 7 },
      isConclusive: false,
      strictestQuiet: null,
    });
    const needed = activation?.sufficiency.needed ?? Number.NaN;
    expect(needed).toBeGreaterThan(200);
    expect(needed).toBeLessThan(500);
    expect(latency).toMatchObject({ sufficiency: { unit: "buckets", have: 0 }, isConclusive: false });
    const text = calibrationText(found ?? expect.fail());
    expect(text).toContain(
      `these data say nothing yet: 7 of at least ${needed} mature users; with fewer, not even half the threshold would show`,
    );
    expect(text).not.toContain("rolled back");
  });
});
