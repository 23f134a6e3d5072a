import { afterAll, beforeEach, expect, test } from "vitest";
import { emptySketch, encodeSketch } from "../../../shared/telemetry/latency-sketch.ts";
import { makeWatermark } from "../../../origin/evaluate/watermark.ts";
import { makeTestDatabase } from "../../support/database.ts";

const database = await makeTestDatabase();
const { pool } = database;
afterAll(() => database.drop());

const START = 1_800_000_000;
const BUCKET_S = 180;

const openFeature = async (featureId: string): Promise<void> => {
  await pool.query(
    "insert into feature_flags (feature_id, enabled, rollout_bps, holdout_bps, revision) values ($1, true, 5000, 0, 1)",
    [featureId],
  );
  await pool.query("insert into fold_windows values ($1, 1, '{900}', '{86400}', 86400, $2)", [
    featureId,
    BUCKET_S,
  ]);
};

/** As the fold does it: counts and checkpoint move together. */
const fold = async (featureId: string, bucket: number): Promise<void> => {
  await pool.query(
    `with counted as (
       insert into latency_sketches (feature_id, epoch, cohort, bucket_s, partition, requests, errors, sketch)
       values ($1, 1, 'treatment', $2, 0, 1, 0, $3)
     )
     insert into fold_checkpoints as c values (0, 1, 1)
     on conflict (partition, writer) do update set seq = c.seq + 1`,
    [featureId, START + bucket * BUCKET_S, encodeSketch(emptySketch())],
  );
};

beforeEach(async () => {
  await pool.query(
    "truncate feature_flags, fold_windows, latency_sketches, outcome_counts, fold_checkpoints cascade",
  );
});

/** The watermark at that many seconds; both are after START. */
const setup = () => {
  const watermarkAt = makeWatermark(pool);
  return async (seconds: number): Promise<number> => (await watermarkAt(START + seconds)).upTo - START;
};

test("the watermark goes to the end of the newest bucket and waits there for another one, 15 s at most", async () => {
  await openFeature("feat_a");
  await fold("feat_a", 0);
  const watermark = setup();
  expect(await watermark(100)).toBe(100);
  expect(await watermark(179)).toBe(179);
  expect(await watermark(185)).toBe(180);
  await fold("feat_a", 1);
  expect(await watermark(186)).toBe(186);
  expect(await watermark(361)).toBe(360);
  expect(await watermark(380)).toBe(365);
});

test("a bucket that is folded before the watermark needs it is found when it does", async () => {
  await openFeature("feat_a");
  await fold("feat_a", 0);
  const watermark = setup();
  await watermark(10);
  await fold("feat_a", 1);
  expect(await watermark(170)).toBe(170);
  expect(await watermark(182)).toBe(182);
});

test("telemetry of a feature that has been closed moves the watermark of no other", async () => {
  await openFeature("feat_a");
  await openFeature("feat_b");
  await fold("feat_a", 0);
  await fold("feat_b", 2);
  const watermark = setup();
  expect(await watermark(300)).toBe(300);
  await pool.query("update feature_flags set enabled = false where feature_id = 'feat_b'");
  await pool.query("update state_head set revision = revision + 1");
  expect(await watermark(301)).toBe(286);
});
