import { afterAll, beforeEach, expect, test } from "vitest";
import { recordHeartbeat } from "../../origin/span-log/heartbeat.ts";
import { makeTestDatabase } from "../support/database.ts";

const database = await makeTestDatabase();
const { pool } = database;
afterAll(() => database.drop());
beforeEach(() =>
  pool.query("update ingest_presence set seen_at = null, away_from = null, away_until = null"),
);

/** Lets time pass. */
const later = (seconds: number) =>
  pool.query(
    `update ingest_presence set seen_at = seen_at - make_interval(secs => $1),
       away_from = away_from - make_interval(secs => $1), away_until = away_until - make_interval(secs => $1)`,
    [seconds],
  );

/** The last absence, as seconds before now. */
const absence = async () => {
  const { rows } = await pool.query<{ from: number | null; until: number | null }>(
    `select round(extract(epoch from clock_timestamp() - away_from))::integer as from,
       round(extract(epoch from clock_timestamp() - away_until))::integer as until from ingest_presence`,
  );
  return rows[0];
};

test("the first sign of all, and signs in time, are no absence", async () => {
  expect(await recordHeartbeat(pool)).toBe(0);
  await later(14);
  expect(await recordHeartbeat(pool)).toBe(0);
  expect(await absence()).toEqual({ from: null, until: null });
});

test("an absence is known with its beginning and its end", async () => {
  await recordHeartbeat(pool);
  await later(40);
  expect(await recordHeartbeat(pool)).toBeCloseTo(40, 0);
  await later(10);
  expect(await recordHeartbeat(pool)).toBe(0);
  expect(await absence()).toEqual({ from: 50, until: 10 });
});

test("one that follows before the last is caught up with is one with it; a later one is of its own", async () => {
  await recordHeartbeat(pool);
  await later(40);
  await recordHeartbeat(pool);
  await later(30);
  await recordHeartbeat(pool);
  expect(await absence()).toEqual({ from: 70, until: 0 });
  for (const _ of Array.from({ length: 8 })) {
    await later(12);
    await recordHeartbeat(pool);
  }
  await later(20);
  await recordHeartbeat(pool);
  expect(await absence()).toEqual({ from: 20, until: 0 });
});
