// The list of features in Chromium, on an origin with a thousand of them: what a person sees is what the API says, in the order and by
// the filters of the address, by keyboard, and while it changes.
import { randomBytes } from "node:crypto";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { z } from "zod";
import { freePort } from "../../origin/db/free-port.ts";
import { buildConsole } from "../../scripts/local-stack/build-console.ts";
import { startOriginProcess } from "../../scripts/local-stack/origin-process.ts";
import { startBrowser } from "../support/browser.ts";
import { makeTestDatabase } from "../support/database.ts";

const FEATURES = 1_000;
const ADMIN_TOKEN = randomBytes(16).toString("hex");
const database = await makeTestDatabase();
const origin = startOriginProcess({
  port: await freePort(),
  env: {
    DATABASE_URL: database.url,
    ADMIN_TOKEN,
    LOG_LEVEL: "error",
    CONSOLE_DIR: await buildConsole(),
    // What is stored here has no telemetry behind it: it is to be shown, and not to be evaluated.
    ROLES: "admin",
  },
  onLine: (line) => process.stderr.write(`${line}\n`),
});

const Features = z.object({
  features: z.array(
    z.looseObject({
      featureId: z.string(),
      standing: z.looseObject({
        cohorts: z.looseObject({ treatment: z.number() }),
        signals: z.array(z.looseObject({ signal: z.string(), rate: z.number().nullable() })),
        scores: z.array(z.number()),
      }),
    }),
  ),
});
const api = async (method: string, path: string, body?: unknown): Promise<unknown> => {
  const answer = await fetch(`${origin.url}/admin/v1${path}`, {
    method,
    headers: { authorization: `Bearer ${ADMIN_TOKEN}` },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
  return answer.json();
};
const idsOf = async (query: string): Promise<string[]> =>
  Features.parse(await api("GET", `/features?${query}`)).features.map(({ featureId }) => featureId);

let browser: Browser;
let page: Page;

const rows = () => page.locator("tr[data-feature]");
const shownIds = (): Promise<string[]> =>
  rows().evaluateAll((found) => found.map((row) => row.getAttribute("data-feature") ?? ""));
const rowOf = (featureId: string) => page.locator(`tr[data-feature="${featureId}"]`);
const open = async (path: string): Promise<void> => {
  await page.goto(origin.url + path);
  await rows().first().waitFor();
};

/** $1 features with a rule and an evaluation each; every one has other numbers. */
const fill = async (count: number): Promise<void> => {
  const { pool } = database;
  await pool.query(
    `insert into feature_flags (feature_id, enabled, rollout_bps, holdout_bps, revision, tags)
     select 'feat_' || to_char(n, 'FM0000'), true, 2500, 1000, 1, case when n % 10 = 0 then '{tenth}' else '{}'::text[] end
     from generate_series(1, $1) n`,
    [count],
  );
  await pool.query(
    `insert into pmf_rules (feature_id, rule) select feature_id, jsonb_build_object('featureId', feature_id,
       'activationThreshold', 0.1, 'retentionThreshold', 0, 'latencyP95Threshold', 900, 'minCohortSize', 100,
       'evaluationWindowSeconds', 604800, 'ramp', '{"stagesBps": [1000, 2500, 10000], "minStageSeconds": 60}'::jsonb)
     from feature_flags`,
  );
  const tested = `jsonb_build_object('signal', 'activation', 'against', 'threshold', 'ageSeconds', 86400, 'threshold', 0.1,
    'treatment', jsonb_build_object('n', 1000, 's', 100 + n % 400), 'holdout', null, 'immature', 0, 'leftOut', 0,
    'rate', (100 + n % 400) / 1000.0, 'logEvidence', n / 100.0, 'logBar', 10, 'comparison', null, 'onlyTreatment', null,
    'alarm', null, 'counts', true)`;
  await pool.query(
    `insert into pmf_evaluations (feature_id, epoch, rule_version, at, mode, action, state, mature, decision)
     select 'feat_' || to_char(n, 'FM0000'), 1, 1, now(), 'shadow', 'WAIT', case when n % 3 = 0 then 'UNDECIDED' else 'TESTING' end, n,
       jsonb_build_object('state', 'TESTING', 'action', 'WAIT', 'reason', 'TESTING: number ' || n || ' is looked at.',
         'score', look / 10.0, 'details', jsonb_build_object('exposed', jsonb_build_object('treatment', n, 'holdout', n)),
         'evidence', jsonb_build_object('tests', jsonb_build_array(${tested}), 'keep', '[]'::jsonb, 'sampleRatio', null),
         'explained', jsonb_build_array(jsonb_build_object('signal', 'activation', 'ageSeconds', 86400,
           'interval', jsonb_build_object('lower', 0.05, 'upper', 0.6), 'lift', null, 'posterior', null,
           'unitsToRollback', null, 'unitsToKeep', null)))
     from generate_series(1, $1) n, generate_series(1, 3) look order by look, n`,
    [count],
  );
};

beforeAll(async () => {
  await origin.ready();
  await fill(FEATURES);
  browser = await startBrowser();
  page = await browser.newPage({ viewport: { width: 1_280, height: 800 }, locale: "en-GB" });
  await page.goto(`${origin.url}/`);
  await page.getByLabel("API token").fill(ADMIN_TOKEN);
  await page.getByRole("button", { name: "Sign in with the token" }).click();
  await rows().first().waitFor();
});
afterAll(async () => {
  await browser.close();
  await origin.stop();
  await database.drop();
});

test("a row says what the API says: state, stage, each signal beside its bound, the course of the score", async () => {
  await open("/?q=feat_0042");
  const [listed] = Features.parse(await api("GET", "/features?ids=feat_0042")).features;
  const rate = listed?.standing.signals[0]?.rate ?? 0;
  const row = rowOf("feat_0042");
  const text = await row.textContent();
  expect(text).toContain("Undecided");
  expect(text).toContain("25% · stage 2 of 3 · shadow");
  expect(text).toContain("number 42 is looked at.");
  const bullet = row.getByRole("img", { name: /Activation/ });
  expect(await bullet.getAttribute("aria-label")).toBe(
    `Activation ${(rate * 100).toFixed(1)}%, wanted at least 10.0%; 4% of the way to a rollback`,
  );
  expect(await row.getByRole("img", { name: /Score/ }).getAttribute("aria-label")).toContain(
    "Score 0.30; over the last 3 evaluations from 0.10",
  );
  expect(listed?.standing.scores).toEqual([0.1, 0.2, 0.3]);
  expect(await page.getByRole("table", { name: "Features" }).getByRole("columnheader").count()).toBe(7);
});

test("a column's head sorts, says so, and the order stands in the address and survives a reload", async () => {
  await open("/");
  for (const [name, sort, order, said] of [
    ["Next decision", "nearness", "desc", "descending"],
    ["Next decision", "nearness", "asc", "ascending"],
    ["People", "exposed", "desc", "descending"],
    ["Feature", "featureId", "asc", "ascending"],
  ] as const) {
    await page.getByRole("columnheader", { name }).getByRole("button").click();
    const wanted = await idsOf(`sort=${sort}&order=${order}&limit=20`);
    await expect.poll(async () => (await shownIds()).slice(0, 20)).toEqual(wanted);
    expect(await page.getByRole("columnheader", { name }).getAttribute("aria-sort")).toBe(said);
  }
  await open("/?sort=nearness");
  expect((await shownIds()).slice(0, 20)).toEqual(await idsOf("sort=nearness&order=desc&limit=20"));
});

test("filters stand in the address together, and each can be taken away", async () => {
  await open("/?tag=tenth");
  await page.getByLabel("State", { exact: true }).selectOption("Undecided");
  const wanted = await idsOf("tag=tenth&state=UNDECIDED&limit=100");
  await expect.poll(shownIds).toEqual(wanted);
  await page.getByLabel("Search features").fill("feat_00");
  await expect.poll(shownIds).toEqual(wanted.filter((id) => id.startsWith("feat_00")));
  expect(new URL(page.url()).search).toBe("?q=feat_00&tag=tenth&state=UNDECIDED");
  await page.getByRole("button", { name: /tag tenth/ }).click();
  await expect.poll(() => new URL(page.url()).search).toBe("?q=feat_00&state=UNDECIDED");
  await page.getByLabel("Search features").fill("nobody has this");
  await page.getByText("No feature has these properties.").waitFor();
});

test("/ leads to the search, j and k from row to row, and Enter opens the feature", async () => {
  await open("/");
  await page.keyboard.press("/");
  expect(await page.locator("input:focus").getAttribute("aria-label")).toBe("Search features");
  await page.getByRole("heading", { name: "Features" }).click();
  for (const key of ["j", "j", "j", "k"]) await page.keyboard.press(key);
  expect(await page.locator(":focus").textContent()).toBe("feat_0002");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "feat_0002" }).waitFor();
  expect(new URL(page.url()).pathname).toBe("/features/feat_0002");
});

test("a feature that is closed elsewhere changes in its row, and no row moves", async () => {
  await open("/?sort=state");
  const before = await shownIds();
  const featureId = before[4] ?? "";
  const link = rowOf(featureId).getByRole("link", { name: featureId });
  await link.focus();
  const top = (await link.boundingBox())?.y;
  await api("POST", `/features/${featureId}/rollback`, { reason: "the test closes it" });
  await rowOf(featureId).getByText("Rolled back").waitFor();
  expect((await shownIds()).slice(0, before.length)).toEqual(before);
  expect((await link.boundingBox())?.y).toBe(top);
  expect(await page.locator(":focus").textContent()).toBe(featureId);
});

test("a thousand rows are loaded as one goes down, each once, and only those in sight are drawn", async () => {
  await open("/");
  await expect
    .poll(
      async () => {
        await page.keyboard.press("End");
        return rows().count();
      },
      { timeout: 20_000 },
    )
    .toBe(FEATURES);
  expect(await shownIds()).toEqual([
    ...(await idsOf("limit=500")),
    ...(await idsOf("limit=500&after=feat_0500")),
  ]);
  await page.getByText("1,000 of 1,000").waitFor();
  const drawn = await rows().evaluateAll(
    (found) =>
      found.filter((row) => row.firstElementChild?.checkVisibility({ contentVisibilityAuto: true })).length,
  );
  expect(drawn).toBeLessThan(200);
  expect(drawn).toBeGreaterThan(0);
});

test("on a phone each feature is a card that fits, and can be sorted", async () => {
  await page.setViewportSize({ width: 375, height: 812 });
  await open("/");
  expect(await page.locator("html").evaluate((html) => html.scrollWidth)).toBeLessThanOrEqual(375);
  await page.getByLabel("Sort by").selectOption("Nearness of a decision");
  await expect
    .poll(async () => (await shownIds())[0])
    .toBe((await idsOf("sort=nearness&order=desc&limit=1"))[0]);
  await page.setViewportSize({ width: 1_280, height: 800 });
});
