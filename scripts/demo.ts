// `npm run demo`: a good and a bad feature before simulated visitors. Exit 0 only if the bad one was rolled back at
// the edge and the good one kept.
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import { freePort } from "../origin/db/free-port.ts";
import { makeAdminClient, type DemoFeature } from "./demo/admin-client.ts";
import { shopBehaviour } from "./demo/behaviour.ts";
import { startProbe } from "./demo/probe.ts";
import { runVisitors } from "./demo/visitors.ts";
import { parseStackEnvironment } from "./local-stack/environment.ts";
import { startStack } from "./local-stack/stack.ts";

const ARRIVALS_PER_SECOND = 40;
const PATIENCE_MS = 70_000;
const PROGRESS_EVERY_MS = 5_000;

// Seconds instead of the hours and days of a real product, so that it ends while one watches.
const windows = {
  activationWindowSeconds: 8,
  retentionWindowSeconds: 16,
  returnAfterSeconds: 3,
  evaluationWindowSeconds: 120,
};
const floors = { activationThreshold: 0.25, retentionThreshold: 0.25, latencyP95Threshold: 1_000 };
const rule = {
  ...floors,
  ...windows,
  minCohortSize: 200,
  // A slow machine makes both arms slow: held against the holdout, it closes nothing by itself.
  compare: { latency: "holdout" },
  mode: "enforce",
};
const state = { holdoutBps: 1_000, activation: { path: "/checkout", method: "POST" } };
const bad: DemoFeature = {
  featureId: "feat_smart_recs_v1",
  rolloutBps: 5_000,
  state: { ...state, routes: [{ path: "/" }] },
  rule,
};
const good: DemoFeature = {
  featureId: "feat_express_checkout",
  rolloutBps: 5_000,
  state: { ...state, routes: [{ path: "/products/*" }] },
  rule,
};

type Loop = {
  readonly edgeUrl: string;
  readonly originUrl: string;
  readonly shopUrl: string;
  readonly adminToken: string;
  readonly stop: () => Promise<void>;
};

const began = performance.now();
const say = (words: string): void => {
  console.log(`${((performance.now() - began) / 1_000).toFixed(1).padStart(5)} s  ${words}`);
};

const environment = parseStackEnvironment(process.env);
if (!environment.ok) {
  for (const line of environment.error) console.error(line);
  process.exit(2);
}

/** The stack of `npm start`, when it runs on the configured ports and its token is at hand. */
const findRunning = async (): Promise<Loop | undefined> => {
  const { ports, dataDir } = environment.value;
  const edgeUrl = `http://127.0.0.1:${ports.edge}`;
  const health = await fetch(`${edgeUrl}/.sluice/health`).catch(() => undefined);
  if (health?.ok !== true) return undefined;
  const kept = await readFile(join(dataDir, "secrets.json"), "utf8").catch(() => undefined);
  const adminToken =
    process.env["ADMIN_TOKEN"] ??
    (kept === undefined
      ? undefined
      : z.object({ adminToken: z.string() }).parse(JSON.parse(kept)).adminToken);
  if (adminToken === undefined) return undefined;
  return {
    edgeUrl,
    originUrl: `http://127.0.0.1:${ports.origin}`,
    shopUrl: `http://127.0.0.1:${ports.shop}`,
    adminToken,
    stop: async () => {},
  };
};

const startOwn = async (): Promise<Loop> => {
  const dataDir = await mkdtemp(join(tmpdir(), "sluice-demo-"));
  const [edge, origin, shop] = await Promise.all([freePort(), freePort(), freePort()]);
  const { ADMIN_TOKEN: _, ...originEnv } = environment.value.originEnv;
  const stack = await startStack({
    dataDir,
    ports: { edge, origin, shop },
    originEnv: { ...originEnv, LOG_LEVEL: process.env["LOG_LEVEL"] ?? "error" },
    edgeVars: environment.value.edgeVars,
    onLine: (line) => process.stderr.write(`${line}\n`),
  });
  return {
    edgeUrl: stack.edge.url,
    originUrl: stack.origin.url,
    shopUrl: stack.upstreamUrl,
    adminToken: stack.secrets.adminToken,
    stop: async () => {
      await stack.stop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
};

/** null when both features ended as they should, else what did not. */
const tell = async (loop: Loop): Promise<string | null> => {
  const admin = makeAdminClient(loop.originUrl, loop.adminToken);
  const setRecommendations = async (recommendations: Record<string, unknown>) => {
    const response = await fetch(`${loop.shopUrl}/control`, {
      method: "POST",
      headers: { "content-type": "application/json", authorization: `Bearer ${loop.adminToken}` },
      body: JSON.stringify({ recommendations }),
    });
    if (!response.ok) throw new Error(`the shop's control answered ${response.status}`);
  };
  await setRecommendations({ delayMs: 2_000, useful: false });
  await admin.open(bad);
  await admin.open(good);
  say(`two features open to half of the visitors: ${bad.featureId} is slow and unconvincing,`);
  say(`${good.featureId} is good. Both must have 25 % act, 25 % return and a p95 of at most 1,000 ms.`);

  const ending = new AbortController();
  const visitors = runVisitors({
    edgeUrl: loop.edgeUrl,
    arrivalsPerSecond: ARRIVALS_PER_SECOND,
    behaviour: shopBehaviour,
    signal: ending.signal,
    seed: Math.floor(Math.random() * 2 ** 31),
  });
  say(`${ARRIVALS_PER_SECOND} visitors a second come through ${loop.edgeUrl}`);
  const probe = await startProbe(loop.edgeUrl, bad.featureId);
  // A lost probe is looked at when the rollback is told; until then its failure must not end the process.
  probe.lost.catch(() => {});
  try {
    let rolledBack = false;
    let kept = false;
    const told = { bad: "", good: "" };
    let nextAtMs = 0;
    for (const deadline = performance.now() + PATIENCE_MS; performance.now() < deadline; await sleep(500)) {
      const [ofBad, ofGood] = await Promise.all([
        admin.signals(bad.featureId),
        admin.signals(good.featureId),
      ]);
      const isTime = performance.now() >= nextAtMs;
      if (isTime) nextAtMs = performance.now() + PROGRESS_EVERY_MS;
      for (const [name, { featureId }, { cohorts, latest }] of [
        ["bad", bad, ofBad],
        ["good", good, ofGood],
      ] as const) {
        const now = latest?.state ?? "";
        const isNews = now !== told[name];
        if (!isNews && (!isTime || now === "ROLLBACK")) continue;
        told[name] = now;
        say(`${featureId}: ${cohorts.treatment.exposed} exposed, ${cohorts.holdout.exposed} held out`);
        if (latest !== null) say(`  ${latest.decision.reason}`);
      }
      if (told.good === "ROLLBACK") return `${good.featureId} is good and was rolled back`;
      if (!rolledBack && told.bad === "ROLLBACK") {
        rolledBack = true;
        const entry = await admin.lastRollback(bad.featureId);
        if (entry === undefined) return "the rollback has no audit entry";
        const lostAt = await Promise.race([probe.lost, sleep(5_000)]);
        if (lostAt === undefined) return "the edge still gives the feature 5 s after its rollback";
        say(
          `closed by itself as revision ${entry.revision}. ${lostAt - entry.at.getTime()} ms after the commit a visitor`,
        );
        say(`who had the feature had received the first page without it.`);
        if (await probe.hasFeature()) return "the feature came back to a visitor who had lost it";
      }
      kept = told.good === "KEEP" || told.good === "WATCH";
      if (rolledBack && kept) break;
    }
    if (!rolledBack) return `${bad.featureId} was not rolled back in time`;
    if (!kept) return `${good.featureId} was not proven good in time`;
    return null;
  } finally {
    probe.stop();
    ending.abort();
    const tally = await visitors;
    await setRecommendations({ delayMs: 0, useful: true });
    say(
      `${tally.visitors} visitors made ${tally.requests} requests: ${tally.checkouts} checkouts, ${tally.returns} returns, ${tally.errors} errors`,
    );
  }
};

const loop = (await findRunning()) ?? (await startOwn());
say(`edge ${loop.edgeUrl}, origin ${loop.originUrl}, shop ${loop.shopUrl}`);
let failure: string | null;
try {
  failure = await tell(loop);
} finally {
  await loop.stop();
}
say(failure === null ? "the failing feature closed itself, the good one was kept" : `FAILED: ${failure}`);
process.exitCode = failure === null ? 0 : 1;
