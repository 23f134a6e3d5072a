// What may die, one after the other, and what is measured and checked each time. `npm run cluster -- --once` prints it, a test
// holds it.
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import { startLoad, type LoadReport } from "./load.ts";
import { askOnce, type Follower } from "./postgres.ts";
import { change, openAt, openFeature, timeRollback, untilEdges } from "./rollback.ts";
import type { World } from "./world.ts";

const UNDER_LOAD_MS = 1_500;
const COUNTED_MS = 30_000;

const Signals = z.object({ cohorts: z.object({ treatment: z.object({ exposed: z.number() }) }) });
const Verified = z.looseObject({ ok: z.boolean(), fault: z.string().optional() });
export type Verified = z.infer<typeof Verified>;

const round = (ms: number): number => Math.round(ms);

const verifyAudit = async (world: World): Promise<Verified> =>
  Verified.parse(await world.originAt(1).admin("GET", "/audit/verify"));

/** Units that are counted, once there are so many or after half a minute. */
const countedUnits = async (world: World, featureId: string, expected: number): Promise<number> => {
  const deadline = performance.now() + COUNTED_MS;
  for (;;) {
    const answer = await world
      .originAt(1)
      .admin("GET", `/features/${featureId}/signals`)
      .catch(() => undefined);
    const counted = answer === undefined ? 0 : Signals.parse(answer).cohorts.treatment.exposed;
    if (counted >= expected || performance.now() > deadline) return counted;
    await sleep(100);
  }
};

/** The yardstick: nothing is wrong. */
export const rollBackInCalm = async (world: World) => {
  await openFeature(world, "feat_calm");
  const { acknowledgedMs, edgesMs } = await timeRollback(world, "feat_calm");
  return { acknowledgedMs: round(acknowledgedMs), edgesMs: round(edgesMs) };
};

export type SyncReport = {
  readonly load: LoadReport;
  readonly countedUnits: number;
  readonly promotedMs: number;
  /** Asked for while there was no primary. */
  readonly rollbackMs: number;
  readonly afterwardsMs: number;
  readonly copiedAnew: readonly Follower[];
  readonly audit: Verified;
};

/** Kills the primary under load and promotes the synchronous standby. */
export const loseThePrimary = async (world: World): Promise<SyncReport> => {
  const counted = await openFeature(world, "feat_counted");
  await openFeature(world, "feat_meanwhile");
  await openFeature(world, "feat_afterwards");
  const load = startLoad(world, { featureId: "feat_counted", epoch: counted.epoch });
  await sleep(UNDER_LOAD_MS);
  await world.postgres.killPrimary();
  const killedAt = performance.now();
  const rollback = timeRollback(world, "feat_meanwhile");
  const { followAgain } = await world.postgres.promote("sync");
  const promotedMs = performance.now() - killedAt;
  const { edgesMs: rollbackMs } = await rollback;
  await sleep(UNDER_LOAD_MS);
  const { edgesMs: afterwardsMs } = await timeRollback(world, "feat_afterwards");
  const report = await load.stop();
  return {
    load: report,
    countedUnits: await countedUnits(world, "feat_counted", report.acknowledgedSpans),
    promotedMs: round(promotedMs),
    rollbackMs: round(rollbackMs),
    afterwardsMs: round(afterwardsMs),
    copiedAnew: await followAgain(),
    audit: await verifyAudit(world),
  };
};

/** Kills a master of Redis and rolls back at once, and again until its replica has taken over. */
export const loseARedisMaster = async (world: World) => {
  const features = ["feat_redis_a", "feat_redis_b", "feat_redis_c"];
  for (const featureId of features) await openFeature(world, featureId);
  await world.killRedisMaster(1);
  const killedAt = performance.now();
  const rollbacksMs: number[] = [];
  for (const featureId of features) rollbacksMs.push(round((await timeRollback(world, featureId)).edgesMs));
  while ((await world.redis.masters()).length < 3) await sleep(50);
  return { rollbacksMs, takenOverMs: round(performance.now() - killedAt) };
};

export type AsyncReport = {
  readonly reopened: readonly string[];
  readonly openAfterwards: readonly string[];
  readonly rollbackMs: number;
  readonly closedAgain: boolean;
  /** Acknowledged before the death of the primary, and copied to no standby that was promoted. */
  readonly acknowledgedSpans: number;
  /** As the origins say it. */
  readonly spansCalledLost: number;
  /** What the doctor says of the read replicas, which had followed the old primary further. */
  readonly replicas: string;
  readonly copiedAnew: readonly Follower[];
  readonly audit: Verified;
  /** What the origins said of it. */
  readonly alerts: readonly string[];
};

const Health = z.object({ findings: z.array(z.object({ check: z.string(), summary: z.string() })) });

const replicaFinding = async (world: World): Promise<string> => {
  const { findings } = Health.parse(await world.originAt(1).admin("GET", "/health"));
  return findings.find(({ check }) => check === "replica")?.summary ?? "nothing";
};

const alertsOf = (world: World): string[] =>
  world.origins.flatMap((origin) =>
    origin
      .output()
      .split("\n")
      .filter((line) => line.includes("ALERT"))
      .map((line) => z.looseObject({ msg: z.string() }).parse(JSON.parse(line)).msg),
  );

const TELEMETRY_MS = 400;

const loadFor = async (
  world: World,
  feature: { readonly epoch: number },
  ms: number,
): Promise<LoadReport> => {
  const load = startLoad(world, { featureId: "feat_late", epoch: feature.epoch });
  await sleep(ms);
  return load.stop();
};

const lostRecords = async (world: World): Promise<number> => {
  const texts = await Promise.all(
    world.origins.map(async ({ url }) => (await fetch(`${url}/metrics`)).text()),
  );
  return texts.reduce(
    (sum, text) => sum + Number(/^sluice_lost_records_total\{counted="yes"\} (.+)$/m.exec(text)?.[1] ?? 0),
    0,
  );
};

/** Promotes the asynchronous standby, which lacks the last changes: one close that the edges have, and one new feature. */
export const promoteTheLaggingStandby = async (world: World): Promise<AsyncReport> => {
  const before = alertsOf(world).length;
  await openFeature(world, "feat_kept");
  await openFeature(world, "feat_lost");
  const late = await openFeature(world, "feat_late");
  await sleep(500);
  await world.postgres.cut("async");
  await change(world, "/features/feat_lost/rollback", { reason: "too slow" });
  await untilEdges(world, (open) => !open.has("feat_lost"));
  await openFeature(world, "feat_unknown");
  const { acknowledgedSpans } = await loadFor(world, late, TELEMETRY_MS);
  // So much that the new primary does not catch up with it while this is looked at.
  await askOnce(world.postgres.url, "select pg_logical_emit_message(true, 'lost', repeat('x', 16000000))");
  await world.postgres.killPrimary();

  const reopened: string[] = [];
  const watching = new AbortController();
  const watched = (async () => {
    for (; !watching.signal.aborted; await sleep(10))
      for (const edge of world.edges) if ((await openAt(edge)).has("feat_lost")) reopened.push(edge.url);
  })();
  // Awaited below; until then its failure must not end the process.
  watched.catch(() => {});
  const { followAgain } = await world.postgres.promote("async");
  const { edgesMs } = await timeRollback(world, "feat_kept");
  // The edge's word comes with the first push of the new history.
  await untilEdges(world, (open) => !open.has("feat_unknown"));
  const { enabled } = await world.originAt(1).admin("GET", "/features/feat_lost");
  const replicas = await replicaFinding(world);
  await loadFor(world, late, TELEMETRY_MS);
  const copiedAnew = await followAgain();
  watching.abort();
  await watched;
  const [edge] = world.edges;
  return {
    reopened,
    openAfterwards: edge === undefined ? [] : [...(await openAt(edge))].toSorted(),
    rollbackMs: round(edgesMs),
    closedAgain: enabled === false,
    acknowledgedSpans,
    spansCalledLost: await lostRecords(world),
    replicas,
    copiedAnew,
    audit: await verifyAudit(world),
    alerts: alertsOf(world).slice(before),
  };
};
