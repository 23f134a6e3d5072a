// workerd's CPU time a request: pass-through, a proxy with the duties of a gate, Sluice with 1 and 100 features,
// GrowthBook's edge worker; and a new isolate.
// All on the same machine with the same visitors, in short turns, so that a slow moment meets each of them.
//
// GrowthBook's worker lets requests wait for promises of other requests, which workerd cancels: of requests that come
// together many fail. It is visited by one at a time, and so is Sluice once more, to compare it with.
import { fork, spawnSync } from "node:child_process";
import { once } from "node:events";
import { copyFile, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { freePort } from "../origin/db/free-port.ts";
import { bundleEdge } from "../scripts/local-stack/edge-server.ts";
import { coldFigures } from "./edge/cold.ts";
import { makeVisitors, type Visitors } from "./edge/load.ts";
import { push, PUSH_SECRET } from "./edge/push.ts";
import { serve, type Served } from "./edge/workerd.ts";
import { mean } from "./figures.ts";
import { installPeers } from "./peers/install.ts";

const { values } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    visitors: { type: "string", default: "10000" },
    rounds: { type: "string", default: "30" },
    requests: { type: "string", default: "1000" },
  },
});
const VISITORS = Number(values.visitors);
const ROUNDS = Number(values.rounds);
const REQUESTS = Number(values.requests);
const AT_ONCE = 32;
const here = fileURLToPath(new URL("edge/", import.meta.url));

const pushFeatures = async (url: string, count: number): Promise<void> => {
  const features = Array.from({ length: count }, (_, i) => ({
    featureId: `feat_bench_${i}`,
    enabled: true,
    rolloutBps: 5_000,
    holdoutBps: 1_000,
    version: 1,
  }));
  await push(url, { revision: 1, full: true, features });
};

/** One feature at 50 %, as GrowthBook describes it. */
const growthbookPayload = JSON.stringify({
  features: {
    feat_bench_0: {
      defaultValue: false,
      rules: [
        {
          key: "feat_bench_0",
          variations: [false, true],
          weights: [0.5, 0.5],
          coverage: 1,
          hashAttribute: "id",
        },
      ],
    },
  },
});

const bundleGrowthbook = (outDir: string): boolean => {
  if (!installPeers()) return false;
  const wrangler = fileURLToPath(new URL("../node_modules/wrangler/bin/wrangler.js", import.meta.url));
  const { status } = spawnSync(
    process.execPath,
    [wrangler, "deploy", "--config", `${here}growthbook.toml`, "--dry-run", "--outdir", outDir],
    { cwd: here, stdio: "ignore", env: { ...process.env, WRANGLER_SEND_METRICS: "false" } },
  );
  return status === 0;
};

type Contender = { name: string; served: Served; visitors: Visitors; cpuUs: number[]; rps: number[] };

const folder = await mkdtemp(join(tmpdir(), "sluice-bench-edge-"));
const outside = fork(`${here}outside.ts`, { stdio: ["ignore", "inherit", "inherit", "ipc"] });
const contenders: Contender[] = [];
try {
  const [port] = await once(outside, "message");
  const outsideUrl = `http://127.0.0.1:${port}`;
  const bundleDir = join(folder, "sluice");
  await bundleEdge(bundleDir);

  const add = async (
    name: string,
    bundle: { bundleDir: string; entry: string },
    bindings: Record<string, string>,
    { state = false, atOnce = AT_ONCE } = {},
  ): Promise<Served> => {
    const served = await serve(folder, { ...bundle, port: await freePort(), bindings, state });
    const visitors = makeVisitors(served.url, VISITORS, atOnce);
    contenders.push({ name, served, visitors, cpuUs: [], rps: [] });
    return served;
  };
  const sluice = {
    UPSTREAM_URL: outsideUrl,
    ORIGIN_URL: outsideUrl,
    INGEST_TOKEN: "ingest-token-of-the-bench",
    PUSH_KEYS: `k:${PUSH_SECRET}`,
    COOKIE_KEYS: "k:cookie-secret-of-the-edge-bench-0123456789abcdefghijklmnop",
  };
  await copyFile(`${here}pass-through.js`, join(folder, "pass-through.js"));
  await copyFile(`${here}duties.js`, join(folder, "duties.js"));
  const passThrough = { bundleDir: folder, entry: "pass-through.js" };
  await add("passThrough", passThrough, { UPSTREAM_URL: outsideUrl });
  await add("duties", { bundleDir: folder, entry: "duties.js" }, { UPSTREAM_URL: outsideUrl });
  const gate = { bundleDir, entry: "worker.js" };
  await pushFeatures((await add("gate1", gate, sluice, { state: true })).url, 1);
  await pushFeatures((await add("gate100", gate, sluice, { state: true })).url, 100);
  const growthbookDir = join(folder, "growthbook");
  if (bundleGrowthbook(growthbookDir)) {
    await pushFeatures((await add("gate1OneAtATime", gate, sluice, { state: true, atOnce: 1 })).url, 1);
    await add(
      "growthbook",
      { bundleDir: growthbookDir, entry: "growthbook.js" },
      {
        PROXY_TARGET: outsideUrl,
        GROWTHBOOK_API_HOST: outsideUrl,
        GROWTHBOOK_CLIENT_KEY: "sdk-bench",
        GROWTHBOOK_PAYLOAD: growthbookPayload,
        PERSIST_UUID: "true",
      },
      { atOnce: 1 },
    );
  } else console.log("GrowthBook's edge worker could not be installed or bundled: Sluice alone");

  for (const { visitors } of contenders) {
    await visitors.arrive();
    await visitors.visit(VISITORS);
  }
  for (let round = 0; round < ROUNDS; round++)
    for (const { served, visitors, cpuUs, rps } of contenders) {
      const before = served.cpuUs();
      rps.push(await visitors.visit(REQUESTS));
      cpuUs.push((served.cpuUs() - before) / REQUESTS);
    }

  const cpuOf = (name: string): number => {
    const found = contenders.find((each) => each.name === name);
    return found === undefined ? Number.NaN : Math.round(mean(found.cpuUs) * 10) / 10;
  };
  const residentMb = contenders.map(({ name, served }) => [name, Math.round(served.residentMb())] as const);
  for (const { name, served, visitors, cpuUs, rps } of contenders)
    console.log(
      `${name.padEnd(15)} ${mean(cpuUs).toFixed(1)} µs a request (${Math.min(...cpuUs).toFixed(0)} to ${Math.max(...cpuUs).toFixed(0)}), ` +
        `${mean(rps).toFixed(0)} requests/s, ${visitors.failed()} failed, ${served.residentMb().toFixed(0)} MB resident`,
    );
  for (const { served } of contenders) await served.stop();
  const cold = await coldFigures(
    folder,
    { ...gate, bindings: sluice, state: true },
    { ...passThrough, bindings: { UPSTREAM_URL: outsideUrl }, state: false },
  );
  const passThroughCpuUs = cpuOf("passThrough");
  const figures = {
    passThroughCpuUs,
    dutiesCpuUs: cpuOf("duties"),
    gate1CpuUs: cpuOf("gate1"),
    gate100CpuUs: cpuOf("gate100"),
    ratio1: Math.round((passThroughCpuUs / cpuOf("gate1")) * 1_000) / 1_000,
    ratio100: Math.round((passThroughCpuUs / cpuOf("gate100")) * 1_000) / 1_000,
    ratioDuties: Math.round((passThroughCpuUs / cpuOf("duties")) * 1_000) / 1_000,
    rps: Object.fromEntries(contenders.map(({ name, rps }) => [name, Math.round(mean(rps))])),
    ...(contenders.some(({ name }) => name === "growthbook")
      ? { gate1OneAtATimeCpuUs: cpuOf("gate1OneAtATime"), peers: { growthbook: cpuOf("growthbook") } }
      : { peers: {} }),
    residentMb: Object.fromEntries(residentMb),
    ...cold,
  };
  console.log(
    `ratio1 ${figures.ratio1}, ratio100 ${figures.ratio100}; the duties of a gate alone: ${figures.ratioDuties}`,
  );
  console.log(
    `a new isolate loads ${cold.bundleGzippedKb} kB gzipped, takes ${cold.coldMs} ms more than the pass-through until ` +
      `its first answer, holds ${cold.isolateMb} MB then, and takes in 1,000 rich features in ${cold.rich1000ColdMs} ms`,
  );
  if (values.json) console.log(JSON.stringify(figures));
} finally {
  for (const { served } of contenders) await served.stop();
  outside.kill();
  await rm(folder, { recursive: true, force: true });
}
