// What the list of features says of each: how it stands by its newest evaluation, from evidence that the evaluator itself judged.
import { afterAll, beforeAll, expect, test } from "vitest";
import { z } from "zod";
import { makeAdminApp } from "../../support/admin-app.ts";
import { makeTestDatabase } from "../../support/database.ts";
import { FEATURE, makeTrial, ruleOf, START } from "../../support/trial.ts";

const database = await makeTestDatabase();
afterAll(() => database.drop());
const { pool } = database;
const { insertFeature, insertTelemetry, insertTrafficUntil, startEvaluator } = makeTrial(database);
let second = 0;
const { request } = makeAdminApp({ pool: database.servicePool, now: () => START + second });

const Sight = z.object({ progress: z.number(), expected: z.looseObject({ more: z.number() }).nullable() });
const Listed = z.object({
  featureId: z.string(),
  enabled: z.boolean(),
  mode: z.string().nullable(),
  verdict: z.object({ state: z.string(), sentence: z.string() }).nullable(),
  standing: z.object({
    cohorts: z.object({ treatment: z.number(), holdout: z.number() }),
    perDay: z.number(),
    nearness: z.number().nullable(),
    scores: z.array(z.number()),
    signals: z.array(
      z.object({
        signal: z.string(),
        against: z.string(),
        threshold: z.number(),
        rate: z.number().nullable(),
        interval: z.object({ lower: z.number(), upper: z.number() }).nullable(),
        rollback: z.number(),
        keep: z.number().nullable(),
      }),
    ),
    rollback: Sight.nullable(),
    keep: Sight.nullable(),
    missing: z.array(z.string()),
    telemetryAt: z.iso.datetime().nullable(),
    checkedAt: z.iso.datetime().nullable(),
  }),
  ramp: z
    .object({ stagesBps: z.array(z.number()), since: z.string().nullable(), paused: z.boolean() })
    .nullable(),
});
const Page = z.object({ features: z.array(Listed), total: z.number(), next: z.string().nullable() });

const listed = async (query: string) => {
  const response = await request(`/features?${query}`);
  expect(response.status).toBe(200);
  return Page.parse(await response.json());
};
const one = async () => (await listed(`ids=${FEATURE}`)).features[0];
const ids = async (query: string) => (await listed(query)).features.map(({ featureId }) => featureId);

/** Without a rule: by its telemetry the evaluator knows how late it is. */
const OTHER = "feat_other";

/** Others, each with a copy of this feature's newest evaluation that is changed. */
const OTHERS = {
  near: { state: "TESTING", logEvidence: 8, exposed: 50 },
  middle: { state: "UNDECIDED", logEvidence: 4, exposed: 4_000 },
  far: { state: "COLLECTING", logEvidence: -3, exposed: 700 },
};

beforeAll(async () => {
  await insertTrafficUntil(10_000);
  await insertFeature(
    ruleOf({ minCohortSize: 300, ramp: { stagesBps: [1_000, 5_000, 10_000], minStageSeconds: 60 } }),
  );
  await insertTelemetry({ seconds: 60, units: 40, activation: 0.1, retention: 0.5, latencyMs: 50 });
  await pool.query("insert into arrivals values ($1, 1, $2, 2400, 0, 0)", [FEATURE, START - (START % 3_600)]);
});

test("a feature that was not evaluated yet has no verdict, no signals and no nearness", async () => {
  expect(await one()).toMatchObject({
    verdict: null,
    standing: { cohorts: { treatment: 0, holdout: 0 }, nearness: null, scores: [], signals: [], keep: null },
  });
});

test("while people are missing, the row says how many, as why does, and when telemetry came last", async () => {
  await startEvaluator().stateAt(8);
  second = 8;
  const row = await one();
  const why = z
    .looseObject({ missing: z.array(z.string()) })
    .parse(await (await request(`/features/${FEATURE}/why`)).json());
  expect(row?.verdict?.state).toBe("COLLECTING");
  expect(row?.standing.missing).toEqual(why.missing);
  expect(row?.standing.missing[0]).toMatch(/activation needs 300 mature units/);
  expect(row?.standing.cohorts.treatment).toBeGreaterThan(0);
  expect(row?.standing.cohorts.holdout).toBe(row?.standing.cohorts.treatment);
  // 2,400 units of both cohorts in the first eight seconds, half of them in treatment.
  expect(row?.standing.perDay).toBe((1_200 * 86_400) / 8);
  expect(Date.parse(row?.standing.telemetryAt ?? "")).toBeGreaterThanOrEqual(START * 1_000);
  expect(row?.standing.checkedAt).not.toBeNull();
  expect(row?.ramp).toMatchObject({ stagesBps: [1_000, 5_000, 10_000], paused: false });
});

test("each signal has the rate, interval and progress that why has, and the row the way to the next decision", async () => {
  const { stateAt } = startEvaluator();
  let at = 9;
  while ((await stateAt(at)) !== "TESTING") at += 1;
  while ((await one())?.standing.rollback?.progress === 0) await stateAt((at += 1));
  second = at;
  const row = await one();
  const why = z
    .looseObject({
      signals: z.array(
        z.looseObject({
          signal: z.string(),
          ageSeconds: z.number().nullable(),
          rate: z.number().nullable(),
          interval: z.unknown(),
          rollback: z.looseObject({ progress: z.number() }),
        }),
      ),
      rollback: z.looseObject({ expected: z.looseObject({ more: z.number() }).nullable() }),
      keep: z.looseObject({ expected: z.looseObject({ more: z.number() }).nullable() }),
    })
    .parse(await (await request(`/features/${FEATURE}/why`)).json());
  expect(row?.standing.signals.map(({ signal }) => signal)).toEqual([
    ...new Set(why.signals.map(({ signal }) => signal)),
  ]);
  for (const shown of row?.standing.signals ?? []) {
    const tests = why.signals.filter(({ signal }) => signal === shown.signal);
    const oldest = tests.findLast(({ rate }) => rate !== null) ?? tests.at(-1);
    expect(shown).toMatchObject({ rate: oldest?.rate, interval: oldest?.interval });
    expect(shown.rollback).toBe(Math.max(...tests.map(({ rollback }) => rollback.progress)));
  }
  expect(row?.standing.rollback?.expected?.more).toBe(why.rollback.expected?.more);
  expect(row?.standing.keep?.expected?.more).toBe(why.keep.expected?.more);
  // PostgreSQL says it, so that the list can be sorted by it.
  const { rollback, keep, nearness } = row?.standing ?? {};
  expect(nearness).toBeCloseTo(Math.max(rollback?.progress ?? 0, keep?.progress ?? 0), 9);
  expect(nearness).toBeGreaterThan(0);
});

test("of the scores no more than the newest 24 of the present epoch are told, the newest last", async () => {
  await pool.query(
    `insert into pmf_evaluations (feature_id, epoch, rule_version, at, mode, action, state, mature, decision)
     select feature_id, 1, 1, now(), mode, action, state, mature, decision || jsonb_build_object('score', n / 100.0)
     from (select * from pmf_evaluations where feature_id = $1 order by id desc limit 1) e, generate_series(1, 30) n`,
    [FEATURE],
  );
  const scores = (await one())?.standing.scores;
  expect(scores).toEqual(Array.from({ length: 24 }, (_, i) => (i + 7) / 100));
});

test("an evaluation that cannot be read leaves its feature a verdict, and the others their rows", async () => {
  await pool.query(
    "insert into feature_flags (feature_id, enabled, rollout_bps, holdout_bps, revision) values ('broken', true, 100, 0, 1)",
  );
  await pool.query(
    "insert into pmf_rules (feature_id, rule) select 'broken', rule from pmf_rules where feature_id = $1",
    [FEATURE],
  );
  await pool.query(
    `insert into pmf_evaluations (feature_id, epoch, rule_version, at, mode, action, state, mature, decision)
     values ('broken', 1, 1, now(), 'shadow', 'WAIT', 'TESTING', 1, '{"reason": "TESTING: of another version"}')`,
  );
  const { features } = await listed("state=TESTING");
  const broken = features.find(({ featureId }) => featureId === "broken");
  expect(broken).toMatchObject({
    verdict: { sentence: "TESTING: of another version" },
    standing: { signals: [] },
  });
  expect(features.find(({ featureId }) => featureId === FEATURE)?.standing.signals.length).toBeGreaterThan(0);
  await pool.query("delete from feature_flags where feature_id = 'broken'");
});

test("features are sorted by state, by nearness and by cohort size, in pages of any size, those without a value last", async () => {
  for (const [featureId, { state, logEvidence, exposed }] of Object.entries(OTHERS)) {
    await pool.query(
      `insert into feature_flags (feature_id, enabled, rollout_bps, holdout_bps, revision) values ($1, true, 100, 0, 1)`,
      [featureId],
    );
    await pool.query(
      "insert into pmf_rules (feature_id, rule) select $1, rule from pmf_rules where feature_id = $2",
      [featureId, FEATURE],
    );
    await pool.query(
      `insert into pmf_evaluations (feature_id, epoch, rule_version, at, mode, action, state, mature, decision)
       values ($1, 1, 1, now(), 'shadow', 'WAIT', $2, 1, $3)`,
      [
        featureId,
        state,
        JSON.stringify({
          state,
          reason: state,
          score: null,
          details: { exposed: { treatment: exposed, holdout: 0 } },
          evidence: {
            tests: [
              { logEvidence, logBar: 10, comparison: null, alarm: null },
              { logEvidence: 9, logBar: 10, comparison: { logEvidence: null, logBar: 10 }, alarm: null },
            ],
            keep: [
              { logEvidence: 1, logBar: 10 },
              { logEvidence: null, logBar: 10 },
            ],
          },
        }),
      ],
    );
  }
  await pool.query(
    "insert into feature_flags (feature_id, enabled, rollout_bps, holdout_bps, revision) values ('unwatched', true, 100, 0, 1), ('closed', false, 0, 0, 1)",
  );
  const own = new Set(["near", "middle", "far"]);
  const sorted = async (sort: string, order: string) =>
    (await ids(`sort=${sort}&order=${order}`)).filter((id) => own.has(id));
  expect(await sorted("nearness", "desc")).toEqual(["near", "middle", "far"]);
  expect(await sorted("nearness", "asc")).toEqual(["far", "middle", "near"]);
  expect(await sorted("exposed", "desc")).toEqual(["middle", "far", "near"]);
  expect(await sorted("state", "asc")).toEqual(["middle", "near", "far"]);
  for (const order of ["asc", "desc"]) {
    expect((await ids(`sort=nearness&order=${order}`)).slice(-3).toSorted()).toEqual([
      "closed",
      OTHER,
      "unwatched",
    ]);
    for (const sort of ["state", "nearness", "exposed"]) {
      const whole = await ids(`sort=${sort}&order=${order}`);
      for (const limit of [1, 2, 4]) {
        const paged: string[] = [];
        for (let after: string | null = ""; after !== null;) {
          const page: z.infer<typeof Page> = await listed(
            `sort=${sort}&order=${order}&limit=${limit}${after === "" ? "" : `&after=${after}`}`,
          );
          paged.push(...page.features.map(({ featureId }) => featureId));
          after = page.next;
        }
        expect(paged).toEqual(whole);
      }
    }
  }
  expect((await listed("ids=near,middle")).features.map(({ standing }) => standing.nearness)).toEqual([
    0.4, 0.8,
  ]);
});

test("features are found by the state of their verdict, by the mode of their rule and by their ids", async () => {
  expect(await ids("state=UNDECIDED")).toEqual(["middle"]);
  expect(await ids("state=unwatched")).toEqual([OTHER, "unwatched"]);
  expect(await ids("state=closed")).toEqual(["closed"]);
  expect(await ids("mode=none")).toEqual(["closed", OTHER, "unwatched"]);
  expect((await listed("mode=enforce")).total).toBe(4);
  expect(await ids("ids=far,near,nobody")).toEqual(["far", "near"]);
  expect((await request("/features?ids=")).status).toBe(400);
  expect((await request("/features?mode=loud")).status).toBe(400);
});

test("with a new epoch a feature stands at nothing again", async () => {
  await pool.query("update feature_flags set epoch = 2 where feature_id = 'near'");
  expect(await ids("state=waiting")).toEqual(["near"]);
  expect((await listed("ids=near")).features[0]).toMatchObject({
    verdict: null,
    standing: { nearness: null, scores: [], signals: [] },
  });
});
