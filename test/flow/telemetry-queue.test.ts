// An origin that is away, and a queue between: what visitors did meanwhile is counted when it is back.
import { afterAll, beforeAll, expect, test } from "vitest";
import { z } from "zod";
import { startCuttableProxy, type CuttableProxy } from "../support/cuttable-proxy.ts";
import { makeTestDatabase, type TestDatabase } from "../support/database.ts";
import { startTestEdge, type TestEdge } from "../support/edge.ts";
import { startTestSite, type TestSite } from "../support/site.ts";
import {
  createFeature,
  INGEST_TOKEN,
  startTelemetry,
  waitFor,
  type TestTelemetry,
} from "../support/telemetry.ts";

const VISITORS = 1_500;
const BROWSER = { "User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0" };
const Health = z.object({ telemetry: z.object({ sent: z.number(), waiting: z.number() }) });

let database: TestDatabase;
let telemetry: TestTelemetry;
let way: CuttableProxy;
let site: TestSite;
let edge: TestEdge;

beforeAll(async () => {
  database = await makeTestDatabase();
  await createFeature(database, "feat_queue");
  telemetry = await startTelemetry(database);
  way = await startCuttableProxy(telemetry.url);
  site = await startTestSite();
  edge = await startTestEdge(
    { UPSTREAM_URL: site.url, ORIGIN_URL: way.url, INGEST_TOKEN },
    { telemetryQueue: "sluice-telemetry" },
  );
  const feature = { featureId: "feat_queue", enabled: true, rolloutBps: 10_000, version: 1, epoch: 1 };
  await edge.push({ revision: 1, full: true, features: [feature] });
});
afterAll(async () => {
  await edge.stop();
  await site.stop();
  way.stop();
  await telemetry.stop();
  await database.drop();
});

const visit = async (count: number): Promise<void> => {
  for (let n = 0; n < count; n += 50)
    await Promise.all(
      Array.from({ length: Math.min(50, count - n) }, async () => {
        const page = await fetch(`${edge.url}/page`, { headers: BROWSER });
        await page.arrayBuffer();
      }),
    );
};

const sent = async (): Promise<number> => {
  const { telemetry: stats } = Health.parse(await (await fetch(`${edge.url}/.sluice/health`)).json());
  return stats.waiting === 0 ? stats.sent : 0;
};

const exposed = async (): Promise<number> => {
  const { rows } = await database.pool.query<{ units: number | null }>(
    "select sum(units)::integer as units from outcome_counts where signal = 'exposure'",
  );
  return rows[0]?.units ?? 0;
};

test("telemetry leaves the isolate while the origin is away, and is counted once when it is back", async () => {
  await visit(5);
  await waitFor(async () => (await exposed()) === 5);

  way.cut();
  await visit(VISITORS);
  await waitFor(async () => (await sent()) >= 5 + VISITORS);
  expect(await exposed()).toBe(5);

  way.mend();
  await waitFor(async () => (await exposed()) === 5 + VISITORS, 50_000);
});
