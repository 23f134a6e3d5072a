// From the commit of a rollback to the first visitor's request without the feature, at an instance that got no push.
// Counted from the database's clock inside the transaction (before it is on disk) to the end of that answer.
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { newFeature } from "../origin/rollback/plan.ts";
import { FeatureId } from "../shared/ids.ts";
import type { Result } from "../shared/result.ts";
import { startSetting } from "./rollback/setting.ts";
import { startVisitors, type Seen } from "./rollback/visitors.ts";

const { values } = parseArgs({
  options: { json: { type: "boolean", default: false }, n: { type: "string", default: "200" } },
});
const n = Number(values.n);
const VISITORS_PER_SECOND = 200;
const BULK = 100;

const by = { actor: "bench", reason: "bench" };
const got = <T, E>(result: Result<T, E>): T => {
  if (!result.ok) throw new Error(JSON.stringify(result.error));
  return result.value;
};
const has = (name: string) => (seen: Seen) => seen.features.includes(`${name}=treatment`);
/** performance.now() of a moment by the machine's clock. */
const onOurClock = (at: Date): number => at.getTime() - performance.timeOrigin;
const percentile = (values_: readonly number[], p: number): number => {
  const sorted = values_.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil(p * sorted.length) - 1)] ?? NaN;
};
const round = (value: number): number => Math.round(value * 10) / 10;

const setting = await startSetting();
const visitors = startVisitors(setting.visitorUrl, VISITORS_PER_SECOND);
try {
  const { changes } = setting;
  const featureId = FeatureId.parse("feat_bench");
  got(
    await changes.createFeature(
      newFeature({ featureId, enabled: true, rolloutBps: 10_000, holdoutBps: 0 }),
      by,
    ),
  );
  await visitors.first(has("feat_bench"));

  const measure = async (): Promise<{ ms: number; stragglers: number }> => {
    await sleep(50 + Math.random() * 100);
    const first = visitors.first((seen) => !has("feat_bench")(seen));
    const closed = got(await changes.rollbackFeature({ featureId }, by));
    const seen = await first;
    // From then on nobody may get it.
    let stragglers = 0;
    const unwatch = visitors.watch((later) => {
      if (later.sentAt > seen.answeredAt && has("feat_bench")(later)) stragglers += 1;
    });
    await sleep(30);
    unwatch();
    const open = visitors.first(has("feat_bench"));
    got(await changes.enableFeature({ featureId }, 10_000, by));
    await open;
    return { ms: seen.answeredAt - onOurClock(closed.at), stragglers };
  };

  const series = async (title: string) => {
    const times: number[] = [];
    let stragglers = 0;
    for (let i = 0; i < n; i += 1) {
      const one = await measure();
      times.push(one.ms);
      stragglers += one.stragglers;
    }
    const figures = { p50Ms: round(percentile(times, 0.5)), p99Ms: round(percentile(times, 0.99)) };
    console.log(
      `${title}: p50 ${figures.p50Ms} ms, p99 ${figures.p99Ms} ms, worst ${round(Math.max(...times))} ms, ` +
        `n ${n}; later requests with the feature: ${stragglers}; failed requests: ${visitors.failed()}`,
    );
    return figures;
  };

  await series("warm-up");
  const idle = await series(`idle, ${VISITORS_PER_SECOND} requests/s`);

  const names = Array.from({ length: BULK }, (_, i) => FeatureId.parse(`feat_bulk_${i}`));
  for (const name of names) {
    got(
      await changes.createFeature(
        newFeature({ featureId: name, enabled: true, rolloutBps: 10_000, holdoutBps: 0, tags: ["bulk"] }),
        by,
      ),
    );
  }
  await visitors.first((seen) => names.every((name) => has(name)(seen)));
  const noneLeft = visitors.first((seen) => !names.some((name) => has(name)(seen)));
  const beganAt = performance.now();
  await Promise.all(names.map(async (name) => got(await changes.rollbackFeature({ featureId: name }, by))));
  const bulkMs = round((await noneLeft).answeredAt - beganAt);
  console.log(`${BULK} features rolled back at once, each by itself: all gone after ${bulkMs} ms`);

  if (values.json) console.log(JSON.stringify({ ...idle, n, bulkMs }));
} finally {
  visitors.stop();
  await setting.stop();
}
