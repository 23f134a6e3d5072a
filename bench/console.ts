// The console in Chromium with 1,000 features and 90 days of history: each page cold, interactions, and the heap under live changes.
import { once } from "node:events";
import { randomBytes } from "node:crypto";
import { parseArgs } from "node:util";
import { Worker } from "node:worker_threads";
import { chromium, type BrowserContext } from "playwright-core";
import { buildConsole } from "../scripts/local-stack/build-console.ts";
import { programPath } from "../scripts/system-programs.ts";
import { CONSOLE_PAGES } from "../shared/console-pages.ts";
import { fillHistory } from "./admin/history.ts";
import { fillExposures } from "./check/exposures.ts";
import { watchHeap } from "./console/heap.ts";
import { interact } from "./console/interactions.ts";
import { observe, seenBy, untilUsable } from "./console/observe.ts";
import type { BackgroundLoad } from "./ingest/load-worker.ts";
import { startIngestSetting } from "./ingest/setting.ts";

const { values } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    features: { type: "string", default: "1000" },
    exposures: { type: "string", default: "1000000" },
    /** Features whose counts fill all 90 days too. */
    long: { type: "string", default: "20" },
    /** Of live changes under the list. */
    minutes: { type: "string", default: "1" },
    rate: { type: "string", default: "1000" },
  },
});
const say = (line: string): void => {
  if (!values.json) console.log(line);
};
const ms = (value: number): string => `${value.toFixed(0)} ms`.padStart(9);

const adminToken = randomBytes(16).toString("hex");
const setting = await startIngestSetting({
  features: Number(values.features),
  env: { ADMIN_TOKEN: adminToken, CONSOLE_DIR: await buildConsole() },
  postgres: { shared_buffers: "512MB", max_wal_size: "4GB" },
  fill: async (pool) => {
    await fillExposures(pool, Number(values.exposures));
    const { evaluations } = await fillHistory(pool, { long: Number(values.long) });
    say(`${values.features} features with ${evaluations} evaluations`);
  },
});
const { url } = setting.origin;
const [example = ""] = setting.features;

const ask = async (path: string, body: unknown): Promise<void> => {
  const answer = await fetch(`${url}/admin/v1${path}`, {
    method: "POST",
    headers: { authorization: `Bearer ${adminToken}` },
    body: JSON.stringify(body),
  });
  if (!answer.ok) throw new Error(`${path} was answered with ${answer.status}: ${await answer.text()}`);
};

const browser = await chromium.launch({
  executablePath: programPath("chromium", "npm run bench -- console"),
  args: process.getuid?.() === 0 ? ["--no-sandbox"] : [],
});
/** A browser that has never been here, signed in as somebody is who was. */
const coldContext = async (session: Awaited<ReturnType<BrowserContext["storageState"]>>) =>
  browser.newContext({ viewport: { width: 1_280, height: 800 }, storageState: session });

const signIn = async () => {
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(`${url}/auth/sign-in`);
  await page.getByLabel("API token").fill(adminToken);
  await page.getByRole("button", { name: "Sign in with the token" }).click();
  await page.getByRole("heading", { name: "Features" }).waitFor();
  const session = await context.storageState();
  await context.close();
  return session;
};

try {
  const session = await signIn();
  // The page of one rollback needs one.
  await ask(`/features/${setting.features.at(-1) ?? ""}/rollback`, { reason: "the bench needs a rollback" });
  const { rows } = await setting.pool.query<{ revision: number }>("select revision from state_head");
  const revision = rows[0]?.revision ?? 0;

  const load = new Worker(new URL("ingest/load-worker.ts", import.meta.url), {
    workerData: {
      url,
      token: setting.token,
      features: setting.features.flatMap((id) => Array.from({ length: 10 }, () => id)),
      spansPerSecond: Number(values.rate),
      visitors: 100_000,
    } satisfies BackgroundLoad,
  });

  const pages = [];
  say(`${"page".padEnd(26)}    usable    paint      CLS  long tasks   gzipped`);
  for (const { path } of CONSOLE_PAGES) {
    const context = await coldContext(session);
    const page = await context.newPage();
    const network = await context.newCDPSession(page);
    await network.send("Network.enable");
    let bytes = 0;
    const ofFiles = new Set<string>();
    network.on("Network.responseReceived", ({ requestId, response }) => {
      if (!new URL(response.url).pathname.startsWith("/admin/")) ofFiles.add(requestId);
    });
    network.on("Network.loadingFinished", ({ requestId, encodedDataLength }) => {
      if (ofFiles.has(requestId)) bytes += encodedDataLength;
    });
    await observe(page);
    await page.goto(url + path.replace(":featureId", example).replace(":revision", String(revision)));
    await untilUsable(page);
    await page.waitForTimeout(1_000);
    const seen = { path, ...(await seenBy(page)), bytes };
    pages.push(seen);
    say(
      `${path.padEnd(26)} ${ms(seen.usableMs)} ${ms(seen.firstPaintMs)} ${seen.cls.toFixed(3).padStart(8)} ${String(seen.longTasks).padStart(3)}, ${ms(seen.longestTaskMs).trim().padStart(6)} ${(bytes / 1_024).toFixed(1).padStart(6)} kB`,
    );
    await context.close();
  }

  const context = await coldContext(session);
  const interactions = await interact(await context.newPage(), url);
  for (const { name, ms: took } of interactions)
    say(`${name.padEnd(26)} ${took === 0 ? "below 16 ms" : ms(took)}`);
  await context.close();

  const watched = await coldContext(session);
  const list = await watched.newPage();
  await observe(list);
  await list.goto(url);
  await untilUsable(list);
  let changes = 0;
  const heap = await watchHeap(list, {
    minutes: Number(values.minutes),
    change: () =>
      ask(`/features/${setting.features[changes++ % 20] ?? ""}/rollout`, {
        rolloutBps: 8_000 + (changes % 500),
        reason: "the bench changes it",
      }),
  });
  say(
    `heap after ${changes} changes: ${heap.samplesMb.join(", ")} MB; ${heap.growthMbPerHour} MB an hour by these`,
  );
  const live = await seenBy(list);
  say(`meanwhile ${live.longTasks} long tasks, the longest of ${live.longestTaskMs} ms`);

  const ended = once(load, "message");
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
  load.postMessage("enough");
  await ended;
  if (values.json)
    console.log(
      JSON.stringify({
        worstUsableMs: Math.round(Math.max(...pages.map(({ usableMs }) => usableMs))),
        worstFirstPaintMs: Math.round(Math.max(...pages.map(({ firstPaintMs }) => firstPaintMs))),
        worstCls: Number(Math.max(...pages.map(({ cls }) => cls)).toFixed(4)),
        inpMs: Math.max(...interactions.map(({ ms: took }) => took)),
        firstPageBytes: pages[0]?.bytes ?? 0,
        heapMb: heap.samplesMb,
        heapGrowthMbPerHour: heap.growthMbPerHour,
        liveLongestTaskMs: live.longestTaskMs,
        pages,
        interactions,
      }),
    );
} finally {
  await browser.close();
  await setting.stop();
}
