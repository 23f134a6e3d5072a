// The console in Chromium, on a whole stack: sign in by the link, look at features, and watch one close.
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { startBrowser } from "../support/browser.ts";
import { makeTestStack } from "../support/stack.ts";

const stack = await makeTestStack();
const FEATURE = "feat_console";
const TOKEN_FEATURE = "feat_other";

let browser: Browser;
let context: BrowserContext;
let page: Page;
/** What the pages complained of. */
const errors: string[] = [];

const signIn = async (token: string): Promise<void> => {
  await page.goto(`${stack.origin.url}/`);
  await page.getByLabel("API token").fill(token);
  await page.getByRole("button", { name: "Sign in with the token" }).click();
  await page.getByRole("heading", { name: "Features" }).waitFor();
};

beforeAll(async () => {
  await stack.admin("POST", "/features", { featureId: TOKEN_FEATURE, tags: ["shop"] });
  await stack.admin("POST", "/features", { featureId: FEATURE, rolloutBps: 3_000, holdoutBps: 1_000 });
  await stack.admin("POST", `/features/${FEATURE}/enable`, { reason: "the test opens it" });
  browser = await startBrowser();
});
afterAll(async () => {
  await browser.close();
  await stack.stop();
});
beforeEach(async () => {
  context = await browser.newContext();
  page = await context.newPage();
  page.on("console", (message) => {
    if (message.type() === "error") errors.push(message.text());
  });
  page.on("pageerror", (error) => errors.push(String(error)));
});
afterEach(async () => {
  await context.close();
  errors.length = 0;
});

/** The browser names each answer of 401; the console asks who is there before anybody is. */
/** Chromium breaks requests off and repeats them when a network of the machine comes or goes, as those of other tests' containers do. */
const EXPECTED = ["401 (Unauthorized)", "net::ERR_NETWORK_CHANGED"];
const unexpected = (): string[] =>
  errors.filter((text) => !EXPECTED.some((expected) => text.includes(expected)));

test("somebody who is not signed in comes to the sign-in page, and from there to the page that they asked for", async () => {
  await page.goto(`${stack.origin.url}/audit`);
  await page.getByLabel("API token").fill(stack.secrets.adminToken);
  await page.getByRole("button", { name: "Sign in with the token" }).click();
  await page.getByRole("heading", { name: "Audit" }).waitFor();
  expect(new URL(page.url()).pathname).toBe("/audit");
  await page.getByRole("button", { name: "Verify the chain" }).click();
  await page.getByRole("status").filter({ hasText: "unbroken chain" }).waitFor();
  expect(unexpected()).toEqual([]);
});

test("the filters of the features stand in the address, and / leads to the search", async () => {
  await signIn(stack.secrets.adminToken);
  await page.getByRole("link", { name: FEATURE }).waitFor();
  await page.keyboard.press("/");
  await page.keyboard.type("other");
  await expect.poll(() => page.getByRole("link", { name: FEATURE }).count()).toBe(0);
  expect(new URL(page.url()).search).toBe("?q=other");
  await page.reload();
  await page.getByRole("link", { name: TOKEN_FEATURE }).waitFor();
  expect(await page.getByRole("link", { name: FEATURE }).count()).toBe(0);
});

test("a feature that is closed elsewhere is shown closed without a reload, and opened again with a reason", async () => {
  await signIn(stack.secrets.adminToken);
  await page.getByRole("link", { name: FEATURE }).click();
  await page.getByRole("heading", { name: FEATURE }).waitFor();
  await page.getByText("Open, not watched").waitFor();
  await stack.admin("POST", `/features/${FEATURE}/rollback`, { reason: "the test closes it" });
  await page.getByRole("region", { name: "Verdict" }).getByText("Rolled back").first().waitFor();
  await page.getByText("✓ has it").waitFor();
  await page.getByRole("button", { name: "Open again" }).click();
  await page.getByRole("dialog").getByLabel("Reason").fill("it is mended");
  await page.getByRole("button", { name: "Open for 30%" }).click();
  await page.getByText("Open, not watched").waitFor();
  const { entries } = await stack.admin("GET", `/audit?featureId=${FEATURE}&limit=1`);
  expect(entries).toMatchObject([{ action: "enable", reason: "it is mended", actor: "admin" }]);
  expect(unexpected()).toEqual([]);
});

test("a first rule is saved in shadow, with what it would notice beside it", async () => {
  await signIn(stack.secrets.adminToken);
  await page.goto(`${stack.origin.url}/features/${FEATURE}`);
  await page.getByRole("link", { name: "Give it a first rule" }).click();
  await page.getByRole("spinbutton", { name: "Activation, at least" }).fill("20");
  await page.getByText("It notices a drop to 16.0%, 80 % of the threshold").waitFor();
  await page.getByRole("textbox", { name: "Reason" }).fill("the first rule");
  await page.getByRole("button", { name: "Save it, in shadow" }).click();
  await page.getByRole("heading", { name: "In shadow" }).waitFor();
  const rule = await stack.admin("GET", `/features/${FEATURE}/rule`);
  expect(rule).toMatchObject({ activationThreshold: 0.2, mode: "shadow" });
  expect(unexpected()).toEqual([]);
});

test("a change of a tagged feature waits, and a second person approves exactly it", async () => {
  await stack.admin("POST", "/features", { featureId: "feat_pay", tags: ["payments"] });
  const makeToken = async (name: string): Promise<string> =>
    String((await stack.admin("POST", "/tokens", { name, scope: "editor" }))["secret"]);
  const policy = { tags: ["payments"], reason: "money" };
  const set = await fetch(`${stack.origin.url}/admin/v1/approvals/policy`, {
    method: "PUT",
    headers: { authorization: `Bearer ${stack.secrets.adminToken}`, "if-match": '"0"' },
    body: JSON.stringify(policy),
  });
  expect(set.status).toBe(200);
  await signIn(await makeToken("first-person"));
  await page.goto(`${stack.origin.url}/features/feat_pay`);
  await page.getByRole("button", { name: "Open", exact: true }).click();
  await page.getByRole("dialog").getByLabel("Reason").fill("launch");
  await page.getByRole("button", { name: /^Open for/ }).click();
  await page.getByText("The change waits for a second person").waitFor();
  await page.goto(`${stack.origin.url}/approvals`);
  const approve = page.getByRole("button", { name: /^Approve exactly this/ });
  expect(await approve.getAttribute("title")).toBe("You asked for it: somebody else has to look at it.");
  await context.clearCookies();
  await signIn(await makeToken("second-person"));
  await page.goto(`${stack.origin.url}/approvals`);
  await page.getByText("token:first-person").first().waitFor();
  await approve.click();
  await page.getByRole("button", { name: "Approve and carry out" }).click();
  await page.getByText("Nothing waits.").waitFor();
  expect(await stack.admin("GET", "/features/feat_pay")).toMatchObject({ enabled: true });
});

test("who would get a feature is answered as the edge would", async () => {
  await signIn(stack.secrets.adminToken);
  await page.goto(`${stack.origin.url}/features/${FEATURE}`);
  await page.getByLabel("Visitor").fill("visitor-1");
  await page.getByRole("button", { name: "Who would get it?" }).click();
  const answer = page.getByRole("status").filter({ hasText: "bucket" });
  const said = await stack.admin("POST", `/features/${FEATURE}/evaluate`, { visitor: "visitor-1" });
  await expect
    .poll(() => answer.textContent())
    .toContain(`${String(said["cohort"])}, bucket ${String(said["bucket"])}`);
});

test("a viewer sees everything, and each button says why it may not be used", async () => {
  const { secret } = await stack.admin("POST", "/tokens", { name: "reader", scope: "viewer" });
  await signIn(String(secret));
  await page.goto(`${stack.origin.url}/features/${FEATURE}`);
  const close = page.getByRole("button", { name: /^Close/ });
  await close.waitFor();
  expect(await close.getAttribute("aria-disabled")).toBe("true");
  expect(await close.getAttribute("title")).toBe("Needs the scope editor; you have viewer.");
  await close.click({ force: true });
  expect(await page.getByRole("dialog").count()).toBe(0);
});
