// The admin API with 1,000 features and 90 days of history while telemetry comes in: list, why, plan and apply over HTTP.
import { once } from "node:events";
import { randomBytes } from "node:crypto";
import { parseArgs } from "node:util";
import { Worker } from "node:worker_threads";
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import { fillHistory } from "./admin/history.ts";
import { fillExposures } from "./check/exposures.ts";
import { percentile } from "./figures.ts";
import type { BackgroundLoad } from "./ingest/load-worker.ts";
import { startIngestSetting } from "./ingest/setting.ts";

const { values } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    features: { type: "string", default: "1000" },
    exposures: { type: "string", default: "1000000" },
    /** Features whose counts fill all 90 days too; the others have two days of them. */
    long: { type: "string", default: "20" },
    requests: { type: "string", default: "600" },
    rate: { type: "string", default: "5000" },
    /** Seconds that the filled setting waits before the load, so that its statements can be looked at. */
    hold: { type: "string", default: "0" },
  },
});
const requests = Number(values.requests);
const long = Number(values.long);
const PAGE = 100;
/** A person or a script between two requests. */
const PAUSE_MS = 50;
const say = (line: string): void => {
  if (!values.json) console.log(line);
};
const round = (ms: number): number => Number(ms.toFixed(1));

const adminToken = randomBytes(16).toString("hex");
const setting = await startIngestSetting({
  features: Number(values.features),
  env: { ADMIN_TOKEN: adminToken },
  postgres: { shared_buffers: "512MB", max_wal_size: "4GB" },
  fill: async (pool) => {
    const beganAt = performance.now();
    await fillExposures(pool, Number(values.exposures));
    const filled = await fillHistory(pool, { long });
    const seconds = Math.round((performance.now() - beganAt) / 1_000);
    say(`${filled.evaluations} evaluations and ${filled.audit} audit entries filled in, in ${seconds} s`);
  },
});

/** Asks the API once; the time is that up to the last byte of the answer. */
const ask = async (path: string, body?: unknown): Promise<{ ms: number; json: unknown }> => {
  const beganAt = performance.now();
  const answer = await fetch(`${setting.origin.url}/admin/v1${path}`, {
    headers: { authorization: `Bearer ${adminToken}`, "content-type": "application/json" },
    ...(body === undefined ? {} : { method: "POST", body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  const ms = performance.now() - beganAt;
  if (!answer.ok) throw new Error(`${path} was answered with ${answer.status}: ${text.slice(0, 500)}`);
  return { ms, json: JSON.parse(text) };
};

const measure = async (name: string, askOnce: () => Promise<number>): Promise<[number, number]> => {
  const times: number[] = [];
  for (let n = 0; n < requests; n++) {
    times.push(await askOnce());
    await sleep(PAUSE_MS);
  }
  const sorted = times.toSorted((a, b) => a - b);
  const found: [number, number] = [round(percentile(sorted, 0.5)), round(percentile(sorted, 0.99))];
  say(`${name}: p50 ${found[0]} ms, p99 ${found[1]} ms`);
  return found;
};

const Page = z.object({ features: z.array(z.unknown()).min(1), next: z.string().nullable() });
const Plan = z.looseObject({ hash: z.string(), base: z.array(z.unknown()) });

/** Files that name all features. */
const configOf = (description: string) => ({
  source: "bench",
  features: setting.features.map((featureId) => ({ featureId, file: "features.yaml", description })),
});

const planAndApply = async (description: string): Promise<{ planMs: number; applyMs: number }> => {
  const config = configOf(description);
  const planned = await ask("/plan", config);
  const { hash, base } = Plan.parse(planned.json);
  const applied = await ask("/apply", { ...config, hash, base, reason: "the bench changes them all" });
  return { planMs: round(planned.ms), applyMs: round(applied.ms) };
};

try {
  // From here on a file owns each of them, so that the list compares them with what was applied.
  await planAndApply("before the load");
  if (Number(values.hold) > 0) {
    say(`${setting.postgres.url}\n${setting.origin.url} with token ${adminToken}`);
    await sleep(Number(values.hold) * 1_000);
  }

  const workerData: BackgroundLoad = {
    url: setting.origin.url,
    token: setting.token,
    // The place in a request says the cohort: ten places of each feature are nine of its treatment and one of its holdout.
    features: setting.features.flatMap((id) => Array.from({ length: 10 }, () => id)),
    spansPerSecond: Number(values.rate),
    visitors: 100_000,
  };
  const load = new Worker(new URL("ingest/load-worker.ts", import.meta.url), { workerData });
  await sleep(5_000);

  let after: string | null = null;
  const list = async (): Promise<number> => {
    const { ms, json } = await ask(`/features?limit=${PAGE}${after === null ? "" : `&after=${after}`}`);
    after = Page.parse(json).next;
    return ms;
  };
  const whyOf = (ids: readonly string[]) => async (): Promise<number> =>
    (await ask(`/features/${ids[Math.floor(Math.random() * ids.length)] ?? ""}/why`)).ms;

  const [[listP50Ms, listP99Ms], [whyP50Ms, whyP99Ms], [longWhyP50Ms, longWhyP99Ms]] = await Promise.all([
    measure(`list of ${PAGE}`, list),
    measure("why", whyOf(setting.features)),
    measure("why, with counts of 90 days", whyOf(setting.features.slice(0, long))),
  ]);
  const { planMs, applyMs } = await planAndApply("under load");
  say(`plan of ${setting.features.length} features: ${planMs} ms; its apply: ${applyMs} ms`);

  const ended: Promise<number[]> = once(load, "message");
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
  load.postMessage("enough");
  const [spansPerSecond = 0] = await ended;
  say(`came in meanwhile: ${Math.round(spansPerSecond)} spans/s`);
  if (values.json)
    console.log(
      JSON.stringify({
        listP50Ms,
        listP99Ms,
        whyP50Ms,
        whyP99Ms,
        longWhyP50Ms,
        longWhyP99Ms,
        planMs,
        applyMs,
        features: setting.features.length,
        spansPerSecond: Math.round(spansPerSecond),
      }),
    );
} finally {
  await setting.stop();
}
