// The console in Chromium, on a whole stack: sign in by the link, look at features, and watch one close.
import { AxeBuilder } from "@axe-core/playwright";
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
const unexpected = (): string[] => errors.filter((text) => !text.includes("401 (Unauthorized)"));

test("somebody who is not signed in comes to the sign-in page, and from there to the page that they asked for", async () => {
  await page.goto(`${stack.origin.url}/audit`);
  await page.getByLabel("API token").fill(stack.secrets.adminToken);
  await page.getByRole("button", { name: "Sign in with the token" }).click();
  await page.getByRole("heading", { name: "Audit" }).waitFor();
  expect(new URL(page.url()).pathname).toBe("/audit");
  await page.getByRole("button", { name: "Verify the chain" }).click();
  await expect.poll(() => page.getByRole("status").textContent()).toContain("unbroken chain");
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
  await page.getByText("Open, not watched").waitFor();
  await stack.admin("POST", `/features/${FEATURE}/rollback`, { reason: "the test closes it" });
  await page.getByRole("region", { name: "Verdict" }).getByText("Rolled back").first().waitFor();
  await page.getByText("✓ has it").waitFor();
  await page.getByRole("button", { name: "Open again" }).click();
  await page.getByLabel("Reason").fill("it is mended");
  await page.getByRole("button", { name: "Open for 30%" }).click();
  await page.getByText("Open, not watched").waitFor();
  const { entries } = await stack.admin("GET", `/audit?featureId=${FEATURE}&limit=1`);
  expect(entries).toMatchObject([{ action: "enable", reason: "it is mended", actor: "admin" }]);
  expect(unexpected()).toEqual([]);
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

test.each(["light", "dark"] as const)(
  "no page has a serious fault of accessibility (%s)",
  async (colorScheme) => {
    await page.emulateMedia({ colorScheme });
    await signIn(stack.secrets.adminToken);
    for (const path of [
      "/",
      `/features/${FEATURE}`,
      "/rollbacks",
      "/edges",
      "/audit",
      "/tokens",
      "/no-such",
    ]) {
      if (path !== "/no-such") await page.goto(stack.origin.url + path);
      await page.getByRole("heading", { level: 1 }).waitFor();
      await expect.poll(() => page.locator("[aria-busy]").count()).toBe(0);
      const { violations } = await new AxeBuilder({ page }).analyze();
      const serious = violations.filter(({ impact }) => impact === "serious" || impact === "critical");
      expect(serious.map(({ id, nodes }) => [path, id, nodes.map(({ html }) => html)])).toEqual([]);
    }
  },
);
