// Hit ratio, CPU and rollbacks of pages that the edge keeps for cohorts, beside no gate and beside no kept pages.
//
// 10,000 visitors look at 50 pages on the routes of three features. Without a gate a cache asks the site once for each page;
// with one it has to ask once for each page and combination of cohorts that meet it. The bench counts these, and what the
// site was asked in truth. workerd by itself has no Cache API, so this is the memory of one isolate.
import { fork } from "node:child_process";
import { once } from "node:events";
import { copyFile, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { freePort } from "../origin/db/free-port.ts";
import { bundleEdge } from "../scripts/local-stack/edge-server.ts";
import { makeVisitors, type Visit, type Visitors } from "./cache/visitors.ts";
import { push, PUSH_SECRET } from "./edge/push.ts";
import { mean, percentile } from "./figures.ts";
import { serve, type Served } from "./edge/workerd.ts";

const { values } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    quick: { type: "boolean", default: false },
  },
});
const VISITORS = 10_000;
const ROUNDS = values.quick ? 5 : 30;
const REQUESTS = 1_000;
const ROLLBACKS = values.quick ? 20 : 200;
const AT_ONCE = 32;
/** A visitor of the rolled-back feature asks so often. */
const ASK_EVERY_MS = 1;

const rounded = (number: number, digits: number): number => Math.round(number * 10 ** digits) / 10 ** digits;

const featuresAt = (revision: number) =>
  [0, 1, 2].map((i) => ({
    featureId: `feat_bench_${i}`,
    // The first one is open at every other revision.
    enabled: i > 0 || revision % 2 === 1,
    epoch: i > 0 ? 1 : Math.ceil(revision / 2),
    version: i > 0 ? 1 : revision,
    rolloutBps: 5_000,
    holdoutBps: 1_000,
    routes: [{ path: "/products/*" }],
    gate: i > 0 ? null : { html: { elements: true } },
  }));

const pushAt = (url: string, revision: number): Promise<void> =>
  push(url, { revision, full: true, features: featuresAt(revision) });

type Contender = {
  readonly name: string;
  readonly served: Served;
  readonly visitors: Visitors;
  readonly cpuUs: number[];
  visits: Visit[];
  upstreamRequests: number;
};

const folder = await mkdtemp(join(tmpdir(), "sluice-bench-cache-"));
const here = fileURLToPath(new URL("./", import.meta.url));
const site = fork(`${here}cache/site.ts`, { stdio: ["ignore", "inherit", "inherit", "ipc"] });
const contenders: Contender[] = [];

/** Requests that reached the site since this was asked last. */
const countRequests = async (): Promise<number> => {
  site.send("count");
  const [count] = await once(site, "message");
  return Number(count);
};

/** From the push until a visitor of the feature gets the page of the other state. */
const change = async ({ served, visitors, visits }: Contender, revision: number): Promise<number> => {
  const visitor = visits.find(({ isOpen }) => isOpen)?.visitor ?? 0;
  const begunMs = performance.now();
  const pushing = pushAt(served.url, revision);
  while ((await visitors.visitOf(visitor)).isOpen !== (revision % 2 === 1))
    await new Promise((wake) => setTimeout(wake, ASK_EVERY_MS));
  const tookMs = performance.now() - begunMs;
  await pushing;
  return tookMs;
};

/** Times of rollbacks, the contenders in turns. */
const rollBack = async (those: readonly Contender[]): Promise<number[][]> => {
  const times = those.map((): number[] => []);
  for (let rollback = 1; rollback <= ROLLBACKS; rollback++)
    for (const [at, contender] of those.entries()) {
      times[at]?.push(await change(contender, 2 * rollback));
      await change(contender, 2 * rollback + 1);
    }
  return times;
};

try {
  const [port] = await once(site, "message");
  const siteUrl = `http://127.0.0.1:${port}`;
  const bundleDir = join(folder, "sluice");
  await bundleEdge(bundleDir);
  await copyFile(`${here}edge/pass-through.js`, join(folder, "pass-through.js"));
  await copyFile(`${here}cache/no-gate.js`, join(folder, "no-gate.js"));

  const add = async (name: string, entry: string, bindings: Record<string, string>): Promise<void> => {
    const isGate = entry === "worker.js";
    const served = await serve(folder, {
      bundleDir: isGate ? bundleDir : folder,
      entry,
      port: await freePort(),
      bindings: { UPSTREAM_URL: siteUrl, ...bindings },
      state: isGate,
    });
    if (isGate) await pushAt(served.url, 1);
    // Before the site is counted, each has begun.
    await fetch(`${served.url}/begin`);
    await countRequests();
    const visitors = makeVisitors(served.url, VISITORS, AT_ONCE);
    contenders.push({ name, served, visitors, cpuUs: [], visits: [], upstreamRequests: 0 });
  };
  const sluice = {
    ORIGIN_URL: siteUrl,
    INGEST_TOKEN: "ingest-token-of-the-bench",
    PUSH_KEYS: `k:${PUSH_SECRET}`,
    COOKIE_KEYS: "k:cookie-secret-of-the-cache-bench-0123456789abcdefghijklmnop",
  };
  await add("pass-through", "pass-through.js", {});
  await add("no gate, cached", "no-gate.js", {});
  await add("gate, not kept", "worker.js", { ...sluice, KEEP_PAGES: "off" });
  await add("gate, kept", "worker.js", sluice);

  for (const contender of contenders) {
    contender.visits = await contender.visitors.visit(VISITORS);
    contender.upstreamRequests = await countRequests();
  }
  // Everyone once more: from now on cookies are known, and pages kept.
  for (const { visitors } of contenders) await visitors.visit(VISITORS);
  for (let round = 0; round < ROUNDS; round++)
    for (const { served, visitors, cpuUs } of contenders) {
      const before = served.cpuUs();
      await visitors.visit(REQUESTS);
      cpuUs.push((served.cpuUs() - before) / REQUESTS);
    }
  const find = (name: string): Contender => {
    const found = contenders.find((each) => each.name === name);
    if (found === undefined) throw new Error(`no contender "${name}"`);
    return found;
  };
  const hitRatioOf = ({ upstreamRequests }: Contender): number => 1 - upstreamRequests / VISITORS;
  const cpuOf = ({ cpuUs }: Contender): number => rounded(mean(cpuUs), 1);
  const ungated = find("no gate, cached");
  const today = find("gate, not kept");
  const gate = find("gate, kept");
  const pairs = new Set(gate.visits.map(({ path, told }) => `${path} ${told}`)).size;
  const combinations = pairs / new Set(gate.visits.map(({ path }) => path)).size;
  const [todayRollbackMs = [], rollbackMs = []] = await rollBack([today, gate]);

  const figures = {
    hitRatio: rounded(hitRatioOf(gate), 4),
    ungatedHitRatio: rounded(hitRatioOf(ungated), 4),
    todayHitRatio: rounded(hitRatioOf(today), 4),
    cohortCombinations: rounded(combinations, 1),
    expectedHitRatio: rounded(1 - (1 - hitRatioOf(ungated)) * combinations, 4),
    upstreamRequests: gate.upstreamRequests,
    ungatedUpstreamRequests: ungated.upstreamRequests,
    todayUpstreamRequests: today.upstreamRequests,
    cachedGateCpuUs: cpuOf(gate),
    todayCpuUs: cpuOf(today),
    ungatedCachedCpuUs: cpuOf(ungated),
    passThroughCpuUs: cpuOf(find("pass-through")),
    rollbackP50Ms: rounded(percentile(rollbackMs, 0.5), 1),
    rollbackP99Ms: rounded(percentile(rollbackMs, 0.99), 1),
    todayRollbackP50Ms: rounded(percentile(todayRollbackMs, 0.5), 1),
    todayRollbackP99Ms: rounded(percentile(todayRollbackMs, 0.99), 1),
  };
  for (const contender of contenders)
    console.log(
      `${contender.name.padEnd(16)} hit ratio ${hitRatioOf(contender).toFixed(3)}, ` +
        `${String(contender.upstreamRequests).padStart(5)} of ${VISITORS} visits reached the site, ` +
        `${mean(contender.cpuUs).toFixed(1)} µs a request (${Math.min(...contender.cpuUs).toFixed(0)} to ${Math.max(...contender.cpuUs).toFixed(0)}), ` +
        `${contender.visitors.failed()} failed, ${contender.served.residentMb().toFixed(0)} MB resident`,
    );
  console.log(
    `expected of ${figures.cohortCombinations} combinations of cohorts a page: ${figures.expectedHitRatio}, ` +
      `found: ${figures.hitRatio}`,
  );
  console.log(
    `rollback to the visitor, n = ${ROLLBACKS}: p50 ${figures.rollbackP50Ms} ms, p99 ${figures.rollbackP99Ms} ms; ` +
      `not kept: p50 ${figures.todayRollbackP50Ms} ms, p99 ${figures.todayRollbackP99Ms} ms`,
  );
  if (values.json) console.log(JSON.stringify(figures));
} finally {
  for (const { served } of contenders) await served.stop();
  site.kill();
  await rm(folder, { recursive: true, force: true });
}
