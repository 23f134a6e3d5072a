// The console while things happen, in Chromium on a whole stack: signing in, a rollback edge by edge, an origin that goes away.
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { freePort } from "../../origin/db/free-port.ts";
import { makeSignInLink } from "../../scripts/local-stack/sign-in-link.ts";
import { startBrowser } from "../support/browser.ts";
import { startFaultProxy } from "../support/fault-proxy.ts";
import { CLIENT, startOidcServer } from "../support/oidc-server.ts";
import { makeTestStack } from "../support/stack.ts";

const FIRST = "feat_first";
const FEATURE = "feat_live";
const [originPort, issuerPort] = await Promise.all([freePort(), freePort()]);
// Two more ways to the edge stand for two more edges: one far away, one that can be cut off.
const target = { host: "127.0.0.1", port: 0 };
const far = await startFaultProxy(target);
const frail = await startFaultProxy(target);
const hostOf = ({ port }: { port: number }): string => `127.0.0.1:${port}`;
const oidc = await startOidcServer({
  publicUrl: `http://127.0.0.1:${originPort}`,
  people: new Map([["grace", { email: "grace@example.com", email_verified: true, roles: ["product"] }]]),
  port: issuerPort,
});
const stack = await makeTestStack({
  originPort,
  originEnv: {
    PUBLIC_URL: `http://127.0.0.1:${originPort}`,
    EDGE_URLS: `http://${hostOf(far)},http://${hostOf(frail)}`,
    OIDC_ISSUER: `http://127.0.0.1:${issuerPort}`,
    OIDC_CLIENT_ID: CLIENT.clientId,
    OIDC_CLIENT_SECRET: CLIENT.clientSecret,
    OIDC_ROLE_CLAIM: "roles",
    OIDC_ROLES: "editor=product",
  },
});
target.port = Number(new URL(stack.edge.url).port);

let browser: Browser;
let context: BrowserContext;
let page: Page;

const signIn = async (): Promise<void> => {
  await page.goto(`${stack.origin.url}/auth/sign-in`);
  await page.getByLabel("API token").fill(stack.secrets.adminToken);
  await page.getByRole("button", { name: "Sign in with the token" }).click();
  await page.getByRole("heading", { name: "Features" }).waitFor();
};
const arrived = () => page.getByRole("region", { name: "Where it has arrived" });
const stale = () => page.getByText(/has not been heard of/);

beforeAll(async () => {
  browser = await startBrowser();
});
afterAll(async () => {
  await browser.close();
  await stack.stop();
  await oidc.stop();
  await far.stop();
  await frail.stop();
});
beforeEach(async () => {
  context = await browser.newContext();
  page = await context.newPage();
});
afterEach(() => context.close());

/** A person's visit: the edge counts no bots, and a headless browser is one. */
const visit = async (path: string): Promise<void> => {
  const answer = await fetch(stack.edge.url + path, {
    headers: {
      "user-agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
      accept: "text/html",
    },
  });
  await answer.arrayBuffer();
};
test("an empty installation leads through its first feature, and each step turns when it is true", async () => {
  await signIn();
  const steps = page.getByRole("complementary", { name: "First steps" });
  await steps.getByText("Step 2 of 6: Make a feature, in shadow").waitFor();
  await steps
    .getByText(/answers, revision/)
    .first()
    .waitFor();
  await steps.getByRole("link", { name: "Make the first feature" }).click();
  await page.getByRole("textbox", { name: "Id", exact: true }).fill(FIRST);
  await page.getByRole("spinbutton", { name: "Rollout" }).fill("50");
  await page.getByRole("textbox", { name: "Reason" }).fill("the first one");
  await page.getByRole("button", { name: "Make it, closed" }).click();
  await steps.getByText("Step 3 of 6: Open it for some visitors, with a rule").waitFor();

  const { version } = await stack.admin("GET", `/features/${FIRST}`);
  const rule = {
    activationThreshold: 0.1,
    retentionThreshold: 0,
    latencyP95Threshold: 1_000,
    minCohortSize: 10,
    evaluationWindowSeconds: 3_600,
  };
  await stack.admin("PUT", `/features/${FIRST}/rule`, rule, { "if-match": `"${String(version)}"` });
  await steps.getByRole("link", { name: "To its page" }).click();
  await page.getByRole("button", { name: "Open", exact: true }).click();
  await page.getByRole("dialog").getByLabel("Reason").fill("let us see");
  await page.getByRole("button", { name: /^Open for/ }).click();
  await steps.getByText("Step 4 of 6: Look at yourself in the gate").waitFor();

  const opened = context.waitForEvent("page");
  await steps.getByRole("link", { name: "what you get and why" }).click();
  await (await opened).getByText(FIRST).waitFor();
  await Promise.all(Array.from({ length: 20 }, () => visit("/")));
  await steps.getByText("All 6 steps are done.").waitFor();
  expect(Number(await steps.locator(".counter").textContent())).toBeGreaterThan(0);

  await steps.getByRole("button", { name: "Skip" }).click();
  await page.goto(`${stack.origin.url}/`);
  await page.getByRole("link", { name: FIRST }).waitFor();
  expect(await steps.count()).toBe(0);
  await page.goto(`${stack.origin.url}/health`);
  await page.getByRole("button", { name: "Show the first steps" }).click();
  await steps.waitFor();
});

test("the demo's link leads signed in to its feature, and the tour turns by what happens", async () => {
  for (const featureId of ["feat_smart_recs_v1", "feat_express_checkout"]) {
    await stack.admin("POST", "/features", { featureId, rolloutBps: 5_000 });
    await stack.admin("POST", `/features/${featureId}/enable`, { reason: "the demo" });
  }
  const { originUrl, adminToken } = { originUrl: stack.origin.url, adminToken: stack.secrets.adminToken };
  const link = await makeSignInLink({ originUrl, adminToken }, "/features/feat_smart_recs_v1?guide=demo");
  await page.goto(link ?? "");
  await page.getByRole("button", { name: "Sign in" }).click();
  const tour = page.getByRole("complementary", { name: "The demo, as it happens" });
  await tour.getByText("Step 2 of 6: Visitors come").waitFor();
  expect(new URL(page.url()).pathname).toBe("/features/feat_smart_recs_v1");
  await Promise.all(Array.from({ length: 20 }, () => visit("/")));
  await tour.getByText("Step 3 of 6: Evidence grows").waitFor();
  const reason = "ROLLBACK: activation is below its threshold";
  await stack.admin("POST", "/features/feat_smart_recs_v1/rollback", { reason });
  await tour.getByText(/Every edge had it \d+ ms after the commit/).waitFor();
  await stack.admin("POST", "/features/feat_express_checkout/rollback", { reason: "the demo is over" });
  await tour.getByText("You saw a feature close itself on evidence.").waitFor();
  // By the keyboard too.
  await tour.getByRole("button", { name: "Close" }).press("Enter");
  expect(await tour.count()).toBe(0);
});

test("a link signs in once, and its code is in no address afterwards", async () => {
  const { url } = await stack.admin("POST", "/sign-in-links");
  await page.goto(String(url));
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("heading", { name: "Features" }).waitFor();
  expect(page.url()).toBe(`${stack.origin.url}/`);
  await context.clearCookies();
  await page.goto(String(url));
  await page.getByRole("heading", { name: "This link does not work any more" }).waitFor();
});

test("a person signs in at the provider, and the console names them with their scope", async () => {
  await page.goto(`${stack.origin.url}/features/${FIRST}`);
  await page.getByRole("link", { name: /^Sign in with/ }).click();
  await page.locator("input[name=login]").fill("grace");
  await page.locator("input[name=password]").fill("anything");
  await page.locator("button[type=submit]").click();
  await page.getByRole("button", { name: "Continue" }).click();
  await page.getByRole("heading", { name: FIRST }).waitFor();
  await page.getByText("grace@example.com").first().waitFor();
  await page.getByText("editor", { exact: true }).first().waitFor();
});

test("a rollback turns the verdict and each edge, with milliseconds from the commit; an edge that is cut off is named and counted", async () => {
  await stack.admin("POST", "/features", { featureId: FEATURE, rolloutBps: 3_000 });
  await stack.admin("POST", `/features/${FEATURE}/enable`, { reason: "the test opens it" });
  await signIn();
  await page.goto(`${stack.origin.url}/features/${FEATURE}`);
  await arrived()
    .getByText(/^Everywhere after/)
    .waitFor();
  far.disturb({ kind: "delay", ms: 60 });
  frail.disturb({ kind: "refuse" });
  frail.reset();
  await stack.admin("POST", `/features/${FEATURE}/rollback`, { reason: "the shop is slow" });
  const verdict = page.getByRole("region", { name: "Verdict" });
  await verdict.getByText("Rolled back").first().waitFor();
  await verdict.getByText("the shop is slow").waitFor();
  await arrived()
    .getByText(`2 of 3 edges have it. Not confirmed yet: ${hostOf(frail)}`)
    .waitFor();
  const rows = await arrived().getByRole("listitem").allTextContents();
  expect(rows[0]).toMatch(new RegExp(`has it.*${new URL(stack.edge.url).host}.*\\d+ ms`));
  expect(rows[1]).toMatch(new RegExp(`has it.*${hostOf(far)}.*\\d+ ms`));
  expect(rows[2]).toMatch(new RegExp(`not reached.*${hostOf(frail)}.*not reached for`));

  frail.heal();
  far.disturb({ kind: "none" });
  await arrived()
    .getByText(/^Everywhere after/)
    .waitFor();
  const { everywhereAfterMs } = await stack.admin("GET", `/features/${FEATURE}/delivery`);
  expect(everywhereAfterMs).toBeGreaterThan(60);

  await page.getByRole("button", { name: "Open again" }).click();
  await page.getByRole("dialog").getByLabel("Reason").fill("it is fast again");
  await page.getByRole("button", { name: "Open for 30%" }).click();
  await arrived()
    .getByText(/^Opened by/)
    .waitFor();
});

test("while the origin is away the page says so, and catches up by itself", async () => {
  await signIn();
  await page.goto(`${stack.origin.url}/features/${FEATURE}`);
  await arrived().waitFor();
  await stack.origin.kill();
  await stale().waitFor();
  await stack.origin.ready();
  await stack.admin("POST", `/features/${FEATURE}/rollback`, { reason: "closed after the restart" });
  await page
    .getByRole("region", { name: "Verdict" })
    .getByText("closed after the restart")
    .waitFor({ timeout: 20_000 });
  await stale().waitFor({ state: "hidden" });
});

test("a connection on which nothing comes any more is noticed, and made again", async () => {
  const origin = new URL(stack.origin.url);
  const way = await startFaultProxy({ host: origin.hostname, port: Number(origin.port) });
  try {
    await signIn();
    await page.clock.install();
    await page.goto(`http://${hostOf(way)}/features/${FEATURE}`);
    await arrived().waitFor();
    way.disturb({ kind: "blackHole" });
    await page.clock.fastForward(13_000);
    await stale().waitFor();
    await stack.admin("POST", `/features/${FEATURE}/enable`, { reason: "opened in the silence" });
    way.heal();
    await page.clock.fastForward(4_000);
    await stale().waitFor({ state: "hidden" });
    await arrived()
      .getByText(/^Opened by/)
      .waitFor();
  } finally {
    await way.stop();
  }
});
