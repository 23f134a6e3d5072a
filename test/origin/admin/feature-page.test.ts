// What the API tells a feature's page beside its verdict: dependents, latency, the ramp and the sizes of the cohorts.
import { afterAll, expect, test } from "vitest";
import { emptySketch, encodeSketch, recordLatency } from "../../../shared/telemetry/latency-sketch.ts";
import { makeAdminApp } from "../../support/admin-app.ts";
import { makeTestDatabase } from "../../support/database.ts";

const database = await makeTestDatabase();
afterAll(() => database.drop());
const { pool } = database;
const { request } = makeAdminApp({ pool: database.servicePool });

const send = async (method: string, path: string, body?: unknown) => {
  const response = await request(path, {
    method,
    body: body === undefined ? null : JSON.stringify(body),
    headers: { "if-match": "*" },
  });
  const json: Record<string, unknown> = JSON.parse(await response.text());
  return { status: response.status, json };
};
const rule = {
  activationThreshold: 0.15,
  retentionThreshold: 0.4,
  latencyP95Threshold: 200,
  minCohortSize: 500,
  evaluationWindowSeconds: 1_209_600,
};
const open = { enabled: true, rolloutBps: 1_000, holdoutBps: 1_000 };

const sketchOf = (latenciesMs: readonly number[]): Uint8Array => {
  const sketch = emptySketch();
  for (const ms of latenciesMs) recordLatency(sketch, ms);
  return encodeSketch(sketch);
};

const decision = {
  action: "WAIT",
  state: "TESTING",
  reason: "not enough",
  details: {
    activation: null,
    retention: null,
    p95_latency: null,
    error_rate: null,
    exposed: { treatment: 0, holdout: 0 },
  },
  evidence: { tests: [], keep: [], sampleRatio: { logEvidence: Math.log(50), logBar: Math.log(1_000) } },
  explained: [],
};

test("what requires a feature, directly or through others, is named with whether it is open", async () => {
  await send("POST", "/features", { featureId: "feat_base", ...open });
  await send("POST", "/features", { featureId: "feat_near", ...open, requires: ["feat_base"] });
  await send("POST", "/features", { featureId: "feat_far", ...open, requires: ["feat_near"] });
  await send("POST", "/features", { featureId: "feat_shut", requires: ["feat_base"] });
  const { json } = await send("GET", "/features/feat_base/dependents");
  expect(json["requires"]).toEqual([]);
  expect(json["requiredBy"]).toEqual([
    { featureId: "feat_near", enabled: true, rolloutBps: 1_000, directly: true },
    { featureId: "feat_shut", enabled: false, rolloutBps: 0, directly: true },
    { featureId: "feat_far", enabled: true, rolloutBps: 1_000, directly: false },
  ]);
  const near = await send("GET", "/features/feat_near/dependents");
  expect(near.json["requires"]).toEqual([{ featureId: "feat_base", enabled: true }]);
  expect((await send("GET", "/features/feat_none/dependents")).status).toBe(404);
});

test("the latencies of a trial are told as a distribution without a gap, with the requests above the threshold", async () => {
  await send("POST", "/features", { featureId: "feat_slow", ...open });
  expect((await send("GET", "/features/feat_slow/latency")).json).toMatchObject({
    thresholdMs: null,
    treatment: null,
    buckets: [],
  });
  await send("PUT", "/features/feat_slow/rule", rule);
  const treatment = [...Array.from({ length: 90 }, () => 50), ...Array.from({ length: 10 }, () => 800)];
  await pool.query(
    `insert into pmf_trials (feature_id, epoch, terms, seq, evidence, treatment_sketch, holdout_sketch)
     values ('feat_slow', 1, 'terms', 1, '{}', $1, $2)`,
    [sketchOf(treatment), sketchOf([50, 60])],
  );
  const { json } = await send("GET", "/features/feat_slow/latency");
  expect(json).toMatchObject({
    thresholdMs: 200,
    treatment: { requests: 100, above: 10 },
    holdout: { requests: 2, above: 0 },
  });
  const buckets = json["buckets"] as { fromMs: number; toMs: number; treatment: number; holdout: number }[];
  expect(buckets.map(({ fromMs }) => fromMs).slice(1)).toEqual(buckets.map(({ toMs }) => toMs).slice(0, -1));
  expect(buckets[0]?.fromMs).toBeLessThan(50);
  expect(buckets.at(-1)?.toMs).toBeGreaterThan(800);
  const sum = (of: "treatment" | "holdout") => buckets.reduce((all, bucket) => all + bucket[of], 0);
  expect([sum("treatment"), sum("holdout")]).toEqual([100, 2]);
});

test("why says where the feature stands on its ramp, what it waits for, and whether its cohorts have their sizes", async () => {
  const featureId = "feat_ramp";
  await send("POST", "/features", { featureId, ...open });
  const ramp = { stagesBps: [1_000, 5_000, 8_000], minStageSeconds: 3_600 };
  await send("PUT", `/features/${featureId}/rule`, { ...rule, mode: "enforce", ramp });
  const why = async () => (await send("GET", `/features/${featureId}/why`)).json;
  expect(await why()).toMatchObject({
    sampleRatio: null,
    ramp: { ...ramp, paused: false, since: null, nextBps: 5_000, reason: "it was not evaluated yet" },
  });
  await pool.query(
    `insert into pmf_evaluations (feature_id, epoch, rule_version, at, mode, action, state, mature, decision)
     values ($1, 1, 1, now(), 'enforce', 'WAIT', 'TESTING', 0, $2)`,
    [featureId, decision],
  );
  await pool.query(
    `insert into pmf_trials (feature_id, epoch, terms, seq, evidence, treatment_sketch, holdout_sketch)
     values ($1, 1, 'terms', 1, $2, '', '')`,
    [
      featureId,
      {
        sampleRatio: {
          since: 1_790_000_000,
          rolloutBps: 1_000,
          holdoutBps: 1_000,
          treatment: 300,
          holdout: 100,
        },
      },
    ],
  );
  await pool.query("insert into pmf_ramps (feature_id, rollout_bps, since) values ($1, 1000, now())", [
    featureId,
  ]);
  const told = await why();
  expect(told).toMatchObject({
    ramp: { nextBps: 5_000, reason: expect.stringMatching(/^3[56]\d\d s of this stage are left$/) },
    sampleRatio: { expected: 0.5, observed: 0.75, treatment: 300, holdout: 100, isMismatch: false },
  });
  expect(told["sampleRatio"]).toMatchObject({ pValue: expect.closeTo(0.02, 6) });
  await send("POST", `/features/${featureId}/ramp`, { paused: true, reason: "the sale" });
  expect(await why()).toMatchObject({ ramp: { paused: true, reason: "paused by a person" } });
});

test("of a feature that was kept, why tells the evidence that it has fallen since, beside that of the whole trial", async () => {
  const featureId = "feat_fallen";
  await send("POST", "/features", { featureId, ...open });
  await send("PUT", `/features/${featureId}/rule`, rule);
  const alarm = {
    logEvidence: 8,
    logBar: 10,
    comparison: { logEvidence: 5, logBar: 10 },
    treatment: { n: 150, s: 12 },
    holdout: { n: 50, s: 10 },
  };
  const report = {
    signal: "activation",
    against: "both",
    ageSeconds: 86_400,
    threshold: 0.17,
    treatment: { n: 4_000, s: 900 },
    holdout: { n: 1_000, s: 200 },
    immature: 0,
    leftOut: 0,
    rate: 0.225,
    logEvidence: -60,
    logBar: 10,
    comparison: { logEvidence: -3, logBar: 10 },
    onlyTreatment: null,
    alarm,
    counts: true,
  };
  await pool.query(
    `insert into pmf_evaluations (feature_id, epoch, rule_version, at, mode, action, state, mature, decision)
     values ($1, 1, 1, now(), 'shadow', 'WAIT', 'WATCH', 0, $2)`,
    [featureId, { ...decision, state: "WATCH", evidence: { ...decision.evidence, tests: [report] } }],
  );
  const { json } = await send("GET", `/features/${featureId}/why`);
  expect(json["signals"]).toMatchObject([
    {
      rollback: { logEvidence: -60, progress: 0 },
      sinceKept: {
        logEvidence: 8,
        logBar: 10,
        progress: 0.5,
        besideHoldout: { logEvidence: 5 },
        treatment: { n: 150, s: 12 },
        holdout: { n: 50, s: 10 },
      },
    },
  ]);
});
