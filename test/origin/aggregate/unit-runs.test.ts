// Units in runs, on a real PostgreSQL: units are found again however full the runs are.
import { afterAll, beforeAll, expect, test } from "vitest";
import { makeUnitRuns, type UnitRuns } from "../../../origin/aggregate/units/unit-runs.ts";
import type { Unit } from "../../../origin/aggregate/units/unit.ts";
import type { Client } from "../../../origin/db/pool.ts";
import { hash64 } from "../../../origin/span-log/hash.ts";
import { viewOf } from "../../../origin/span-log/bytes.ts";
import { makeTestDatabase, type TestDatabase } from "../../support/database.ts";

let database: TestDatabase;
let client: Client;
beforeAll(async () => {
  database = await makeTestDatabase();
  client = await database.pool.connect();
});
afterAll(async () => {
  client.release();
  await database.drop();
});

const PARTITIONS = [0, 1, 2, 3];
const AT = Date.UTC(2026, 10, 1);
const feature = { idBytes: Buffer.from("feat_runs"), epoch: 1 };
const nobody = (): Unit => ({
  cohort: 255,
  exposedMs: Infinity,
  activatedMs: Infinity,
  returnedMs: Infinity,
});

const keyOf = (n: number): { low: number; high: number } => {
  const key = { low: 0, high: 0 };
  const bytes = Buffer.from(`unit ${n}`);
  hash64(viewOf(bytes), 0, bytes.length, 1, 2, key);
  return { low: key.low >>> 0, high: key.high >>> 0 };
};

const write = async (runs: UnitRuns, units: readonly (readonly [number, Unit])[]): Promise<void> => {
  await client.query("begin");
  for (const [n, unit] of units) {
    const { low, high } = keyOf(n);
    const bytes = Buffer.from(`unit ${n}`);
    runs.add(low, high, unit, feature, { bytes, start: 0, end: bytes.length });
  }
  await runs.write(client);
  await client.query("commit");
  runs.closeFull();
  await runs.prepare(client);
};

const read = async (runs: UnitRuns, numbers: readonly number[]): Promise<Map<number, Unit>> => {
  const keys = numbers.map(keyOf);
  const found = new Map<number, Unit>();
  await runs.read(
    client,
    {
      count: keys.length,
      low: Uint32Array.from(keys, ({ low }) => low),
      high: Uint32Array.from(keys, ({ high }) => high),
    },
    (asked, stored) => {
      const n = numbers[asked] ?? -1;
      const unit = found.get(n) ?? { ...stored, cohort: 0 };
      found.set(n, {
        cohort: Math.max(unit.cohort, stored.cohort),
        exposedMs: Math.min(unit.exposedMs, stored.exposedMs),
        activatedMs: Math.min(unit.activatedMs, stored.activatedMs),
        returnedMs: Math.min(unit.returnedMs, stored.returnedMs),
      });
    },
  );
  return found;
};

const openRuns = async (): Promise<UnitRuns> => {
  const runs = makeUnitRuns(100);
  await runs.open(client, PARTITIONS);
  return runs;
};

const countRuns = async (): Promise<number> => {
  const { rows } = await database.pool.query("select count(*)::integer as runs from unit_runs");
  return rows[0].runs;
};

test("units are found again in many runs, by the next owner and by the same one when memory has forgotten them", async () => {
  const expected = new Map<number, Unit>();
  let runs = await openRuns();
  for (let batch = 0; batch < 30; batch++) {
    const first = batch * 40;
    const added = Array.from({ length: 40 }, (_, i): [number, Unit] => [
      first + i,
      { ...nobody(), cohort: 0, exposedMs: AT + first + i },
    ]);
    // Some of the earlier ones have named their cohort and activated since.
    const changed = [...expected]
      .filter(([n]) => n % 7 === batch % 7)
      .map(([n, unit]): [number, Unit] => [
        n,
        { ...unit, cohort: 1 + (n % 2), activatedMs: AT + 10_000 + n },
      ]);
    await write(runs, [...added, ...changed]);
    for (const [n, unit] of [...added, ...changed]) expected.set(n, unit);
    if (batch % 5 === 2) await runs.indexAll(client);
    if (batch % 2 === 1) await runs.finishOne(client);
    if (batch % 11 === 10) runs = await openRuns();
  }
  await runs.indexAll(client);
  const asked = Array.from({ length: 2_000 }, (_, n) => n);
  expect(await read(runs, asked)).toEqual(expected);
  while (await runs.finishOne(client));
  expect(await read(runs, asked)).toEqual(expected);
  expect(await read(await openRuns(), asked)).toEqual(expected);
  const { rows } = await database.pool.query(
    `select count(*)::integer as units, count(*) filter (where cohort = 2)::integer as holdout,
       count(first_action_at)::integer as acted from feature_units where feature_id = 'feat_runs'`,
  );
  const all = [...expected.values()];
  expect(rows).toEqual([
    {
      units: all.length,
      holdout: all.filter(({ cohort }) => cohort === 2).length,
      acted: all.filter(({ activatedMs }) => activatedMs < Infinity).length,
    },
  ]);
});

test("while somebody else holds a lock that forbids new runs and indexes, units are stored and found all the same", async () => {
  const numbers = Array.from({ length: 1_600 }, (_, n) => 10_000 + n);
  const unitOf = (n: number): [number, Unit] => [n, { ...nobody(), cohort: 1, exposedMs: AT + n }];
  const runs = await openRuns();
  await write(runs, numbers.slice(0, 400).map(unitOf));
  const runsBefore = await countRuns();
  const forgotten = await database.pool.connect();
  await forgotten.query("begin");
  await forgotten.query("analyze unit_evidence");
  for (const from of [400, 800, 1_200]) await write(runs, numbers.slice(from, from + 400).map(unitOf));
  await runs.indexAll(client);
  expect((await read(runs, numbers)).size).toBe(1_600);
  // The next owner of the partitions cannot index them either.
  const taken = await openRuns();
  expect((await read(taken, numbers)).size).toBe(1_600);
  expect(await countRuns()).toBe(runsBefore);
  await forgotten.query("rollback");
  forgotten.release();

  const after = await openRuns();
  while (await after.finishOne(client));
  await write(after, [unitOf(20_000)]);
  await after.indexAll(client);
  expect((await read(after, [...numbers, 20_000])).size).toBe(1_601);
  const { rows } = await database.pool.query(
    `select count(*)::integer as unindexed from unit_runs r
     where r.filter is not null and to_regclass('unit_evidence_' || r.run || '_key') is null`,
  );
  expect(rows).toEqual([{ unindexed: 0 }]);
}, 30_000);
