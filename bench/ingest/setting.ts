// The setting of the telemetry benches: a PostgreSQL that syncs to disk, an origin process and features.
import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "../../origin/db/free-port.ts";
import { startEmbeddedPostgres } from "../../origin/db/embedded-postgres.ts";
import { migrate } from "../../origin/db/migrate.ts";
import { makePool, type Pool } from "../../origin/db/pool.ts";
import { readAllPositions } from "../../origin/aggregate/checkpoints.ts";
import type { JetStreamSettings } from "../../origin/span-log/jetstream/settings.ts";
import { openSpanLog } from "../../origin/span-log/open-span-log.ts";
import { startOriginProcess } from "../../scripts/local-stack/origin-process.ts";

/** Open features that never fail, and their ids. */
export const declareFeatures = async (pool: Pool, count: number): Promise<string[]> => {
  const features = Array.from({ length: count }, (_, i) => `feat_bench_${i}`);
  await pool.query(
    `insert into feature_flags (feature_id, enabled, rollout_bps, holdout_bps, revision)
     select id, true, 9000, 1000, 1 from unnest($1::text[]) id`,
    [features],
  );
  await pool.query(
    `insert into pmf_rules (feature_id, rule)
     select id, jsonb_build_object('featureId', id, 'activationThreshold', 0.01, 'retentionThreshold', 0.01,
       'latencyP95Threshold', 1000, 'minCohortSize', 1000, 'evaluationWindowSeconds', 604800)
     from unnest($1::text[]) id`,
    [features],
  );
  return features;
};

export const startIngestSetting = async (options: {
  features: number;
  env?: Record<string, string>;
  /** JetStream, which keeps acknowledged telemetry in place of PostgreSQL */
  spanLog?: JetStreamSettings | null;
  /** PostgreSQL's settings beside its defaults */
  postgres?: Record<string, string>;
  /** fills the database before the origin starts */
  fill?: (pool: Pool) => Promise<void>;
}) => {
  const folder = await mkdtemp(join(tmpdir(), "sluice-bench-"));
  const token = randomBytes(16).toString("hex");
  const postgres = await startEmbeddedPostgres({ dataDir: folder, settings: options.postgres ?? {} });
  await migrate(postgres.url);
  const pool = makePool(postgres.url, { applicationName: "sluice-bench", onIdleError: () => {} });
  const features = await declareFeatures(pool, options.features);
  await options.fill?.(pool);
  const origin = startOriginProcess({
    port: await freePort(),
    env: {
      DATABASE_URL: postgres.url,
      INGEST_TOKEN: token,
      ADMIN_TOKEN: randomBytes(16).toString("hex"),
      LOG_LEVEL: "warn",
      ...(options.spanLog == null
        ? {}
        : { SPAN_LOG_URL: options.spanLog.urls.join(","), SPAN_LOG_PREFIX: options.spanLog.prefix }),
      ...options.env,
    },
    onLine: (line) => process.stderr.write(`${line}\n`),
  });
  await origin.ready();
  const spanLog = await openSpanLog({
    settings: options.spanLog ?? null,
    name: "sluice-bench",
    pool,
    onProblem: (problem) => process.stderr.write(`${problem}\n`),
  });
  await spanLog.check();

  /** With those that are left out for a stated reason: some units of the load make more requests than count of one. */
  const countedRequests = async (): Promise<number> => {
    const { rows } = await pool.query<{ counted: number }>(
      `select (select coalesce(sum(requests), 0) from latency_sketches)
         + (select coalesce(sum(spans), 0) from uncounted_signals) as counted`,
    );
    return rows[0]?.counted ?? 0;
  };

  return {
    postgres,
    pool,
    origin,
    token,
    features,
    folder,
    countedRequests,
    /** Waits until nothing acknowledged is unfolded. */
    folded: async (): Promise<void> => {
      for (;;) {
        await new Promise((wake) => setTimeout(wake, 200));
        if ((await spanLog.reader.unfoldedSeconds(await readAllPositions(pool))) > 0) continue;
        const { rows } = await pool.query<{ open: boolean }>(
          `select exists (select from span_log l left join fold_checkpoints c using (partition, writer)
             where l.seq > coalesce(c.seq, 0)) as open`,
        );
        if (rows[0]?.open === false) return;
      }
    },
    stop: async (): Promise<void> => {
      await origin.stop();
      await spanLog.stop();
      await pool.end();
      await postgres.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
};
export type IngestSetting = Awaited<ReturnType<typeof startIngestSetting>>;
