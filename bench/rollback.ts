// From the commit of a rollback to the first visitor's request without the feature, at an instance that got no push.
// Counted from the database's clock inside the transaction (before it is on disk) to the end of that answer.
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { newFeature } from "../origin/features/new-feature.ts";
import { FeatureId } from "../shared/ids.ts";
import type { Result } from "../shared/result.ts";
import { provide } from "../scripts/system-programs.ts";
import { startRedis } from "../test/support/redis.ts";
import { percentile } from "./figures.ts";
import { startIngestLoad } from "./rollback/ingest-load.ts";
import { measurePushCost } from "./rollback/push-cost.ts";
import { INGEST_TOKEN, startSetting } from "./rollback/setting.ts";
import { startVisitors, type VisitorAnswer } from "../test/support/steady-visitors.ts";

const { values } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    n: { type: "string", default: "200" },
    /** spans per second for the second series; 0 leaves it out */
    ingest: { type: "string", default: "50000" },
  },
});
provide(["redis-server"], "npm run bench -- rollback");
const n = Number(values.n);
const VISITORS_PER_SECOND = 200;
const BULK = 100;
const REDIS_DEAD_N = 20;
const KILLED_N = 5;

const by = { actor: "bench", reason: "bench" };
const got = <T, E>(result: Result<T, E>): T => {
  if (!result.ok) throw new Error(JSON.stringify(result.error));
  return result.value;
};
const has =
  (name: string) =>
  ({ features }: VisitorAnswer) =>
    features.includes(`${name}=treatment`);
const round = (value: number): number => Math.round(value * 10) / 10;
const percentileMs = (times: readonly number[], share: number): number => round(percentile(times, share));

const redis = await startRedis();
const setting = await startSetting({ redisUrl: redis.url });
const visitors = startVisitors(setting.visitorUrl, VISITORS_PER_SECOND);
try {
  const { changes, origin } = setting;
  const open = async (name: string, tags: string[] = []): Promise<FeatureId> => {
    const featureId = FeatureId.parse(name);
    const feature = newFeature({ featureId, enabled: true, rolloutBps: 10_000, holdoutBps: 0, tags });
    got(await changes.createFeature(feature, by));
    return featureId;
  };
  const featureId = await open("feat_bench");
  await visitors.first(has("feat_bench"));

  /** performance.now() of a revision's commit, by the machine's clock. */
  const committedAt = async (revision: number): Promise<number> => {
    const { rows } = await setting.pool.query<{ ms: number }>(
      "select (extract(epoch from at) * 1000)::double precision as ms from rollback_audit where revision = $1",
      [revision],
    );
    return (rows[0]?.ms ?? NaN) - performance.timeOrigin;
  };

  let stragglers = 0;
  /** One rollback; ms from its commit to the end of the first answer without the feature. */
  const measure = async ({ originDies = false } = {}): Promise<number> => {
    // A late answer may be from the time before the feature was opened.
    const openSince = performance.now();
    await sleep(50 + Math.random() * 100);
    const first = visitors.first((answer) => answer.sentAt > openSince && !has("feat_bench")(answer));
    if (originDies) await origin.kill();
    const closed = got(await changes.rollbackFeature({ featureId }, by));
    let readyAt = NaN;
    if (originDies) {
      await origin.ready();
      readyAt = performance.now();
    }
    const without = await first;
    const beganAt = originDies ? readyAt : await committedAt(closed.revision);
    // From then on nobody may get it.
    const unwatch = visitors.watch((later) => {
      if (later.sentAt > without.answeredAt && has("feat_bench")(later)) stragglers += 1;
    });
    await sleep(30);
    unwatch();
    const opened = visitors.first(has("feat_bench"));
    got(await changes.enableFeature({ featureId }, { rolloutBps: 10_000 }, by));
    await opened;
    // An origin that comes back pushes before it calls itself ready.
    return Math.max(0, without.answeredAt - beganAt);
  };

  const series = async (title: string, count: number, one: () => Promise<number> = () => measure()) => {
    const times: number[] = [];
    stragglers = 0;
    for (let i = 0; i < count; i += 1) times.push(await one());
    const figures = { p50Ms: percentileMs(times, 0.5), p99Ms: percentileMs(times, 0.99) };
    console.log(
      `${title}: p50 ${figures.p50Ms} ms, p99 ${figures.p99Ms} ms, worst ${percentileMs(times, 1)} ms, n ${count}; ` +
        `later requests with the feature: ${stragglers}`,
    );
    return { ...figures, worstMs: percentileMs(times, 1) };
  };

  await series("warm-up", Math.min(n, 30));
  const idle = await series(`idle, ${VISITORS_PER_SECOND} requests/s`, n);

  const bulk: FeatureId[] = [];
  for (let i = 0; i < BULK; i += 1) bulk.push(await open(`feat_bulk_${i}`, ["bulk"]));
  /** How often the copy in KV is written from now on; ends once it stands still for longer than writes are apart. */
  const countKvWrites = async (): Promise<number> => {
    const writtenAt = async () => /"writtenAt":(\d+)/.exec((await setting.readKvCopy()) ?? "")?.[1];
    let last = await writtenAt();
    let writes = 0;
    for (
      let unchangedSince = performance.now();
      performance.now() - unchangedSince < 2_500;
      await sleep(20)
    ) {
      const now = await writtenAt();
      if (now === last) continue;
      last = now;
      writes += 1;
      unchangedSince = performance.now();
    }
    return writes;
  };
  const rollBackAll = async (title: string, close: () => Promise<unknown>) => {
    for (const id of bulk) await changes.enableFeature({ featureId: id }, { rolloutBps: 10_000 }, by);
    await visitors.first((answer) => bulk.every((name) => has(name)(answer)));
    // What opened them is in KV before the count begins.
    await countKvWrites();
    const noneLeft = visitors.first((answer) => !bulk.some((name) => has(name)(answer)));
    const beganAt = performance.now();
    await close();
    const ms = round((await noneLeft).answeredAt - beganAt);
    // Beginning only now costs no write: the first comes a second after the first push.
    const kvWrites = await countKvWrites();
    console.log(
      `${BULK} features rolled back at once, ${title}: all gone ${ms} ms after the call, ${kvWrites} KV writes`,
    );
    return { ms, kvWrites };
  };
  const bulkAtOnce = await rollBackAll("each by itself", () =>
    Promise.all(bulk.map(async (id) => got(await changes.rollbackFeature({ featureId: id }, by)))),
  );
  const bulkByTag = await rollBackAll("by their tag", async () => got(await changes.rollbackTag("bulk", by)));

  let underIngest = { p50Ms: NaN, p99Ms: NaN };
  if (Number(values.ingest) > 0) {
    const load = startIngestLoad({
      url: origin.url,
      token: INGEST_TOKEN,
      features: bulk.slice(0, 20),
      spansPerSecond: Number(values.ingest),
    });
    await sleep(3_000);
    underIngest = await series(`under ${values.ingest} spans/s`, n);
    const { spansPerSecond, refused } = await load.stop();
    console.log(`the load came to ${spansPerSecond} spans/s, ${refused} requests refused`);
  }

  const killed = await series("origin killed before it could push, from its readiness", KILLED_N, () =>
    measure({ originDies: true }),
  );
  await redis.crash();
  const redisDead = await series("Redis dead", REDIS_DEAD_N);

  await redis.start();
  visitors.stop();
  const pushCost = await measurePushCost({
    origin: origin.pid(),
    postgres: setting.postgresPid,
    changes: n,
    change: async (i) =>
      got(
        i % 2 === 0
          ? await changes.rollbackFeature({ featureId }, by)
          : await changes.enableFeature({ featureId }, { rolloutBps: 10_000 }, by),
      ),
  });
  console.log(
    `CPU of a change that is pushed to an edge: origin ${pushCost.originCpuMs} ms, PostgreSQL ${pushCost.postgresCpuMs} ms, ` +
      `workerd ${pushCost.edgeCpuMs} ms`,
  );

  if (values.json)
    console.log(
      JSON.stringify({
        p50Ms: idle.p50Ms,
        p99Ms: idle.p99Ms,
        underIngestP50Ms: underIngest.p50Ms,
        underIngestP99Ms: underIngest.p99Ms,
        n,
        bulkMs: bulkAtOnce.ms,
        bulkKvWrites: bulkAtOnce.kvWrites,
        tagMs: bulkByTag.ms,
        tagKvWrites: bulkByTag.kvWrites,
        redisDeadWorstMs: redisDead.worstMs,
        originKilledWorstMs: killed.worstMs,
        ...pushCost,
      }),
    );
} finally {
  visitors.stop();
  await setting.stop();
  await redis.stop();
}
