// One PMF check of one feature among 1,000 with 10 million exposures: read, fold, decide, store; idle and under load.
import { once } from "node:events";
import { parseArgs } from "node:util";
import { Worker } from "node:worker_threads";
import { setTimeout as sleep } from "node:timers/promises";
import { makeEvaluator } from "../origin/evaluate/evaluator.ts";
import { makeLogger } from "../origin/log.ts";
import { makeMetrics } from "../origin/metrics.ts";
import { emptySketch, encodeSketch, recordLatency } from "../origin/aggregate/sketch.ts";
import { err } from "../shared/result.ts";
import { FeatureId } from "../shared/ids.ts";
import { percentile } from "./ingest/load.ts";
import type { BackgroundLoad } from "./ingest/load-worker.ts";
import { startIngestSetting, type IngestSetting } from "./ingest/setting.ts";

const { values } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    features: { type: "string", default: "1000" },
    exposures: { type: "string", default: "10000000" },
    checks: { type: "string", default: "3000" },
    rate: { type: "string", default: "50000" },
  },
});
const features = Number(values.features);
const exposures = Number(values.exposures);
const checks = Number(values.checks);
const say = (line: string): void => {
  if (!values.json) console.log(line);
};

/** Units of the last two days, as the fold would have written them, and counts and sketches made from them. */
const fill = async ({ pool }: IngestSetting): Promise<void> => {
  const perFeature = Math.round(exposures / features);
  await pool.query(
    `insert into fold_windows
     select feature_id, 1, '{900,3600,21600,86400}', '{259200,604800}', 86400, 180 from feature_flags
     on conflict do nothing`,
  );
  await pool.query("update feature_flags set epoch_started_at = now() - interval '2 days'");
  for (let from = 0; from < features; from += 50)
    await pool.query(
      `insert into feature_units
       select hashtextextended(f.feature_id, n), f.feature_id, 1, md5(n::text || f.feature_id),
         case when n % 10 = 0 then 2 else 1 end, e.at, case when n % 7 < 2 then e.at + interval '10 minutes' end, null
       from (select feature_id from feature_flags order by feature_id limit 50 offset $2) f
       cross join generate_series(1, $1::integer) n
       cross join lateral (select now() - (n::float8 / $1 * 2 * 86400) * interval '1 second' as at) e
       on conflict do nothing`,
      [perFeature, from],
    );
  await pool.query(
    `insert into outcome_counts
     select u.feature_id, 1, case u.cohort when 2 then 'holdout' else 'treatment' end, o.signal, o.age_s,
       floor(extract(epoch from u.first_exposed_at) / 180)::bigint * 180, count(*)
     from feature_units u
     cross join lateral (
       select 'exposure' as signal, 0 as age_s
       union all select 'activation', age from unnest('{900,3600,21600,86400}'::integer[]) age
       where u.first_action_at is not null) o
     group by 1, 2, 3, 4, 5, 6`,
  );
  const sketch = emptySketch();
  for (let i = 0; i < 20; i++) recordLatency(sketch, 20 + i * 15);
  await pool.query(
    `insert into latency_sketches
     select feature_id, 1, cohort, bucket_s, 0, 20, 0, $1
     from (select distinct feature_id, cohort, bucket_s from outcome_counts where signal = 'exposure') o`,
    [encodeSketch(sketch)],
  );
  await pool.query("vacuum analyze");
};

const setting = await startIngestSetting({
  features,
  env: { ROLES: "ingest,fold" },
  postgres: { shared_buffers: "512MB", max_wal_size: "4GB" },
});
try {
  const beganAt = performance.now();
  await fill(setting);
  const { rows } = await setting.pool.query<{ units: number }>("select count(*) as units from feature_units");
  const counted = rows[0]?.units ?? 0;
  say(
    `${counted} exposures of ${features} features in ${Math.round((performance.now() - beganAt) / 1_000)} s`,
  );

  const evaluator = makeEvaluator({
    pool: setting.pool,
    metrics: makeMetrics(),
    log: makeLogger("error"),
    now: () => Date.now() / 1_000,
    lagSeconds: () => 0,
    rollbackFeature: async () => err({ reason: "the bench changes nothing" }),
    setRollout: async () => err({ reason: "the bench changes nothing" }),
  });
  const ids = setting.features.map((id) => FeatureId.parse(id));
  const firstAt = performance.now();
  for (let from = 0; from < ids.length; from += 50) await evaluator.evaluateDue(ids.slice(from, from + 50));
  say(`first check of all features: ${Math.round(performance.now() - firstAt)} ms`);

  const measure = async (): Promise<number[]> => {
    const times: number[] = [];
    for (let n = 0; n < checks; n++) {
      const id = ids[Math.floor(Math.random() * ids.length)];
      if (id === undefined) continue;
      const startedAt = performance.now();
      const outcomes = await evaluator.evaluateDue([id]);
      times.push(performance.now() - startedAt);
      if (outcomes.length !== 1) throw new Error(`${id} was not checked`);
      // A thousand features a second would be 1 ms each; leave the processor to the others in between.
      await sleep(2);
    }
    return times.toSorted((a, b) => a - b);
  };
  const round = (ms: number): number => Number(ms.toFixed(2));
  const said = (times: readonly number[]): string =>
    `p50 ${round(percentile(times, 0.5))} ms, p99 ${round(percentile(times, 0.99))} ms`;

  await measure();
  const idle = await measure();
  say(`idle: ${said(idle)}`);

  const workerData: BackgroundLoad = {
    url: setting.origin.url,
    token: setting.token,
    features: setting.features,
    spansPerSecond: Number(values.rate),
    visitors: 100_000,
  };
  const load = new Worker(new URL("ingest/load-worker.ts", import.meta.url), { workerData });
  await sleep(3_000);
  const underIngest = await measure();
  const ended: Promise<number[]> = once(load, "message");
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
  load.postMessage("enough");
  const [spansPerSecond = 0] = await ended;
  say(`under ${Math.round(spansPerSecond)} spans/s: ${said(underIngest)}`);
  if (values.json)
    console.log(
      JSON.stringify({
        p50Ms: round(percentile(idle, 0.5)),
        p99Ms: round(percentile(idle, 0.99)),
        underIngestP50Ms: round(percentile(underIngest, 0.5)),
        underIngestP99Ms: round(percentile(underIngest, 0.99)),
        features,
        exposures: counted,
      }),
    );
} finally {
  await setting.stop();
}
