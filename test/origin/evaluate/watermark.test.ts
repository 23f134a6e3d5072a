import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { emptySketch, encodeSketch } from "../../../shared/telemetry/latency-sketch.ts";
import { allTogether } from "../../../origin/evaluate/aggregates.ts";
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
    "truncate feature_flags, fold_windows, latency_sketches, outcome_counts, fold_checkpoints, telemetry_regions cascade",
  );
});

/** The watermark at that many seconds; both are after START. */
const setup = () => {
  const watermarkAt = makeWatermark(pool);
  return async (seconds: number): Promise<number> =>
    (await watermarkAt(START + seconds, [allTogether(pool)])).upTo - START;
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

describe("a region that is cut off", () => {
  type Region = { region: string; seenAgo: number; usualGap?: number; away?: [from: number, until: number] };
  /** Regions as ingest has recorded them, in seconds ago. */
  const regions = async (...all: Region[]): Promise<void> => {
    await pool.query("truncate telemetry_regions");
    for (const { region, seenAgo, usualGap = 2, away: [from, until] = [null, null] } of all)
      await pool.query(
        `insert into telemetry_regions
         select $1, now - make_interval(secs => $2), $3, now - make_interval(secs => $4), now - make_interval(secs => $5)
         from clock_timestamp() now`,
        [region, seenAgo, usualGap, from, until],
      );
  };
  /** Seconds by which the watermark is behind, while telemetry of the present bucket is there. */
  const behind = async (...all: Region[]): Promise<number> => {
    await regions(...all);
    return Math.round(200 - (await setup()(200)));
  };
  beforeEach(async () => {
    await openFeature("feat_a");
    await fold("feat_a", 1);
  });
  const enam: Region = { region: "enam", seenAgo: 1 };

  test("holds the watermark at the last time it was seen, while others go on", async () => {
    expect(await behind(enam, { region: "weur", seenAgo: 5 })).toBe(0);
    expect(await behind(enam, { region: "weur", seenAgo: 60 })).toBe(60);
    expect(await behind(enam, { region: "weur", seenAgo: 60 }, { region: "apac", seenAgo: 90 })).toBe(90);
  });

  test("holds it for a quarter of an hour at most", async () => {
    expect(await behind(enam, { region: "weur", seenAgo: 890 })).toBe(890);
    expect(await behind(enam, { region: "weur", seenAgo: 910 })).toBe(0);
  });

  test("holds nothing when all are silent, when it seldom sends, or when there is no other", async () => {
    expect(await behind({ ...enam, seenAgo: 60 }, { region: "weur", seenAgo: 62 })).toBe(0);
    expect(await behind(enam, { region: "weur", seenAgo: 60, usualGap: 20 })).toBe(0);
    expect(await behind({ region: "weur", seenAgo: 60 })).toBe(0);
    expect(await behind()).toBe(0);
  });

  test("goes on holding it for 90 s after it is back, since its telemetry of that time comes late", async () => {
    expect(await behind(enam, { region: "weur", seenAgo: 1, away: [300, 80] })).toBe(300);
    expect(await behind(enam, { region: "weur", seenAgo: 1, away: [300, 95] })).toBe(0);
    expect(await behind(enam, { region: "weur", seenAgo: 1, away: [5_000, 10] })).toBe(0);
    expect(await behind(enam, { region: "weur", seenAgo: 30, away: [300, 80] })).toBe(300);
  });
});
