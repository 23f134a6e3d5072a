// Exposures of the last two days as the fold would have left them, made inside PostgreSQL: the same tables, rows and
// indexes, ten million in two minutes instead of folding them.
import { emptySketch, encodeSketch, recordLatency } from "../../shared/telemetry/latency-sketch.ts";
import { makeUnitRuns } from "../../origin/aggregate/units/unit-runs.ts";
import { windowsOf } from "../../origin/aggregate/outcome-windows.ts";
import { inTransaction, type Client, type Pool } from "../../origin/db/pool.ts";

const DAYS = 2;
const PARTITIONS = [0, 1, 2, 3];
const RUN_ROWS = 250_000;
/** By the windows that rules have when they name none, as those of startIngestSetting. */
const { activationAgesS, retentionAgesS, returnAfterS, bucketS: BUCKET_S } = windowsOf({});

/**
 * $1 units of one feature, the newest of them exposed at $2 (unix seconds); a tenth held out, two in seven active after
 * ten minutes. Every feature has the same, so that the counts of one are the counts of all.
 */
const UNITS = `
  select n, case when n % 10 = 0 then 2 else 1 end::smallint as cohort,
    to_timestamp($2 - n::float8 / $1 * ${DAYS * 86_400}) as exposed_at,
    case when n % 7 < 2 then interval '10 minutes' end as acted_after
  from generate_series(1, $1::integer) n`;

type Exposures = { readonly perFeature: number; readonly newestS: number };

const fillUnits = async (
  pool: Pool,
  { perFeature, newestS }: Exposures,
  of: { partition: number; part: number; parts: number },
): Promise<void> => {
  const { rows } = await pool.query<{ run: number }>(
    "insert into unit_runs (partition) values ($1) returning run",
    [of.partition],
  );
  const run = rows[0]?.run ?? 0;
  const table = `unit_evidence_${run}`;
  await pool.query(`create table ${table} (like unit_evidence)`);
  // As the service would have made it, which goes on with a run that is not full.
  await pool.query(`alter table ${table} owner to sluice_service`);
  await pool.query(`alter table ${table} alter column run set default ${run}`);
  // A unit's key says its partition.
  await pool.query(
    `insert into ${table}
     select ${run}, hashtextextended(f.feature_id, u.n) & ~3::bigint | ${of.partition}, f.feature_id, 1,
       md5(u.n || f.feature_id), u.cohort, u.exposed_at, u.exposed_at + u.acted_after, null
     from (${UNITS}) u cross join feature_flags f
     where u.n % 4 = ${of.partition} and u.n / 4 % ${of.parts} = ${of.part}`,
    [perFeature, newestS],
  );
  await pool.query(`alter table unit_evidence attach partition ${table} for values in (${run})`);
};

/** Rows in the order of time, as they come in; the primary key afterwards, which is quicker. */
const fillTable = async (
  client: Client,
  table: string,
  key: string,
  insert: { text: string; values: unknown[] },
): Promise<void> => {
  await client.query("set local maintenance_work_mem = '256MB'");
  await client.query(`alter table ${table} drop constraint ${table}_pkey`);
  await client.query(insert.text, insert.values);
  await client.query(`alter table ${table} add primary key (${key})`);
};

const fillCounts = (client: Client, { perFeature, newestS }: Exposures): Promise<void> =>
  fillTable(client, "outcome_counts", "feature_id, epoch, bucket_s, cohort, signal, age_s", {
    text: `
      insert into outcome_counts (feature_id, epoch, cohort, signal, age_s, bucket_s, units)
      select f.feature_id, 1, c.cohort, c.signal, c.age_s, c.bucket_s, c.units
      from (
        select case u.cohort when 2 then 'holdout' else 'treatment' end as cohort, o.signal, o.age_s,
          floor(extract(epoch from u.exposed_at) / ${BUCKET_S})::bigint * ${BUCKET_S} as bucket_s, count(*) as units
        from (${UNITS}) u
        cross join lateral (
          select 'exposure' as signal, 0 as age_s
          union all
          select 'activation', age from unnest('{${activationAgesS.join()}}'::integer[]) age where u.acted_after is not null
        ) o
        group by 1, 2, 3, 4
      ) c cross join feature_flags f
      order by c.bucket_s`,
    values: [perFeature, newestS],
  });

const fillSketches = (client: Client, { perFeature, newestS }: Exposures): Promise<void> => {
  const sketch = emptySketch();
  for (let i = 0; i < 20; i++) recordLatency(sketch, 20 + i * 15);
  return fillTable(client, "latency_sketches", "feature_id, epoch, bucket_s, cohort, partition", {
    text: `
      insert into latency_sketches (feature_id, epoch, cohort, bucket_s, partition, requests, errors, sketch)
      select f.feature_id, 1, c.cohort, c.bucket_s, 0, 20, 0, $3
      from (
        select distinct case u.cohort when 2 then 'holdout' else 'treatment' end as cohort,
          floor(extract(epoch from u.exposed_at) / ${BUCKET_S})::bigint * ${BUCKET_S} as bucket_s
        from (${UNITS}) u
      ) c cross join feature_flags f
      order by c.bucket_s`,
    values: [perFeature, newestS, encodeSketch(sketch)],
  });
};

/** `exposures` in all, the same for each of the features. Before any fold process runs. */
export const fillExposures = async (pool: Pool, exposures: number): Promise<void> => {
  const { rows } = await pool.query<{ features: number }>("select count(*) as features from feature_flags");
  const of: Exposures = {
    perFeature: Math.round(exposures / (rows[0]?.features ?? 1)),
    newestS: Date.now() / 1_000,
  };
  await pool.query("update feature_flags set epoch_started_at = now() - make_interval(days => $1)", [DAYS]);
  await pool.query("insert into fold_windows select feature_id, 1, $1, $2, $3, $4 from feature_flags", [
    activationAgesS,
    retentionAgesS,
    returnAfterS,
    BUCKET_S,
  ]);
  const parts = Math.ceil(exposures / PARTITIONS.length / RUN_ROWS);
  const allUnits = async (): Promise<void> => {
    for (const partition of PARTITIONS)
      for (let part = 0; part < parts; part++) await fillUnits(pool, of, { partition, part, parts });
    const client = await pool.connect();
    // Indexes and filters, as a fold process makes them that takes the partitions over. It may make a run too, which is then its own.
    await client.query("set role sluice_service");
    await makeUnitRuns(RUN_ROWS).open(client, PARTITIONS);
    await client.query("reset role");
    client.release();
  };
  await Promise.all([
    allUnits(),
    inTransaction(pool, (client) => fillCounts(client, of)),
    inTransaction(pool, (client) => fillSketches(client, of)),
  ]);
  // What a service has behind it that took days for as much: otherwise the disk is still busy with it minutes later.
  await pool.query(
    "vacuum (analyze) outcome_counts, latency_sketches, fold_windows, feature_flags, unit_evidence",
  );
  await pool.query("checkpoint");
};
