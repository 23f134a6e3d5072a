// The console's pages for those who look after an installation, in Chromium on a whole stack: each test asserts what a person
// sees there, and what the API says afterwards.
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { CONSOLE_PAGES } from "../../shared/console-pages.ts";
import { startBrowser } from "../support/browser.ts";
import { makeTestStack } from "../support/stack.ts";

const stack = await makeTestStack({ originEnv: { NOTIFY_ALLOW_HOSTS: "127.0.0.1" } });
const FEATURE = "feat_ops";

let browser: Browser;
let context: BrowserContext;
let page: Page;
/** What the pages complained of. */
const errors: string[] = [];

const makeToken = async (name: string, scope: string): Promise<string> =>
  String((await stack.admin("POST", "/tokens", { name, scope }))["secret"]);

const signInOn = async (on: Page, token: string): Promise<void> => {
  await on.goto(`${stack.origin.url}/auth/sign-in`);
  await on.getByLabel("API token").fill(token);
  await on.getByRole("button", { name: "Sign in with the token" }).click();
  await on.getByRole("heading", { name: "Features" }).waitFor();
};
const open = (path: string) => page.goto(`${stack.origin.url}${path}`);

beforeAll(async () => {
  await stack.admin("POST", "/features", { featureId: FEATURE, rolloutBps: 3_000, holdoutBps: 1_000 });
  await stack.admin("POST", `/features/${FEATURE}/enable`, { reason: "launch" });
  browser = await startBrowser();
});
afterAll(async () => {
  await browser.close();
  await stack.stop();
});
beforeEach(async () => {
  context = await browser.newContext({ locale: "en-GB" });
  page = await context.newPage();
  page.on("console", (message) => {
    if (message.type() === "error") errors.push(message.text());
  });
  page.on("pageerror", (error) => errors.push(String(error)));
});
afterEach(async () => {
  await context.close();
  // The browser names each answer of 401; the console asks who is there before anybody is.
  expect(errors.filter((text) => !text.includes("401 (Unauthorized)"))).toEqual([]);
  errors.length = 0;
});

test("the audit shows what one person did by filters that stand in the address, and proves itself whole", async () => {
  const secret = await makeToken("auditor", "editor");
  await signInOn(page, secret);
  await fetch(`${stack.origin.url}/admin/v1/features/${FEATURE}/rollout`, {
    method: "POST",
    headers: { authorization: `Bearer ${secret}` },
    body: JSON.stringify({ rolloutBps: 4_000, reason: "it does well" }),
  });
  await open("/audit");
  const entries = page.getByRole("main").getByRole("listitem");
  await expect.poll(() => entries.count()).toBeGreaterThan(2);
  await page.getByLabel("By", { exact: true }).fill("token:auditor");
  await page.getByLabel("By", { exact: true }).press("Enter");
  await page.getByRole("combobox", { name: "Change" }).selectOption("rollout");
  await expect.poll(() => entries.count()).toBe(1);
  expect(new URL(page.url()).searchParams.get("actor")).toBe("token:auditor");
  await page.reload();
  await expect.poll(() => entries.count()).toBe(1);
  await entries.getByText("What changed").click();
  expect(await entries.textContent()).toContain("30% → 40%");

  const saving = page.waitForEvent("download");
  await page.getByRole("button", { name: "CSV" }).click();
  const saved = await (await (await saving).createReadStream()).toArray();
  const lines = Buffer.concat(saved).toString().trim().split("\r\n");
  expect(lines).toHaveLength(2);
  expect(lines[1]).toContain("token:auditor,rollout,feat_ops");

  await page.getByRole("button", { name: "Verify the chain" }).click();
  const { rows, hash } = await stack.admin("GET", "/audit/verify");
  const proof = page.getByRole("status").filter({ hasText: "unbroken chain" });
  expect(await proof.textContent()).toContain(`${String(rows)} entries`);
  expect(await proof.textContent()).toContain(String(hash));
});

test("a rollback has an address with its cause, when each edge had it, and its signed receipt", async () => {
  await stack.admin("POST", "/features", { featureId: "feat_bad", rolloutBps: 1_000 });
  await stack.admin("POST", "/features/feat_bad/enable", { reason: "launch" });
  await stack.admin("POST", "/features/feat_bad/rollback", { reason: "the cart is empty" });
  await signInOn(page, stack.secrets.adminToken);
  await open("/rollbacks?feature=feat_bad");
  const row = page.getByRole("row", { name: /feat_bad/ });
  await row.waitFor();
  expect(await row.textContent()).toContain("By hand");
  await row.getByRole("link").first().click();
  await page.getByText(/Everywhere after \d+ ms/).waitFor();
  const revision = Number(new URL(page.url()).pathname.split("/").at(-1));
  const saving = page.waitForEvent("download");
  await page.getByRole("button", { name: "Save the signed receipt" }).click();
  const saved = await (await (await saving).createReadStream()).toArray();
  const receipt: unknown = JSON.parse(Buffer.concat(saved).toString());
  expect(receipt).toMatchObject({
    receipt: { featureId: "feat_bad", complete: true, rollback: { revision, reason: "the cart is empty" } },
    signature: expect.stringContaining("v1="),
  });
  await open("/rollbacks?cause=evidence");
  await page.getByText("No rollback has these properties.").waitFor();
});

test("a token is made, shown once, turned into a sign-in link, and revoked with what that breaks", async () => {
  await signInOn(page, stack.secrets.adminToken);
  await open("/tokens");
  await page.getByRole("button", { name: "New token" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Name").fill("grace");
  await dialog.getByLabel("May do").selectOption("editor");
  await dialog.getByRole("button", { name: "Make the token" }).click();
  const secret = await dialog.getByLabel("Token", { exact: true }).inputValue();
  await dialog.getByRole("button", { name: "Make a link that signs in with it" }).click();
  const link = await dialog.getByLabel("Sign-in link").inputValue();
  await dialog.getByRole("button", { name: "Done" }).click();
  await page.getByRole("button", { name: "Revoke grace" }).waitFor();
  expect(await page.content()).not.toContain(secret);

  const other = await browser.newContext();
  const elsewhere = await other.newPage();
  await elsewhere.goto(link);
  await elsewhere.getByRole("button").first().click();
  await elsewhere.getByText("token:grace").waitFor();

  await page.getByRole("button", { name: "Revoke grace" }).click();
  await dialog.getByText("Everybody who signed in with it is signed out.").waitFor();
  await dialog.getByRole("button", { name: "Revoke it" }).click();
  await page.getByRole("row", { name: /^grace.*revoked/ }).waitFor();
  const answer = await fetch(`${stack.origin.url}/admin/v1/me`, {
    headers: { authorization: `Bearer ${secret}` },
  });
  expect(answer.status).toBe(401);
  await other.close();
});

test("all sessions of a person end at once, and their browsers have to sign in again", async () => {
  const secret = await makeToken("katherine", "viewer");
  const others = await Promise.all(
    [0, 1].map(async () => {
      const other = await browser.newContext();
      const elsewhere = await other.newPage();
      await signInOn(elsewhere, secret);
      return { other, elsewhere };
    }),
  );
  await signInOn(page, stack.secrets.adminToken);
  await open("/tokens");
  await page.getByRole("button", { name: "End all of token:katherine" }).first().click();
  await page.getByRole("dialog").getByRole("button", { name: "End 2 sessions" }).click();
  await expect.poll(() => page.getByText("token:katherine").count()).toBe(0);
  for (const { other, elsewhere } of others) {
    await elsewhere.reload();
    await elsewhere.getByLabel("API token").waitFor();
    await other.close();
  }
});

test("the review leads from each rollback to its page, by week", async () => {
  await signInOn(page, stack.secrets.adminToken);
  await open("/review");
  await page.getByRole("heading", { name: /^Rolled back/ }).waitFor();
  const review = await stack.admin("GET", "/review");
  expect(review["totals"]).toMatchObject({ rolledBack: 1 });
  await page.getByRole("link", { name: "feat_bad" }).waitFor();
  await page.getByRole("button", { name: "← Week before" }).click();
  await page.getByText("Nothing was rolled back.").waitFor();
  expect(new URL(page.url()).search).toMatch(/^\?until=\d{4}-\d\d-\d\d$/);
});

test("a viewer may change nothing on any page, and each button says why", async () => {
  await signInOn(page, await makeToken("reader", "viewer"));
  const seen: string[] = [];
  for (const { path, example } of CONSOLE_PAGES) {
    await open(
      path === "/features/:featureId" ? `/features/${FEATURE}` : path.includes(":") ? "/rollbacks" : example,
    );
    await page.getByRole("heading", { level: 1 }).waitFor();
    await expect.poll(() => page.locator("[aria-busy]").count()).toBe(0);
    for (const button of await page.locator('main button[aria-disabled="true"]').all()) {
      expect(await button.getAttribute("title")).toMatch(
        /^Needs the scope (editor|admin); you have viewer\.$/,
      );
      seen.push(path);
    }
    expect(await page.getByRole("alert").count()).toBe(0);
  }
  expect(new Set(seen)).toContain("/tokens");
});
