// Kills parts of the installation under load, again and again, and compares in the end the acknowledged spans with the
// counted ones. Clients behave as OTLP asks: they send the same bytes again until they are acknowledged.
import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Client } from "pg";
import { freePort } from "../../origin/db/free-port.ts";
import { startEmbeddedPostgres } from "../../origin/db/embedded-postgres.ts";
import { migrate } from "../../origin/db/migrate.ts";
import { startOriginProcess } from "../../scripts/local-stack/origin-process.ts";
import { jsonRequest, newUnit, type TestSpan } from "../support/otlp-spans.ts";
import { waitFor } from "../support/telemetry.ts";
import { seededRandom, shuffledDeck, startLogServers, type LogFault } from "./log-servers.ts";

const FEATURE = "feat_faults";
const SPANS = 20;
const SENDERS = 4;

const VICTIMS = ["ingest", "fold", "backend", "postgres"] as const;
type Victim = (typeof VICTIMS)[number] | LogFault;

export type FaultReport = {
  kills: number;
  /** which part of the installation each was of */
  victims: Readonly<Record<string, number>>;
  /** spans acknowledged at last, each sent once or more */
  acked: number;
  /** requests sent again because they were refused or their answer was lost */
  retries: number;
  countedRequests: number;
  units: number;
  countedUnits: number;
};

/**
 * One process takes telemetry in (two with JetStream), two fold it; `kills` times one of them, a backend or all of PostgreSQL gets a
 * SIGKILL at a random moment, and with JetStream one of its servers is harmed. `say` is called with each step. Equal
 * seeds do equal harm in the same order.
 */
export const runFaults = async (options: {
  kills: number;
  log?: "postgres" | "jetstream";
  seed?: number;
  /** in this order, in place of a shuffled deck of all */
  victims?: readonly Victim[];
  say: (line: string) => void;
}): Promise<FaultReport> => {
  const { kills, say } = options;
  const random = seededRandom(options.seed ?? Date.now());
  const folder = await mkdtemp(join(tmpdir(), "sluice-faults-"));
  const token = randomBytes(16).toString("hex");
  const databasePort = await freePort();
  const startPostgres = () =>
    startEmbeddedPostgres({ dataDir: folder, port: databasePort, settings: { max_connections: "60" } });
  let postgres = await startPostgres();
  await migrate(postgres.url);
  const url = postgres.url;
  const servers = options.log === "jetstream" ? await startLogServers(random) : undefined;
  const victims: readonly Victim[] = servers === undefined ? VICTIMS : [...VICTIMS, ...servers.faults];

  const ask = async <T extends object>(text: string, values: unknown[] = []): Promise<T[]> => {
    const client = new Client({ connectionString: url });
    client.on("error", () => {});
    await client.connect();
    try {
      return (await client.query<T>(text, values)).rows;
    } finally {
      await client.end();
    }
  };
  await ask(
    "insert into feature_flags (feature_id, enabled, rollout_bps, holdout_bps, revision) values ($1, true, 9000, 1000, 1)",
    [FEATURE],
  );

  const start = async (roles: string) =>
    startOriginProcess({
      port: await freePort(),
      env: {
        DATABASE_URL: url,
        ROLES: roles,
        INGEST_TOKEN: token,
        ADMIN_TOKEN: randomBytes(16).toString("hex"),
        DATA_DIR: folder,
        LOG_LEVEL: "fatal",
        ...servers?.env,
      },
      onLine: () => {},
    });
  const ingests = [await start("ingest")];
  if (servers !== undefined) ingests.push(await start("ingest"));
  const folds = [await start("fold"), await start("fold")];
  const ready = () => Promise.all([...ingests, ...folds].map((origin) => origin.ready()));

  const units = new Set<string>();
  let acked = 0;
  let retries = 0;
  const enough = new AbortController();
  const harmed: Record<string, number> = {};

  const pick = <T>(from: readonly T[]): T | undefined => from[Math.floor(random() * from.length)];
  const post = (body: string): Promise<number> =>
    fetch(`${ingests[Math.floor(Math.random() * ingests.length)]?.url}/v1/traces`, {
      method: "POST",
      body,
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      signal: AbortSignal.timeout(10_000),
    }).then(
      async (response) => {
        await response.arrayBuffer();
        return response.status;
      },
      () => 0,
    );

  const sender = async (): Promise<void> => {
    while (!enough.signal.aborted) {
      const spans: TestSpan[] = Array.from({ length: SPANS }, (_, i) => ({
        feature: FEATURE,
        unit: i % 2 === 0 ? newUnit() : `regular ${Math.floor(Math.random() * 5_000)}`,
        variant: "treatment",
      }));
      const body = JSON.stringify(jsonRequest(spans));
      while ((await post(body)) !== 200) {
        retries++;
        await sleep(100);
      }
      acked += SPANS;
      for (const { unit } of spans) if (unit !== undefined) units.add(unit);
      // Now and then a client that did not see the answer sends it all once more.
      if (Math.random() < 0.05 && (await post(body)) !== 200) retries++;
      await sleep(10);
    }
  };
  const kill = async (victim: Victim): Promise<void> => {
    switch (victim) {
      case "ingest":
        return pick(ingests)?.kill();
      case "fold":
        return pick(folds)?.kill();
      case "backend": {
        const backends = await ask<{ pid: number }>(
          "select pid from pg_stat_activity where application_name like 'sluice-%' order by random() limit 1",
        ).catch(() => []);
        try {
          if (backends[0] !== undefined) process.kill(backends[0].pid, "SIGKILL");
        } catch (error) {
          // It has ended by itself since it was listed.
          if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
        }
        return;
      }
      case "postgres": {
        process.kill(postgres.pid, "SIGKILL");
        await postgres.ended;
        // Its children end by themselves when they notice; until then the data is in use.
        postgres = await waitFor(() => startPostgres().catch(() => undefined), 60_000);
        return;
      }
      case "leader":
      case "pause":
      case "serverNetwork":
      case "clientNetwork":
      case "disk":
        await servers?.harm(victim);
    }
  };

  const draw = shuffledDeck(victims, random);
  try {
    await ready();
    const senders = Array.from({ length: SENDERS }, sender);
    for (let n = 0; n < kills; n++) {
      await sleep(300 + random() * 1_200);
      const inTurn = options.victims ?? (servers === undefined ? VICTIMS : undefined);
      const victim = (inTurn === undefined ? draw() : inTurn[n % inTurn.length]) ?? "ingest";
      harmed[victim] = (harmed[victim] ?? 0) + 1;
      say(`kill ${n + 1}: ${victim}`);
      await kill(victim);
      // The killed process runs again before the next kill: otherwise the load would seldom be on.
      await ready();
    }
    await sleep(500);
    enough.abort();
    await Promise.all(senders);
    await waitFor(async () => {
      const rows = await ask<{ open: boolean }>(
        `select exists (select from span_log l left join fold_checkpoints c using (partition, writer)
           where l.seq > coalesce(c.seq, 0)) as open`,
      ).catch(() => []);
      return rows[0]?.open === false && (await servers?.isFolded(url)) !== false;
    }, 120_000);
    const [counted] = await ask<{ requests: number; units: number }>(
      `select (select sum(requests)::integer from latency_sketches) as requests,
         (select sum(units)::integer from outcome_counts where signal = 'exposure') as units`,
    );
    return {
      kills,
      victims: harmed,
      acked,
      retries,
      countedRequests: counted?.requests ?? 0,
      units: units.size,
      countedUnits: counted?.units ?? 0,
    };
  } finally {
    enough.abort();
    await Promise.all([...ingests, ...folds].map((origin) => origin.stop()));
    await servers?.stop();
    await postgres.stop();
    await rm(folder, { recursive: true, force: true });
  }
};
