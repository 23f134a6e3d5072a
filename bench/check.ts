// One PMF check (evaluation) of one feature among 1,000 with 10 million exposures: read, accumulate, decide, store; idle and under load.
import { once } from "node:events";
import { parseArgs } from "node:util";
import { Worker } from "node:worker_threads";
import { setTimeout as sleep } from "node:timers/promises";
import { windowsOf } from "../origin/aggregate/outcome-windows.ts";
import { FeatureId } from "../shared/ids.ts";
import { makeIdleEvaluator } from "./check/evaluator.ts";
import { fillExposures } from "./check/exposures.ts";
import { percentile } from "./figures.ts";
import type { BackgroundLoad } from "./ingest/load-worker.ts";
import { startIngestSetting } from "./ingest/setting.ts";

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

const setting = await startIngestSetting({
  features,
  env: { ROLES: "ingest,fold" },
  postgres: { shared_buffers: "512MB", max_wal_size: "4GB" },
  fill: async (pool) => {
    const beganAt = performance.now();
    await fillExposures(pool, exposures);
    const seconds = Math.round((performance.now() - beganAt) / 1_000);
    say(`${exposures} exposures filled in, vacuumed and written to the disk, in ${seconds} s`);
  },
});
try {
  const { rows } = await setting.pool.query<{ units: number }>(
    "select sum(units) as units from outcome_counts where signal = 'exposure'",
  );
  const counted = rows[0]?.units ?? 0;
  say(`${counted} exposures of ${features} features`);

  let aheadSeconds = 0;
  const evaluator = makeIdleEvaluator(setting.pool, () => Date.now() / 1_000 + aheadSeconds);
  const ids = setting.features.map((id) => FeatureId.parse(id));
  const firstAt = performance.now();
  for (let from = 0; from < ids.length; from += 50) await evaluator.evaluate(ids.slice(from, from + 50));
  say(`first check of all features: ${Math.round(performance.now() - firstAt)} ms`);

  const round = (ms: number): number => Number(ms.toFixed(2));
  /** Trials stored so often: by each check that finds a new bucket. */
  const stored = async (): Promise<number> => {
    const { rows: trials } = await setting.pool.query<{ seqs: number }>(
      "select sum(seq) as seqs from pmf_trials",
    );
    return trials[0]?.seqs ?? 0;
  };
  const measure = async (name: string): Promise<number[]> => {
    const storedBefore = await stored();
    const times: number[] = [];
    for (let n = 0; n < checks; n++) {
      const id = ids[Math.floor(Math.random() * ids.length)];
      if (id === undefined) continue;
      const startedAt = performance.now();
      const outcomes = await evaluator.evaluate([id]);
      times.push(performance.now() - startedAt);
      if (outcomes.length !== 1) throw new Error(`${id} was not checked`);
      // A thousand features a second would be 1 ms each; leave the processor to the others in between.
      await sleep(2);
    }
    const sorted = times.toSorted((a, b) => a - b);
    const [p50, p99] = [round(percentile(sorted, 0.5)), round(percentile(sorted, 0.99))];
    const news = (await stored()) - storedBefore;
    say(`${name}: p50 ${p50} ms, p99 ${p99} ms; ${news} of ${checks} checks found a new bucket`);
    return sorted;
  };

  await measure("warming up");
  const idle = await measure("idle");

  const workerData: BackgroundLoad = {
    url: setting.origin.url,
    token: setting.token,
    features: setting.features,
    spansPerSecond: Number(values.rate),
    visitors: 100_000,
  };
  const load = new Worker(new URL("ingest/load-worker.ts", import.meta.url), { workerData });
  await sleep(3_000);
  const underIngest = await measure("under ingest");
  const ended: Promise<number[]> = once(load, "message");
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
  load.postMessage("enough");
  const [spansPerSecond = 0] = await ended;
  say(`came in meanwhile: ${Math.round(spansPerSecond)} spans/s`);

  // What the service does every second, and what it does when a bucket has matured for all features at once.
  const timeRound = async (): Promise<number> => {
    const startedAt = performance.now();
    await evaluator.evaluate(ids);
    return round(performance.now() - startedAt);
  };
  await timeRound();
  const roundMs = await timeRound();
  aheadSeconds = 2 * windowsOf({}).bucketS;
  const newsRoundMs = await timeRound();
  say(
    `all features in one round: ${roundMs} ms with nothing new, ${newsRoundMs} ms with two new buckets of each`,
  );
  if (values.json)
    console.log(
      JSON.stringify({
        p50Ms: round(percentile(idle, 0.5)),
        p99Ms: round(percentile(idle, 0.99)),
        underIngestP50Ms: round(percentile(underIngest, 0.5)),
        underIngestP99Ms: round(percentile(underIngest, 0.99)),
        roundMs,
        newsRoundMs,
        features,
        exposures: counted,
      }),
    );
} finally {
  await setting.stop();
}
