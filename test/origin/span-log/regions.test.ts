// The regions that telemetry comes from, recorded by ingest.
import { afterAll, beforeEach, expect, test } from "vitest";
import { recordRegions } from "../../../origin/span-log/regions.ts";
import { makeTestDatabase } from "../../support/database.ts";

const database = await makeTestDatabase();
const { pool } = database;
afterAll(() => database.drop());
beforeEach(async () => {
  await pool.query("truncate telemetry_regions");
});

type Row = { region: string; gap: number; away: number | null; dropped: number };

const rows = async (): Promise<Row[]> => {
  const found = await pool.query<Row>(
    `select region, usual_gap_s as gap, round(extract(epoch from away_until - away_from))::float8 as away,
       dropped_spans as dropped
     from telemetry_regions order by region`,
  );
  return found.rows;
};
/** As if this many seconds went by. */
const pass = (seconds: number) =>
  pool.query(
    `update telemetry_regions set seen_at = seen_at - make_interval(secs => $1),
       away_from = away_from - make_interval(secs => $1), away_until = away_until - make_interval(secs => $1)`,
    [seconds],
  );
const see = (...names: string[]) =>
  recordRegions(
    pool,
    names.map((region) => ({ region, droppedSpans: 1 })),
  );

test("what edges have dropped is added up by region", async () => {
  await recordRegions(pool, [
    { region: "weur", droppedSpans: 3 },
    { region: "enam", droppedSpans: 0 },
  ]);
  await recordRegions(pool, [{ region: "weur", droppedSpans: 4 }]);
  await recordRegions(pool, []);
  expect((await rows()).map(({ region, dropped }) => [region, dropped])).toEqual([
    ["enam", 0],
    ["weur", 7],
  ]);
});

test("a region that is seen every two seconds is steady after about a minute, and an outage does not change that", async () => {
  await see("weur");
  let sights = 1;
  for (; (await rows())[0]!.gap > 3; sights++) {
    await pass(2);
    await see("weur");
  }
  expect(sights).toBeGreaterThan(25);
  expect(sights).toBeLessThan(40);
  await pass(600);
  await see("weur");
  expect((await rows())[0]).toMatchObject({ away: 600 });
  for (let n = 0; n < 12; n++) {
    await pass(2);
    await see("weur");
  }
  expect((await rows())[0]!.gap).toBeLessThan(3.5);
});

test("a gap is an outage above 15 s, of a region that sends steadily; two close ones are one", async () => {
  await see("steady", "seldom");
  await pool.query("update telemetry_regions set usual_gap_s = 2 where region = 'steady'");
  await pass(14);
  await see("steady", "seldom");
  expect((await rows()).map(({ away }) => away)).toEqual([null, null]);
  await pool.query("update telemetry_regions set usual_gap_s = 2 where region = 'steady'");
  await pass(40);
  await see("steady", "seldom");
  expect((await rows()).map(({ region, away }) => [region, away])).toEqual([
    ["seldom", null],
    ["steady", 40],
  ]);
  await pool.query("update telemetry_regions set usual_gap_s = 2");
  await pass(60);
  await see("steady");
  expect((await rows())[1]).toMatchObject({ region: "steady", away: 100 });
  await pass(100);
  await see("steady");
  await pool.query("update telemetry_regions set usual_gap_s = 2");
  await pass(100);
  await see("steady");
  expect((await rows())[1]).toMatchObject({ region: "steady", away: 100 });
});

test("a thousand names are kept, and those not seen for a month are forgotten", async () => {
  await see(...Array.from({ length: 999 }, (_, n) => `region-${n}`));
  await see("last", "region-5");
  await see("more", "region-5");
  expect(await rows()).toHaveLength(1_000);
  await pool.query(
    "update telemetry_regions set seen_at = now() - interval '31 days' where region <> 'last'",
  );
  await see("region-7");
  expect((await rows()).map(({ region, dropped }) => [region, dropped])).toEqual([
    ["last", 1],
    ["region-7", 2],
  ]);
});
