// Replaces every part of an installation while visitors and telemetry come in and a feature is rolled back again and again, and
// says what that cost: failed requests, lost spans, and how long a rollback took.
import { setTimeout as sleep } from "node:timers/promises";
import { startIngestLoad } from "../rollback/ingest-load.ts";
import { startVisitors } from "../../test/support/steady-visitors.ts";
import { ADMIN_TOKEN, ORIGIN_INGEST_TOKEN } from "../../test/support/origin.ts";
import { startWorld, until, type Part, type Version, type World } from "./world.ts";

const LOAD_FEATURES = ["feat_load_0", "feat_load_1", "feat_load_2", "feat_load_3"];
/** A feature that no visitor has got for so long is gone. */
const GONE_MS = 700;

export type RollingUpgrade = {
  readonly visits: number;
  /** One line for each request that was not answered as it should. */
  readonly failures: readonly string[];
  /** Visits that no origin has counted. */
  readonly visitsLost: number;
  readonly spansAcked: number;
  readonly spansRefused: number;
  readonly spansLost: number;
  /** From the commit until the last visitor's request was sent that still got the feature. */
  readonly rollbackMs: readonly number[];
  readonly restartMs: Readonly<Record<string, number>>;
  /** What ended processes said was wrong. */
  readonly complaints: readonly string[];
};

const ask = async (
  { urls }: World,
  method: string,
  path: string,
  body?: object,
): Promise<{ revision: number }> => {
  const answer = await fetch(`${urls.admin}/admin/v1${path}`, {
    method,
    headers: { authorization: `Bearer ${ADMIN_TOKEN}` },
    body: body === undefined ? null : JSON.stringify(body),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
  return JSON.parse(text);
};

const open = (world: World, featureId: string, more: object = {}) =>
  ask(world, "POST", "/features", {
    featureId,
    enabled: true,
    rolloutBps: 10_000,
    holdoutBps: 0,
    ...more,
  });

/** performance.now() of a revision's commit, by the machine's clock. */
const committedAt = async ({ pool }: World, revision: number): Promise<number> => {
  const { rows } = await pool.query<{ ms: number }>(
    "select (extract(epoch from at) * 1000)::double precision as ms from rollback_audit where revision = $1",
    [revision],
  );
  return (rows[0]?.ms ?? NaN) - performance.timeOrigin;
};

const count = async ({ pool }: World, text: string): Promise<number> => {
  const { rows } = await pool.query<{ count: number }>(text);
  return rows[0]?.count ?? 0;
};

/** A fold that was starved has much to catch up with. */
const FOLDED_WITHIN_MS = 300_000;
const folded = (world: World): Promise<void> =>
  until(
    "all telemetry is counted",
    async () => {
      const unfolded = await count(
        world,
        `select count(*)::integer as count from span_log l left join fold_checkpoints c using (partition, writer)
         where l.seq > coalesce(c.seq, 0)`,
      );
      return unfolded === 0;
    },
    FOLDED_WITHIN_MS,
  );

export const runRollingUpgrade = async (options: {
  from: Version;
  to: Version;
  visitorsPerSecond: number;
  spansPerSecond: number;
  /** between two restarts */
  pauseMs: number;
  parts: readonly Part[];
  say: (line: string) => void;
}): Promise<RollingUpgrade> => {
  const { from, to, visitorsPerSecond, spansPerSecond, pauseMs, parts, say } = options;
  const world = await startWorld(from, to, parts);
  try {
    for (const featureId of ["feat_steady", "feat_toggled"]) await open(world, featureId);
    // Visitors do not meet them, so that only the load is counted there.
    for (const featureId of LOAD_FEATURES) await open(world, featureId, { routes: [{ path: "/elsewhere" }] });

    let part = "nothing";
    let visits = 0;
    const failures: string[] = [];
    const fail = (sentAt: number, what: string): void => {
      failures.push(`${Math.round(sentAt)} ms, while ${part} was replaced: ${what}`);
    };
    const visitors = startVisitors(world.urls.edges, visitorsPerSecond, ({ sentAt, error }) =>
      fail(sentAt, error.message),
    );
    let isBegun = false;
    let lastWithMs = 0;
    visitors.watch(({ sentAt, status, features }) => {
      if (features.includes("feat_steady=treatment")) visits += 1;
      if (!isBegun) return;
      if (status !== 200 || !features.includes("feat_steady=treatment"))
        fail(sentAt, `${status} ${features}`);
      if (features.includes("feat_toggled=treatment")) lastWithMs = Math.max(lastWithMs, sentAt);
    });
    await visitors.first(({ features }) => features.includes("feat_toggled=treatment"));
    // Both edges have the features.
    await sleep(1_000);
    isBegun = true;
    const load = startIngestLoad({
      url: world.urls.ingest,
      token: ORIGIN_INGEST_TOKEN,
      features: LOAD_FEATURES,
      spansPerSecond,
    });

    const rollbackMs: number[] = [];
    const over = new AbortController();
    const toggling = (async () => {
      while (!over.signal.aborted) {
        const { revision } = await ask(world, "POST", "/features/feat_toggled/rollback", { reason: "bench" });
        const at = await committedAt(world, revision);
        do await sleep(GONE_MS);
        while (performance.now() - lastWithMs < GONE_MS);
        rollbackMs.push(Math.max(0, lastWithMs - at));
        await ask(world, "POST", "/features/feat_toggled/enable", { reason: "bench", rolloutBps: 10_000 });
        await visitors.first(({ features }) => features.includes("feat_toggled=treatment"));
      }
    })();

    const restartMs: Record<string, number> = {};
    const replacing = (async () => {
      await sleep(pauseMs);
      for (const { name, replace } of world.parts) {
        part = name;
        const beganAt = performance.now();
        await replace(to);
        restartMs[name] = Math.round(performance.now() - beganAt);
        say(`${name}: replaced in ${restartMs[name]} ms; ${failures.length} failed requests so far`);
        await sleep(pauseMs);
      }
    })();
    await Promise.race([replacing, toggling]);
    over.abort();
    await toggling;

    await visitors.end();
    const { acked, refused } = await load.stop();
    await world.edgesFlushed();
    const endedAt = performance.now();
    await folded(world);
    const catchUpS = (performance.now() - endedAt) / 1_000;
    const counted = await count(
      world,
      `select ((select coalesce(sum(requests), 0) from latency_sketches where feature_id like 'feat_load%')
         + (select coalesce(sum(spans), 0) from uncounted_signals where feature_id like 'feat_load%'))::integer as count`,
    );
    const units = await count(
      world,
      "select count(*)::integer as count from feature_units where feature_id = 'feat_steady'",
    );
    say(`${catchUpS.toFixed(1)} s later: counted ${counted} of ${acked} spans, ${units} of ${visits} visits`);
    return {
      visits,
      failures,
      visitsLost: Math.max(0, visits - units),
      spansAcked: acked,
      spansRefused: refused,
      spansLost: Math.max(0, acked - counted),
      rollbackMs,
      restartMs,
      complaints: world.complaints,
    };
  } finally {
    await world.stop();
  }
};
