// One origin with all roles: a steady rate durably acknowledged and counted, then as many spans as possible.
import { once } from "node:events";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { z } from "zod";
import { fillExposures } from "../check/exposures.ts";
import { jetStreamSettings, startNats } from "../../test/support/nats.ts";
import { percentile } from "../figures.ts";
import { runLoad } from "./load.ts";
import { cpuSeconds, residentMb } from "../../test/support/linux-processes.ts";
import { makeRequests } from "./requests.ts";
import { startIngestSetting } from "./setting.ts";

const SPANS = 512;
const SOAK_STEP_S = 30;
const round = (value: number, digits = 1): number => Number(value.toFixed(digits));
const sumOf = (numbers: readonly number[]): number => numbers.reduce((sum, number) => sum + number, 0);

export const measureOneOrigin = async (values: {
  json: boolean;
  seconds: string;
  rate: string;
  features: string;
  visitors: string;
  saturate: string;
  log: "postgres" | "jetstream";
  units: string;
  soak: string;
  "unit-ids": string;
}): Promise<void> => {
  const rate = Number(values.rate);
  const seconds = Number(values.seconds);
  const say = (line: string): void => {
    if (!values.json) console.log(line);
  };

  const nats = values.log === "jetstream" ? await startNats({ nodes: 3, maxStore: "20GB" }) : undefined;
  const setting = await startIngestSetting({
    spanLog: nats === undefined ? null : jetStreamSettings(nats, "bench"),
    features: Number(values.features),
    env: { UNIT_IDS: values["unit-ids"] },
    fill: async (pool) => {
      if (Number(values.units) === 0) return;
      await fillExposures(pool, Number(values.units));
      say(`${values.units} exposed units filled in`);
    },
  });
  try {
    let unit = 0;
    const visitors = Number(values.visitors);
    const units =
      values.visitors === "new" ? () => unit++ : () => Math.floor((Math.random() * visitors) / 10);
    const requests = makeRequests({ features: setting.features, spans: SPANS, units });
    const load = { url: setting.origin.url, token: setting.token, requests, spansPerRequest: SPANS };
    const cpu = () => ({
      origin: cpuSeconds(setting.origin.pid()),
      postgres: cpuSeconds(setting.postgres.pid),
      nats: sumOf((nats?.nodes ?? []).map((node) => cpuSeconds(node.pid()))),
    });

    /** Resident memory in MB every half a minute of the load. */
    const soak = async (soakS: number): Promise<number[]> => {
      const found: number[] = [];
      for (let left = soakS; left > 0; left -= SOAK_STEP_S) {
        await runLoad({
          ...load,
          seconds: Math.min(left, SOAK_STEP_S),
          connections: 64,
          requestsPerSecond: rate / SPANS,
        });
        found.push(Math.round(residentMb(setting.origin.pid())));
        say(`${soakS - left + Math.min(left, SOAK_STEP_S)} s of steady load: resident ${found.at(-1)} MB`);
      }
      return found;
    };

    /** Runs the load; `waits`: how long any durable write waited meanwhile, in ms, sorted. */
    const runBesideFloor = async (options: Parameters<typeof runLoad>[0]) => {
      const floor = new Worker(new URL("floor-worker.ts", import.meta.url), {
        workerData: join(setting.folder, "floor"),
      });
      const answered: Promise<unknown[]> = once(floor, "message");
      const result = await runLoad(options);
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread's port, not a window
      floor.postMessage("enough");
      const waits = z.array(z.number()).parse((await answered)[0]);
      return { result, waits };
    };

    const warmUp = await runLoad({
      ...load,
      seconds: 3,
      connections: 16,
      requestsPerSecond: rate / SPANS / 2,
    });
    say(`warm-up: ${warmUp.acked} spans`);
    await setting.folded();
    const countedBefore = await setting.countedRequests();

    const before = cpu();
    const { result: steady, waits } = await runBesideFloor({
      ...load,
      seconds,
      connections: 64,
      requestsPerSecond: rate / SPANS,
    });
    const after = cpu();
    const originCores = (after.origin - before.origin) / steady.seconds;
    const postgresCores = (after.postgres - before.postgres) / steady.seconds;
    const natsCores = (after.nats - before.nats) / steady.seconds;
    await setting.folded();
    const counted = (await setting.countedRequests()) - countedBefore;
    say(
      `${Math.round(steady.acked / steady.seconds)} spans/s for ${round(steady.seconds)} s: ack p50 ` +
        `${round(percentile(steady.latencies, 0.5))} ms, p99 ${round(percentile(steady.latencies, 0.99))} ms; origin ` +
        `${round(originCores, 2)} + PostgreSQL ${round(postgresCores, 2)}${nats === undefined ? "" : ` + NATS ${round(natsCores, 2)}`} cores; resident ` +
        `${Math.round(residentMb(setting.origin.pid()))} MB; acked ${steady.acked}, counted ${counted}, ` +
        `refused ${steady.failed}`,
    );
    say(
      `the machine meanwhile: a timer and 8 KB to the disk p50 ${round(percentile(waits, 0.5))} ms, p99 ` +
        `${round(percentile(waits, 0.99))} ms`,
    );

    const steadyMb = Math.round(residentMb(setting.origin.pid()));
    const countedAtStart = await setting.countedRequests();
    const full = await runLoad({ ...load, seconds: Number(values.saturate), connections: 24 });
    const foldedAt = performance.now();
    await setting.folded();
    const catchUpS = (performance.now() - foldedAt) / 1_000;
    const countedFull = (await setting.countedRequests()) - countedAtStart;
    const saturated = Math.round(full.acked / full.seconds);
    say(
      `as fast as it goes: ${saturated} spans/s acknowledged for ${round(full.seconds)} s, refused ${full.failed}; ` +
        `counted ${countedFull} of ${full.acked} (${round(catchUpS)} s to catch up); resident ` +
        `${Math.round(residentMb(setting.origin.pid()))} MB`,
    );
    const soakMb = await soak(Number(values.soak));
    if (values.json)
      console.log(
        JSON.stringify({
          ackP50Ms: round(percentile(steady.latencies, 0.5)),
          ackP99Ms: round(percentile(steady.latencies, 0.99)),
          floorP50Ms: round(percentile(waits, 0.5)),
          floorP99Ms: round(percentile(waits, 0.99)),
          originCores: round(originCores + postgresCores + natsCores, 2),
          ...(nats !== undefined && { natsCores: round(natsCores, 2) }),
          saturatedSpansPerSecond: saturated,
          acked: steady.acked + full.acked,
          counted: counted + countedFull,
          lost: steady.acked + full.acked - counted - countedFull,
          ...(Number(values.units) > 0 && { units: Number(values.units), steadyMb }),
          ...(soakMb.length > 0 && { soakMb }),
        }),
      );
  } finally {
    await setting.stop();
    await nats?.stop();
  }
};
