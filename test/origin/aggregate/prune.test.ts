// Units and counts of ended epochs are deleted when no span can arrive for them any more. Acknowledged telemetry is never
// dropped before it is folded.
import { afterAll, beforeAll, expect, test } from "vitest";
import { pruneOldUnits } from "../../../origin/aggregate/prune-old-units.ts";
import { pruneEndedEpochs, pruneUnusedPseudonyms } from "../../../origin/aggregate/prune-epochs.ts";
import {
  dropOldRawSpanPartitions,
  ensureRawSpanPartitions,
} from "../../../origin/aggregate/raw-spans/raw-span-partitions.ts";
import { makePool } from "../../../origin/db/pool.ts";
import { dropFoldedLogPartitions, ensureLogPartitions } from "../../../origin/span-log/partitions.ts";
import { makeTestDatabase, type TestDatabase } from "../../support/database.ts";
import { createFeature } from "../../support/telemetry.ts";

let database: TestDatabase;
beforeAll(async () => {
  database = await makeTestDatabase();
});
afterAll(() => database.drop());

const names = async (parent: string): Promise<string[]> => {
  const { rows } = await database.pool.query<{ name: string }>(
    `select c.relname as name from pg_inherits i join pg_class c on c.oid = i.inhrelid
     where i.inhparent = $1::regclass order by 1`,
    [parent],
  );
  return rows.map(({ name }) => name);
};

test("units and counts of an epoch are deleted 35 days after the next one began; those of the current epoch stay", async () => {
  const { pool } = database;
  await createFeature(database, "feat_old");
  await pool.query(
    "update feature_flags set epoch = 3, epoch_started_at = now() - interval '36 days' where feature_id = 'feat_old'",
  );
  await pool.query("insert into unit_runs (partition) values (0)");
  await pool.query("create table unit_evidence_1 partition of unit_evidence for values in (1)");
  for (const epoch of [2, 3]) {
    await pool.query("insert into fold_windows values ('feat_old', $1, '{60}', '{600}', 300, 12)", [epoch]);
    await pool.query("insert into outcome_counts values ('feat_old', $1, 'treatment', 'exposure', 0, 0, 5)", [
      epoch,
    ]);
    await pool.query(
      "insert into unit_evidence values (1, $1::integer, 'feat_old', $1::integer, 'unit', 1, now())",
      [epoch],
    );
  }
  while (await pruneEndedEpochs(pool, pool));
  for (const table of ["fold_windows", "outcome_counts", "feature_units"]) {
    const { rows } = await pool.query(`select epoch from ${table} where feature_id = 'feat_old'`);
    expect(rows, table).toEqual([{ epoch: 3 }]);
  }
});

test("the key of an epoch is remembered while it runs, while its spans may come and while something is counted of it", async () => {
  const { pool, servicePool } = database;
  for (const [featureId, days] of [
    ["feat_unvisited", 36],
    ["feat_visited", 36],
    ["feat_fresh", 34],
  ] as const) {
    await createFeature(database, featureId);
    await pool.query(
      "update feature_flags set epoch = 2, epoch_started_at = now() - make_interval(days => $2) where feature_id = $1",
      [featureId, days],
    );
    await pool.query("insert into epoch_pseudonyms select $1, generate_series(1, 2), null", [featureId]);
  }
  await pool.query("insert into fold_windows values ('feat_visited', 1, '{60}', '{600}', 300, 12)");
  await pool.query(
    `insert into feature_tombstones (feature_id, revision, deleted_at)
     select 'feat_deleted_' || days, 1, now() - make_interval(days => days) from unnest('{34,36}'::int[]) days`,
  );
  await pool.query("insert into epoch_pseudonyms select feature_id, 1, null from feature_tombstones");
  await pruneUnusedPseudonyms(servicePool);
  const { rows } = await pool.query<{ name: string }>(
    "select feature_id || ' ' || epoch as name from epoch_pseudonyms where feature_id <> 'feat_old' order by 1",
  );
  expect(rows.map(({ name }) => name)).toEqual([
    "feat_deleted_34 1",
    "feat_fresh 1",
    "feat_fresh 2",
    "feat_unvisited 2",
    "feat_visited 1",
    "feat_visited 2",
  ]);
});

const storeTrial = (featureId: string, decided: "KEEP" | null) =>
  database.pool.query(
    `insert into pmf_trials (feature_id, epoch, terms, seq, decided, evidence, treatment_sketch, holdout_sketch)
     values ($1, 1, 'terms', 1, $2, '{"kept": "this"}', 'all', 'all')`,
    [featureId, decided],
  );
const values = async (query: string): Promise<unknown[]> => {
  const { rows } = await database.pool.query<{ value: unknown }>(query);
  return rows.map(({ value }) => value);
};

test("units of a running epoch are deleted when they are old and their windows are over; counts, trials and younger units stay", async () => {
  const { pool } = database;
  const days = (count: number) => `now() - interval '${count} days'`;
  for (const [featureId, retention] of [
    ["feat_kept", "600"],
    ["feat_long_windows", String(200 * 86_400)],
  ]) {
    await createFeature(database, featureId ?? "");
    await pool.query("insert into fold_windows values ($1, 1, '{60}', $2, 300, 12)", [
      featureId,
      `{${retention}}`,
    ]);
    await pool.query("insert into outcome_counts values ($1, 1, 'treatment', 'exposure', 0, 0, 3)", [
      featureId,
    ]);
    for (const [key, age] of [
      [1, 10],
      [2, 100],
      [3, 236],
    ] as const)
      await pool.query(`insert into unit_evidence values (1, $2, $1, 1, $3, 1, ${days(age)})`, [
        featureId,
        key * (featureId === "feat_kept" ? 1 : 11),
        `of ${age} days`,
      ]);
    await pool.query(
      `insert into latency_sketches (feature_id, epoch, cohort, bucket_s, partition, requests, errors, sketch)
       select $1, 1, 'treatment', extract(epoch from now() - make_interval(days => age))::bigint, 0, 1, 0, ''
       from unnest('{10,100}'::int[]) age`,
      [featureId],
    );
  }
  await storeTrial("feat_kept", "KEEP");
  await storeTrial("feat_long_windows", null);
  const left = async (featureId: string) => ({
    units: await values(
      `select unit_id as value from unit_evidence where feature_id = '${featureId}' order by unit_key`,
    ),
    sketches: (
      await values(`select bucket_s as value from latency_sketches where feature_id = '${featureId}'`)
    ).length,
    counts: await values(`select units as value from outcome_counts where feature_id = '${featureId}'`),
    trial: await values(
      `select evidence ->> 'kept' as value from pmf_trials where feature_id = '${featureId}'`,
    ),
  });
  const before = await left("feat_kept");
  // 35 days after the longest window, however few days were asked for.
  expect(await pruneOldUnits(pool, 1)).toEqual({ units: 3, sketches: 1 });
  expect(await left("feat_kept")).toEqual({ ...before, units: ["of 10 days"], sketches: 1 });
  expect(await left("feat_long_windows")).toMatchObject({
    units: ["of 10 days", "of 100 days"],
    sketches: 2,
  });
  expect(await pruneOldUnits(pool, 180)).toEqual({ units: 0, sketches: 0 });
});

test("a partition of the log is dropped when it has ended and all of it is folded, not before", async () => {
  const { pool } = database;
  await ensureLogPartitions(pool);
  const ready = await names("span_log");
  expect(ready).toHaveLength(49);
  for (const [day, seq] of [
    ["20200101", 1],
    ["20200102", 2],
  ] as const) {
    const date = `${day.slice(0, 4)}-${day.slice(4, 6)}-${day.slice(6)}`;
    const from = `${date} 05:00+00`;
    await pool.query(
      `create table span_log_${day}_05 partition of span_log for values from ('${from}') to ('${date} 06:00+00')`,
    );
    await pool.query("insert into span_log values ($1, 9, 0, $2, 0, '', '')", [from, seq]);
  }
  const dropFoldedUpTo = (seq: number) => dropFoldedLogPartitions(pool, [{ partition: 0, writer: 9, seq }]);
  expect((await dropFoldedUpTo(1)).dropped).toEqual(["span_log_20200101_05"]);
  expect(await names("span_log")).toEqual(["span_log_20200102_05", ...ready]);
  expect((await dropFoldedUpTo(2)).dropped).toEqual(["span_log_20200102_05"]);
});

test("monthly partitions of the sample are made ahead and dropped after their time", async () => {
  const { pool } = database;
  await pool.query(
    "create table otel_spans_202001 partition of otel_spans for values from ('2020-01-01+00') to ('2020-02-01+00')",
  );
  expect(await ensureRawSpanPartitions(pool, 62)).toHaveLength(4);
  expect(await dropOldRawSpanPartitions(pool, 62)).toEqual(["otel_spans_202001"]);
  const found = await names("otel_spans");
  expect(found).not.toContain("otel_spans_202001");
  expect(found).toHaveLength(4);
});

test("partitions are told by their names whatever plan the database chooses, which may read the names of all its tables", async () => {
  const { pool, url } = database;
  await pool.query("create table span_log_by_configuration (id integer)");
  await pool.query(
    "do $$ begin execute format('alter database %I set enable_nestloop = off', current_database()); end $$",
  );
  const other = makePool(url, { applicationName: "sluice-test", max: 1, onIdleError: () => {} });
  try {
    expect((await dropFoldedLogPartitions(other, [])).dropped).toEqual([]);
    expect(await dropOldRawSpanPartitions(other, 62)).toEqual([]);
  } finally {
    await other.end();
  }
});
