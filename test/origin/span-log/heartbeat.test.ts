// Heartbeats of ingest, on a real PostgreSQL: the rule is one SQL statement.
import { afterAll, beforeEach, expect, test } from "vitest";
import { recordHeartbeat } from "../../../origin/span-log/heartbeat.ts";
import { makeTestDatabase } from "../../support/database.ts";

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

/** The last outage, as seconds before now. */
const lastOutage = async () => {
  const { rows } = await pool.query<{ from: number | null; until: number | null }>(
    `select round(extract(epoch from clock_timestamp() - away_from))::integer as from,
       round(extract(epoch from clock_timestamp() - away_until))::integer as until from ingest_presence`,
  );
  return rows[0];
};

test("the first heartbeat of all, and one within 15 seconds, end no outage", async () => {
  expect(await recordHeartbeat(pool)).toBe(0);
  await later(14);
  expect(await recordHeartbeat(pool)).toBe(0);
  expect(await lastOutage()).toEqual({ from: null, until: null });
});

test("a heartbeat after a longer silence ends an outage, whose begin and end are kept", async () => {
  await recordHeartbeat(pool);
  await later(40);
  expect(await recordHeartbeat(pool)).toBeCloseTo(40, 0);
  await later(10);
  expect(await recordHeartbeat(pool)).toBe(0);
  expect(await lastOutage()).toEqual({ from: 50, until: 10 });
});

test("an outage that begins within 90 seconds of the last one continues it; a later one stands alone", async () => {
  await recordHeartbeat(pool);
  await later(40);
  await recordHeartbeat(pool);
  await later(30);
  await recordHeartbeat(pool);
  expect(await lastOutage()).toEqual({ from: 70, until: 0 });
  for (const _ of Array.from({ length: 8 })) {
    await later(12);
    await recordHeartbeat(pool);
  }
  await later(20);
  await recordHeartbeat(pool);
  expect(await lastOutage()).toEqual({ from: 20, until: 0 });
});
