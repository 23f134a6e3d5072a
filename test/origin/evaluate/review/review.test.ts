// The review, asked over the admin API: what it names and what it says it cannot know.
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { makeAnnounce, makeIsAnnounced } from "../../../../origin/notifications/announce.ts";
import { makeEvaluationReads } from "../../../../origin/evaluate/evaluation-reads.ts";
import { startWeeklyReview } from "../../../../origin/evaluate/review/start-weekly-review.ts";
import { emptySketch, encodeSketch, recordLatency } from "../../../../shared/telemetry/latency-sketch.ts";
import { makeAdminApp } from "../../../support/admin-app.ts";
import { makeTestDatabase } from "../../../support/database.ts";
import { FEATURE, makeTrial, ruleOf, START } from "../../../support/trial.ts";

const DAY = 86_400;
const database = await makeTestDatabase();
afterAll(() => database.drop());
const { pool } = database;
const clock = { now: START };
const { request } = makeAdminApp({ pool: database.servicePool, now: () => clock.now });

beforeEach(async () => {
  clock.now = START + 100 * DAY;
  await pool.query(
    `truncate feature_flags, outcome_counts, latency_sketches, pmf_evaluations, pmf_trials, fold_windows, announcements cascade`,
  );
});

const review = async (query = "") => {
  const response = await request(`/review${query}`);
  expect(response.status).toBe(200);
  return JSON.parse(await response.text());
};
const namesOf = (items: readonly { featureId: string }[]) =>
  items.map(({ featureId }) => featureId).toSorted();

/** Open since START, with ages and buckets of a day's activation and a week's return. */
const insertOpen = async (featureId: string, over: Record<string, unknown> = {}) => {
  const given = { activation: '{"path": "/buy"}', rollout: 5_000, operator: "{}", openedAt: START, ...over };
  await pool.query(
    `insert into feature_flags (feature_id, enabled, rollout_bps, holdout_bps, revision, activation, operator_fields,
       epoch_started_at, updated_at, created_at)
     values ($1, true, $2, 0, 1, $3, $4, to_timestamp($5), to_timestamp($5), to_timestamp($5))`,
    [featureId, given.rollout, given.activation, given.operator, given.openedAt],
  );
  await pool.query("insert into fold_windows values ($1, 1, '{900,86400}', '{86400,604800}', 86400, 180)", [
    featureId,
  ]);
};

/** `units` exposed in one bucket, `daysAgo` before now, of whom some act within a day and come back within a week. */
const insertUnits = async (
  featureId: string,
  {
    units,
    acted = 0,
    returned = 0,
    daysAgo = 20,
  }: { units: number; acted?: number; returned?: number; daysAgo?: number },
) => {
  const bucket = Math.floor((clock.now - daysAgo * DAY) / 180) * 180;
  const counts = [
    ["exposure", 0, units],
    ["activation", 86_400, acted],
    ["retention", 604_800, returned],
  ] as const;
  for (const cohort of ["treatment", "holdout"])
    for (const [signal, age, count] of counts)
      if (count > 0)
        await pool.query("insert into outcome_counts values ($1, 1, $2, $3, $4, $5, $6)", [
          featureId, cohort, signal, age, bucket,
          // What the holdout does is nobody's engagement with the feature.
          cohort === "holdout" ? units : count,
        ]); // prettier-ignore
};

describe("zombies", () => {
  test("are open for long while hardly anybody acts; others are not named", async () => {
    await insertOpen("feat_zombie", { operator: '{"owner": "team-search"}' });
    await insertUnits("feat_zombie", { units: 4_000, acted: 8 });
    await insertOpen("feat_liked");
    await insertUnits("feat_liked", { units: 4_000, acted: 400 });
    await insertOpen("feat_young", { openedAt: START + 90 * DAY });
    await insertUnits("feat_young", { units: 4_000, acted: 0, daysAgo: 5 });
    await insertOpen("feat_for_nobody", { rollout: 0 });
    await insertOpen("feat_rare");
    await insertUnits("feat_rare", { units: 200 });
    await insertOpen("feat_unseen");
    // Their windows are not over.
    await insertUnits("feat_unseen", { units: 5_000, daysAgo: 0.5 });

    const found = await review();
    expect(found.zombies).toHaveLength(1);
    expect(found.zombies[0]).toMatchObject({
      featureId: "feat_zombie",
      owner: "team-search",
      openDays: 100,
      engagement: { by: "activation", units: 4_000, engaged: 8, rate: 0.002, windowSeconds: 86_400 },
    });
    expect(found.zombies[0].engagement.atMost).toBeGreaterThan(0.002);
    expect(found.zombies[0].engagement.atMost).toBeLessThan(0.01);
    expect(found.quiet).toMatchObject([
      { featureId: "feat_rare", units: 200 },
      { featureId: "feat_unseen", units: 0, why: "nobody whose window is over met it" },
    ]);
    expect(namesOf((await review("?engagementBelow=0.2")).zombies)).toEqual(["feat_liked", "feat_zombie"]);
    expect(namesOf((await review("?openDays=5")).zombies)).toEqual(["feat_young", "feat_zombie"]);
    expect(namesOf((await review("?minUnits=100")).zombies)).toEqual(["feat_rare", "feat_zombie"]);
  });

  test("of few people at a time are found further back", async () => {
    await insertOpen("feat_trickle");
    await pool.query(
      `insert into outcome_counts select 'feat_trickle', 1, 'treatment', 'exposure', 0, $1 - i * 180, 1
       from generate_series(0, 1499) i`,
      [Math.floor((clock.now - 5 * DAY) / 180) * 180],
    );
    const found = await review();
    expect(found.zombies).toMatchObject([
      { featureId: "feat_trickle", engagement: { units: 1_500, engaged: 0 } },
    ]);
  });

  test("without anything that tells an activation are those whose people do not come back, and say so", async () => {
    await insertOpen("feat_shunned", { activation: null });
    await insertUnits("feat_shunned", { units: 3_000, returned: 3 });
    await insertOpen("feat_visited", { activation: null });
    await insertUnits("feat_visited", { units: 3_000, returned: 900 });
    // Spans of its own tell what its people do.
    await insertOpen("feat_spans", { activation: null });
    await insertUnits("feat_spans", { units: 3_000, acted: 1_000, returned: 0 });
    const found = await review();
    expect(found.zombies).toMatchObject([
      {
        featureId: "feat_shunned",
        engagement: { by: "return", units: 3_000, engaged: 3, windowSeconds: 604_800 },
      },
    ]);
  });

  test("burn requests, time and money; what is not known says why", async () => {
    await insertOpen("feat_zombie");
    await insertUnits("feat_zombie", { units: 4_000, acted: 1 });
    const sketchOf = (ms: number, requests: number) => {
      const sketch = emptySketch();
      for (let i = 0; i < requests; i++) recordLatency(sketch, ms);
      return encodeSketch(sketch);
    };
    const insertRequests = (daysAgo: number, cohort: string, requests: number, partition: number) =>
      pool.query("insert into latency_sketches values ('feat_zombie', 1, $1, $2, $3, $4, 0, $5)", [
        cohort, clock.now - daysAgo * DAY, partition, requests, sketchOf(1, 1),
      ]); // prettier-ignore
    await insertRequests(1, "treatment", 2_000_000, 0);
    await insertRequests(1, "treatment", 500_000, 1);
    await insertRequests(1, "holdout", 7_000_000, 0);
    await insertRequests(8, "treatment", 9_000_000, 0);

    const { burn } = (await review()).zombies[0];
    expect(burn).toEqual({
      requests: { value: 2_500_000, why: null },
      latency: { value: null, why: "it has no trial that counts latencies" },
      requestCost: { value: expect.closeTo(0.75, 10), why: null },
      latencyCost: { value: null, why: "it has no trial that counts latencies" },
    });

    await pool.query(
      `insert into pmf_trials (feature_id, epoch, terms, seq, evidence, treatment_sketch, holdout_sketch)
       values ('feat_zombie', 1, '', 1, '{}', $1, $2)`,
      [sketchOf(120, 1_000), sketchOf(100, 1_000)],
    );
    const slower = (await review("?pricePerUpstreamHour=0.36&pricePerMillionRequests=1")).zombies[0].burn;
    // A sketch knows a latency within 1.1 %.
    expect(slower.latency.value.meanMs).toBeGreaterThan(17.5);
    expect(slower.latency.value.meanMs).toBeLessThan(22.5);
    expect(slower.requestCost.value).toBeCloseTo(2.5, 10);
    // 2,500,000 requests of some 20 ms are 14 hours.
    expect(slower.latencyCost.value).toBeCloseTo(
      ((2_500_000 * slower.latency.value.meanMs) / 3_600_000) * 0.36,
      6,
    );
    expect((await review()).zombies[0].burn.latencyCost).toEqual({
      value: null,
      why: "no price of an hour of the upstream's time is set",
    });
    await pool.query("update pmf_trials set holdout_sketch = $1", [sketchOf(100, 10)]);
    expect((await review()).zombies[0].burn.latency.why).toMatch(/fewer than 500 requests of a cohort/);
    await pool.query("update pmf_trials set holdout_sketch = $1", [encodeSketch(emptySketch())]);
    expect((await review()).zombies[0].burn.latency.why).toBe("it has no holdout to compare with");
  });
});

test("removable are those that were to be removed, and those that everybody has and nothing judges any more", async () => {
  await insertOpen("feat_past", { operator: '{"removeAfter": "2027-01-31"}' });
  await insertOpen("feat_future", { operator: '{"removeAfter": "2099-01-31"}' });
  await insertOpen("feat_for_all", { rollout: 10_000 });
  await insertOpen("feat_kept", { rollout: 10_000 });
  await insertOpen("feat_just_kept", { rollout: 10_000 });
  for (const [featureId, day] of [
    ["feat_kept", 40],
    ["feat_just_kept", 95],
  ] as const) {
    await pool.query("insert into pmf_rules (feature_id, rule) values ($1, $2)", [
      featureId,
      JSON.stringify({ ...ruleOf(), featureId }),
    ]);
    for (const [action, at] of [
      ["KEEP", day],
      ["KEEP", day + 1],
    ] as const)
      await pool.query(
        `insert into pmf_evaluations (feature_id, epoch, rule_version, at, mode, action, state, mature, decision)
         values ($1, 1, 1, to_timestamp($2), 'enforce', $3, 'WATCH', 0, '{}')`,
        [featureId, START + at * DAY, action],
      );
  }
  expect((await review()).removable).toEqual([
    {
      featureId: "feat_for_all",
      owner: null,
      cause: "openForAll",
      why: expect.stringContaining("for 100 days"),
    },
    { featureId: "feat_kept", owner: null, cause: "kept", why: expect.stringContaining("60 days ago") },
    {
      featureId: "feat_past",
      owner: null,
      cause: "removeAfter",
      why: "it was to be removed after 2027-01-31",
    },
  ]);
});

describe("with the evaluator's own evidence", () => {
  const { insertFeature, insertTelemetry, insertTrafficUntil, startEvaluator } = makeTrial(database);
  const spanNow = () =>
    `?since=${new Date(Date.now() - DAY * 1_000).toISOString()}&until=${new Date(Date.now() + 60_000).toISOString()}`;

  test("a rolled-back feature has the counts that rolled it back", async () => {
    await insertTrafficUntil(10_000);
    await insertFeature(ruleOf());
    await insertTelemetry({ seconds: 60, units: 40, activation: 0.02, retention: 0.5, latencyMs: 50 });
    const { stateAt } = startEvaluator();
    expect(await stateAt(100)).toBe("ROLLBACK");
    const found = await review(spanNow());
    expect(found.rolledBack[0]).toMatchObject({
      featureId: FEATURE,
      actor: "sluice",
      alert: null,
      isOpenAgain: false,
    });
    expect(found.rolledBack[0].signals[0]).toMatchObject({
      signal: "activation",
      threshold: 0.15,
      treatment: { n: expect.any(Number), s: expect.any(Number) },
    });
    expect(found.totals.rolledBack).toBeGreaterThan(0);
    expect((await review()).rolledBack).toEqual([]);
  });

  test("a feature that never decides says what is missing and what is in sight", async () => {
    await insertTrafficUntil(10_000);
    await insertFeature(ruleOf({ minCohortSize: 100_000, evaluationWindowSeconds: 30 * DAY }));
    await insertTelemetry({ seconds: 60, units: 40, activation: 0.16, retention: 0.5, latencyMs: 50 });
    const { stateAt } = startEvaluator();
    expect(await stateAt(100)).toBe("COLLECTING");
    clock.now = START + 20 * DAY;
    const found = await review();
    expect(found.undecided).toMatchObject([
      {
        featureId: FEATURE,
        openDays: 20,
        state: "COLLECTING",
        missing: [expect.stringMatching(/activation needs 100,000/), expect.any(String)],
      },
    ]);
    expect(found.undecided[0].keep).toMatch(/^It is kept when/);
    expect((await review("?undecidedDays=21")).undecided).toEqual([]);
  });

  test("a feature with a rule that nobody evaluated says so", async () => {
    await insertFeature(ruleOf());
    clock.now = START + 20 * DAY;
    expect((await review()).undecided).toMatchObject([
      {
        featureId: FEATURE,
        state: null,
        why: expect.stringMatching(/^it was not evaluated/),
        expectedSeconds: null,
      },
    ]);
  });
});

test("the alert that a hook was sent stands in the review", async () => {
  await request("/features", {
    method: "POST",
    body: JSON.stringify({ featureId: "feat_alarmed", enabled: true }),
  });
  const made = await request("/hooks", {
    method: "POST",
    body: JSON.stringify({ name: "am", source: "alertmanager", mode: "enforce", featureId: "feat_alarmed" }),
  });
  const { secret } = JSON.parse(await made.text());
  await request("/hooks/am", {
    method: "POST",
    headers: { authorization: `Bearer ${secret}` },
    body: JSON.stringify({
      alerts: [
        {
          status: "firing",
          fingerprint: "f",
          startsAt: new Date(Date.now() + 50),
          labels: { alertname: "Tills" },
        },
      ],
    }),
  });
  const until = new Date(Date.now() + 60_000).toISOString();
  expect((await review(`?until=${until}`)).rolledBack[0]).toMatchObject({
    featureId: "feat_alarmed",
    actor: "hook:am",
    alert: { hook: "am", title: "Tills", link: null },
    signals: [],
  });
});

test.each([
  ["since=yesterday", "since"],
  ["since=2027-02-01T00:00:00Z&until=2027-01-01T00:00:00Z", "since"],
  ["since=2020-01-01T00:00:00Z&until=2021-01-01T00:00:00Z", "since"],
  ["openDays=0", "openDays"],
  ["engagementBelow=2", "engagementBelow"],
  ["pricePerUpstreamHour=-1", "pricePerUpstreamHour"],
])("%s is refused by its field", async (query, field) => {
  const response = await request(`/review?${query}`);
  expect(response.status).toBe(400);
  expect(JSON.parse(await response.text()).errors).toEqual([expect.objectContaining({ field })]);
});

test("once a week one of several processes announces it", async () => {
  await insertOpen("feat_zombie");
  await insertUnits("feat_zombie", { units: 4_000, acted: 8 });
  const service = database.servicePool;
  const evaluation = makeEvaluationReads({
    pool: service,
    history: (read) => read(service),
    now: () => clock.now,
    rawKeepDays: 62,
  });
  const errors: unknown[] = [];
  const start = () =>
    startWeeklyReview({
      at: { weekday: new Date(clock.now * 1_000).getUTCDay(), hour: 0, minute: 0, zone: "UTC" },
      review: evaluation.review,
      announce: makeAnnounce(service),
      isAnnounced: makeIsAnnounced(service),
      nowMs: () => clock.now * 1_000,
      log: { info: () => {}, error: (facts: unknown) => errors.push(facts) },
      everyMs: 20,
    });
  const processes = [start(), start(), start()];
  await new Promise((wake) => setTimeout(wake, 400));
  await Promise.all(processes.map(({ stop }) => stop()));
  expect(errors).toEqual([]);
  const { rows } = await pool.query("select event, document from announcements");
  expect(rows).toMatchObject([
    {
      event: "review.weekly",
      document: {
        reason: "0 rolled back, 0 without a decision, 0 removable, 1 zombies",
        markdown: expect.stringMatching(
          /## Zombies \(1\)\n\n- `feat_zombie`, open \d+ days: 0\.20 % of 4,000 act within 1 d/,
        ),
      },
    },
  ]);
});
