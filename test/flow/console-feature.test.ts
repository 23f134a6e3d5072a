// The page of one feature in Chromium: what its charts draw equals the API's data, and what a person may do is said before.
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { z } from "zod";
import { emptySketch, encodeSketch, recordLatency } from "../../shared/telemetry/latency-sketch.ts";
import { startBrowser } from "../support/browser.ts";
import { makeTestDatabase } from "../support/database.ts";
import { makeTestStack } from "../support/stack.ts";

const database = await makeTestDatabase();
const stack = await makeTestStack({ originEnv: { DATABASE_URL: database.url } });
/** Closed, so that no evaluation comes in the middle of a test. */
const SEEN = "feat_seen";
/** Open and on its ramp. */
const RAMP = "feat_ramp";
const HOUR_MS = 3_600_000;

let browser: Browser;
let page: Page;

const rule = {
  activationThreshold: 0.2,
  retentionThreshold: 0,
  latencyP95Threshold: 200,
  minCohortSize: 100,
  evaluationWindowSeconds: 1_209_600,
};

const sketchOf = (slow: number): Uint8Array => {
  const sketch = emptySketch();
  for (let i = 0; i < 100; i += 1) recordLatency(sketch, i < slow ? 700 : 60);
  return encodeSketch(sketch);
};

/** The `i`-th of a feature's evaluations: the evidence against it grows. */
const decisionAt = (i: number) => ({
  action: "WAIT",
  state: "TESTING",
  isValid: false,
  score: null,
  details: {
    activation: 0.15,
    retention: null,
    p95_latency: null,
    error_rate: null,
    exposed: { treatment: 100 * i, holdout: 90 * i },
  },
  evidence: {
    tests: [
      {
        signal: "activation",
        against: "threshold",
        ageSeconds: 86_400,
        threshold: 0.2,
        treatment: { n: 100 * i, s: 15 * i },
        holdout: { n: 90 * i, s: 20 * i },
        immature: 0,
        leftOut: 0,
        rate: 0.15,
        logEvidence: i * Math.LN10,
        logBar: Math.log(25_000),
        comparison: null,
        onlyTreatment: null,
        alarm: null,
        counts: true,
      },
    ],
    keep: [{ signal: "activation", logEvidence: -i, logBar: Math.log(20), counts: true }],
    sampleRatio: { logEvidence: 0, logBar: Math.log(1_000) },
  },
  explained: [
    {
      signal: "activation",
      ageSeconds: 86_400,
      interval: { lower: 0.1, upper: 0.2 },
      lift: null,
      posterior: 0.1,
      unitsToRollback: 100,
      unitsToKeep: null,
    },
  ],
  cause: [],
  reason: "not enough for either decision",
  epoch: 1,
  ruleVersion: 1,
});

const insertTrial = async (featureId: string): Promise<void> => {
  for (const i of [1, 2, 3])
    await database.pool.query(
      `insert into pmf_evaluations (feature_id, epoch, rule_version, at, mode, action, state, mature, decision)
       values ($1, 1, 1, $2, 'enforce', 'WAIT', 'TESTING', 0, $3)`,
      [featureId, new Date(Date.now() - (4 - i) * HOUR_MS), decisionAt(i)],
    );
  await database.pool.query(
    `insert into pmf_trials (feature_id, epoch, terms, seq, evidence, treatment_sketch, holdout_sketch)
     values ($1, 1, 'terms', 1, $2, $3, $4)
     on conflict (feature_id, epoch) do update set evidence = excluded.evidence,
       treatment_sketch = excluded.treatment_sketch, holdout_sketch = excluded.holdout_sketch`,
    [
      featureId,
      {
        sampleRatio: {
          since: 1_790_000_000,
          rolloutBps: 1_000,
          holdoutBps: 1_000,
          treatment: 300,
          holdout: 270,
        },
      },
      sketchOf(20),
      sketchOf(5),
    ],
  );
};

const open = (featureId: string) =>
  stack.admin("POST", `/features/${featureId}/enable`, { reason: "the test opens it" });

beforeAll(async () => {
  const shares = { rolloutBps: 1_000, holdoutBps: 1_000 };
  await stack.admin("POST", "/features", { featureId: SEEN, ...shares });
  await stack.admin("PUT", `/features/${SEEN}/rule`, rule, { "if-match": "*" });
  await stack.admin("PUT", `/features/${SEEN}/rule`, { ...rule, minCohortSize: 250 }, { "if-match": "*" });
  await stack.admin("POST", "/annotations", {
    title: "Deploy 4711",
    link: "https://ci.example/4711",
    features: [SEEN],
  });
  await stack.admin("POST", "/features", { featureId: RAMP, ...shares });
  const ramp = { stagesBps: [1_000, 5_000, 9_000], minStageSeconds: 86_400 };
  await stack.admin("PUT", `/features/${RAMP}/rule`, { ...rule, mode: "enforce", ramp }, { "if-match": "*" });
  await open(RAMP);
  await stack.admin("POST", "/features", { featureId: "feat_needs_it", ...shares, requires: [RAMP] });
  await open("feat_needs_it");
  browser = await startBrowser();
  page = await browser.newPage({ acceptDownloads: true });
  await page.goto(`${stack.origin.url}/`);
  await page.getByLabel("API token").fill(stack.secrets.adminToken);
  await page.getByRole("button", { name: "Sign in with the token" }).click();
  await page.getByRole("heading", { name: "Features" }).waitFor();
});
afterAll(async () => {
  await browser.close();
  await stack.stop();
  await database.drop();
});

const visit = async (featureId: string): Promise<void> => {
  await page.goto(`${stack.origin.url}/features/${featureId}`);
  await page.getByRole("heading", { level: 1, name: featureId }).waitFor();
};
/** The cells of a chart's table, the newest row first. */
const tableOf = async (name: string): Promise<string[][]> => {
  const view = page.locator("details.table-view").filter({ hasText: `As a table: ${name}` });
  await view.waitFor();
  await view.evaluate((element) => {
    element.setAttribute("open", "");
  });
  const rows = view.locator("tbody tr");
  return Promise.all((await rows.all()).map((row) => row.locator("th, td").allTextContents()));
};
/** The file behind a chart's CSV link. */
const csvOf = async (name: string): Promise<string> => {
  const href = await page.getByRole("link", { name: `${name} as CSV` }).getAttribute("href");
  return decodeURIComponent((href ?? "").replace("data:text/csv;charset=utf-8,", ""));
};

test("the tables and files of the charts have exactly the data of the API", async () => {
  await insertTrial(SEEN);
  await visit(SEEN);
  const { evaluations } = z
    .object({ evaluations: z.array(z.looseObject({ at: z.string() })) })
    .parse(await stack.admin("GET", `/features/${SEEN}/evaluations`));
  const times = evaluations.map(({ at }) => at);
  const evidence = await tableOf("evidence-activation");
  expect(evidence.map((cells) => cells.slice(1))).toEqual([
    ["1K : 1", "25K : 1", "1 : 20.1", "20 : 1"],
    ["100 : 1", "25K : 1", "1 : 7.39", "20 : 1"],
    ["10 : 1", "25K : 1", "1 : 2.72", "20 : 1"],
  ]);
  expect((await tableOf("rate-activation")).map((cells) => cells.slice(1))).toEqual(
    Array.from({ length: 3 }, () => ["15.0%", "10.0% to 20.0%", "22.2%", "20.0%"]),
  );
  expect((await tableOf("cohorts")).map((cells) => cells.slice(1))).toEqual([
    ["300", "270"],
    ["200", "180"],
    ["100", "90"],
  ]);
  const lines = (await csvOf("cohorts")).trim().split("\r\n");
  expect(lines).toEqual([
    "at,treatment,holdout",
    ...times.toReversed().map((at, i) => `${at},${100 * (i + 1)},${90 * (i + 1)}`),
  ]);
  const { buckets } = z
    .object({ buckets: z.array(z.object({ treatment: z.number(), holdout: z.number() })) })
    .parse(await stack.admin("GET", `/features/${SEEN}/latency`));
  expect((await tableOf("latency")).map((cells) => cells.slice(2).map(Number))).toEqual(
    buckets.map(({ treatment, holdout }) => [treatment, holdout]),
  );
  await page.getByText("20.0% of 100 requests are above it").waitFor();
});

test("a chart is read by the keyboard, and stays the same drawing while nothing new comes", async () => {
  await visit(SEEN);
  const chart = page.getByRole("img", { name: /^Evidence of Activation over time/ });
  await chart.waitFor();
  expect(await chart.getAttribute("aria-label")).toContain("3 points. Newest:");
  await chart.locator("canvas").evaluate((canvas) => {
    canvas.setAttribute("data-first", "");
  });
  await chart.focus();
  await page.keyboard.press("Home");
  await page.getByText(/: for a rollback 10 : 1, its bar 25K : 1/).waitFor({ state: "attached" });
  await stack.admin("POST", "/annotations", { title: "Deploy 4712", features: [SEEN] });
  await page.reload();
  await chart.waitFor();
  await chart.locator("canvas").evaluate((canvas) => {
    canvas.setAttribute("data-first", "");
  });
  // The page asks again every five seconds.
  await page.waitForResponse((response) => response.url().endsWith(`/features/${SEEN}/why`));
  expect(await chart.locator("canvas").getAttribute("data-first")).toBe("");
});

test("what happened meanwhile has the changes of the feature and the deploys that were marked", async () => {
  await visit(SEEN);
  const rows = await tableOf("what-happened");
  const titles = rows.map((cells) => cells[1]);
  expect(titles).toContain("Deploy 4711");
  expect(titles).toContain("Rule changed");
  expect(await page.getByRole("link", { name: "Deploy 4711" }).getAttribute("href")).toBe(
    "https://ci.example/4711",
  );
  expect(await csvOf("what-happened")).toContain("Deploy 4711,admin");
});

test("the verdict says how sure it is, and whether the cohorts have their sizes", async () => {
  await visit(SEEN);
  const verdict = page.getByRole("region", { name: "Verdict" });
  await verdict.getByText("at most once in 1,000 cases").waitFor();
  await verdict.getByText("at most one in 2,500 features").waitFor();
  await verdict.getByText("52.6% of 570 people are in treatment, 50.0% are expected").waitFor();
});

test("the ramp is a timeline that is paused and let go on with a reason, and the history has both", async () => {
  await visit(RAMP);
  const stages = page.getByRole("list", { name: "Stages of the ramp" });
  await stages.waitFor();
  expect(await stages.getByRole("listitem").locator("strong").allTextContents()).toEqual([
    "10%",
    "50%",
    "90%",
  ]);
  expect(await stages.locator("[aria-current=step] strong").textContent()).toBe("10%");
  await page.getByRole("button", { name: "Pause the ramp" }).click();
  await page.getByRole("dialog").getByText("It stays at 10%").waitFor();
  await page.getByRole("dialog").getByLabel("Reason").fill("the sale has begun");
  await page.getByRole("button", { name: "Pause it" }).click();
  await stages.getByText("Paused by a person").waitFor();
  expect(await stack.admin("GET", `/features/${RAMP}/why`)).toMatchObject({ ramp: { paused: true } });
  await page.getByRole("button", { name: "Let the ramp go on" }).click();
  await page.getByRole("dialog").getByLabel("Reason").fill("the sale is over");
  await page.getByRole("button", { name: "Let it go on" }).click();
  await page.getByRole("button", { name: "Pause the ramp" }).waitFor();
  const history = page.getByRole("region", { name: "History" });
  await history.getByText("Ramp paused").waitFor();
  await history.getByText("the sale has begun").waitFor();
  expect(await stack.admin("GET", `/features/${RAMP}/why`)).toMatchObject({ ramp: { paused: false } });
});

test("before a feature is closed its page names the features that close with it", async () => {
  await visit(RAMP);
  await page.getByRole("button", { name: "Close", exact: true }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByText("One feature requires it and closes with it: feat_needs_it").waitFor();
  await dialog.getByRole("button", { name: "Cancel" }).click();
});

test("the history shows what a change of the rule did to each of its fields", async () => {
  await visit(SEEN);
  const entry = page
    .getByRole("region", { name: "History" })
    .getByRole("listitem")
    .filter({ hasText: "minCohortSize" })
    .first();
  await entry.getByText("rule.minCohortSize").waitFor();
  expect(await entry.locator("dd").first().textContent()).toBe("100 → 250");
});

test("a preview link that is made on the page shows the feature open at the edge", async () => {
  await visit(SEEN);
  await page.getByLabel("Begins at").fill("/search");
  await page.getByRole("button", { name: "Make a preview link" }).click();
  const link = page.getByRole("status").getByRole("link");
  const url = (await link.getAttribute("href")) ?? "";
  expect(url.startsWith(`${stack.edge.url}/.sluice/preview?`)).toBe(true);
  const answer = await fetch(url, { redirect: "manual" });
  expect({ status: answer.status, to: answer.headers.get("location") }).toEqual({
    status: 303,
    to: "/search",
  });
});

test("the receipt of a rollback is downloaded from the page that says how to verify it", async () => {
  await stack.admin("POST", `/features/${RAMP}/rollback`, { reason: "support says no" });
  await visit(RAMP);
  const [download] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("link", { name: "Download the receipt of the rollback" }).click(),
  ]);
  expect(download.suggestedFilename()).toMatch(/\.json$/);
  await page.getByText(`npx sluice receipt --check receipt-${RAMP}.json`).waitFor();
  await page.getByRole("button", { name: "Open again" }).waitFor();
});
