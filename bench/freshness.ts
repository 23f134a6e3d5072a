// What freshness costs: calls to Durable Objects a second and isolate while nothing changes, how old its snapshot gets
// meanwhile, and how long a change takes to reach a request. Gates and objects are Workers of their own, each gate one isolate.
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { z } from "zod";
import { percentile } from "./figures.ts";
import { startTestEdge } from "../test/support/edge.ts";
import { cpuSeconds, ownWorkerds } from "../test/support/linux-processes.ts";
import { startTestSite } from "../test/support/site.ts";

const { values } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    isolates: { type: "string", default: "8" },
    seconds: { type: "string", default: "60" },
    /** changes that are pushed and waited for */
    n: { type: "string", default: "200" },
  },
});
const seconds = Number(values.seconds);
const n = Number(values.n);
const REQUESTS_APART_MS = 100;

const Health = z.object({ revision: z.number(), ageMs: z.number(), stateCalls: z.number() });
const health = async (url: string) => Health.parse(await (await fetch(`${url}/.sluice/health`)).json());

const round = (value: number, digits: number): number => Number(value.toFixed(digits));
const percentileMs = (times: readonly number[], share: number): number => round(percentile(times, share), 1);

/** CPU time of this process's workerd since it began. The kernel counts in hundredths of a second. */
const workerdCpuMs = (): number => ownWorkerds().reduce((sum, pid) => sum + cpuSeconds(pid) * 1_000, 0);

const site = await startTestSite();
const edge = await startTestEdge(
  { UPSTREAM_URL: site.url },
  { morePorts: Array.from({ length: Number(values.isolates) }, () => 0) },
);
try {
  const { moreUrls } = edge;
  const all = () => Promise.all(moreUrls.map(health));
  let revision = 0;
  const push = async (): Promise<void> => {
    revision += 1;
    const state = {
      featureId: "feat_bench",
      enabled: revision % 2 === 1,
      rolloutBps: 10_000,
      version: revision,
    };
    const answer = await edge.push({ revision, full: revision === 1, features: [state] });
    if (answer.status !== 200) throw new Error(`a push was answered with ${answer.status}`);
  };
  await push();
  await all();
  await sleep(2_000);

  const before = await all();
  const cpuBefore = workerdCpuMs();
  const beganAt = performance.now();
  const ages: number[] = [];
  let requests = 0;
  for (; performance.now() - beganAt < seconds * 1_000; await sleep(REQUESTS_APART_MS)) {
    const answers = await all();
    requests += answers.length;
    ages.push(...answers.map(({ ageMs }) => ageMs));
  }
  const isolateSeconds = (moreUrls.length * (performance.now() - beganAt)) / 1_000;
  const cpuMs = workerdCpuMs() - cpuBefore;
  const calls = (await all()).reduce(
    (sum, { stateCalls }, i) => sum + stateCalls - (before[i]?.stateCalls ?? 0),
    0,
  );
  const callsPerSecond = round(calls / isolateSeconds, 3);
  console.log(
    `${moreUrls.length} isolates without a change for ${seconds} s: ${callsPerSecond} calls a second and isolate; ` +
      `age of the snapshot p50 ${percentileMs(ages, 0.5)} ms, p99 ${percentileMs(ages, 0.99)} ms, most ${percentileMs(ages, 1)} ms; ` +
      `workerd's CPU ${round(cpuMs / isolateSeconds, 2)} ms a second and isolate with ${round(requests / isolateSeconds, 1)} requests`,
  );

  const times: number[] = [];
  const url = moreUrls[0] ?? "";
  for (let i = 0; i < n; i += 1) {
    await sleep(20 + Math.random() * 60);
    const pushedAt = performance.now();
    const pushed = push();
    while ((await health(url)).revision < revision);
    times.push(performance.now() - pushedAt);
    await pushed;
  }
  const p50Ms = percentileMs(times, 0.5);
  const p99Ms = percentileMs(times, 0.99);
  console.log(
    `from a push to the first request that is answered with it, at another instance: p50 ${p50Ms} ms, p99 ${p99Ms} ms, n ${n}`,
  );
  if (values.json)
    console.log(JSON.stringify({ callsPerSecond, ageP99Ms: percentileMs(ages, 0.99), p50Ms, p99Ms, n }));
} finally {
  await edge.stop();
  await site.stop();
}
