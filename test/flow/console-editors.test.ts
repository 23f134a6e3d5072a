// The console's editors in Chromium, on a whole stack: what one types becomes what the API has, and is never lost.
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { startBrowser } from "../support/browser.ts";
import { makeTestStack } from "../support/stack.ts";

const stack = await makeTestStack();
let browser: Browser;
let context: BrowserContext;
let page: Page;
/** What the pages complained of. */
const errors: string[] = [];

const signIn = async (on: Page, token: string): Promise<void> => {
  await on.goto(`${stack.origin.url}/`);
  await on.getByLabel("API token").fill(token);
  await on.getByRole("button", { name: "Sign in with the token" }).click();
  await on.getByRole("heading", { name: "Features" }).waitFor();
};

const open = (path: string): Promise<unknown> => page.goto(stack.origin.url + path);

beforeAll(async () => {
  browser = await startBrowser();
});
afterAll(async () => {
  await browser.close();
  await stack.stop();
});
beforeEach(async () => {
  context = await browser.newContext();
  page = await context.newPage();
  page.on("pageerror", (error) => errors.push(String(error)));
  // A reload with something unsaved asks; these tests go on.
  page.on("dialog", (dialog) => void dialog.accept());
  await signIn(page, stack.secrets.adminToken);
});
afterEach(async () => {
  await context.close();
  expect(errors.splice(0)).toEqual([]);
});

test("a feature is made closed, its id is checked while it is typed, and what was typed survives a reload", async () => {
  await page.getByRole("link", { name: "New feature" }).click();
  const id = page.getByRole("textbox", { name: "Id", exact: true });
  await id.fill("one page");
  await page.getByText("may contain letters, digits and _ . : / - only, not a space").first().waitFor();
  await id.fill("checkout_one_page");
  await page.getByLabel("Description").fill("Checkout on one page");
  await page.getByLabel("Tags").fill("shop checkout");
  await page.getByRole("spinbutton", { name: "Rollout" }).fill("12.5");
  await page.getByRole("button", { name: "Add a route" }).click();
  await page.getByRole("textbox", { name: "Path 1", exact: true }).fill("checkout");
  await page.getByLabel("Answer 404 there").check();

  await page.reload();
  await page.getByText("did not save is here again").waitFor();
  expect(await id.inputValue()).toBe("checkout_one_page");
  await page.getByRole("textbox", { name: "Reason" }).fill("the team builds it");
  const make = page.getByRole("button", { name: "Make it, closed" });
  await make.click();
  const path = page.getByRole("textbox", { name: "Path 1", exact: true });
  await page.getByRole("alert").getByText("routes.0.path").waitFor();
  expect(await path.getAttribute("aria-invalid")).toBe("true");
  await path.fill("/checkout/:step");
  await make.click();
  await page.getByRole("heading", { name: "checkout_one_page" }).waitFor();
  expect(await stack.admin("GET", "/features/checkout_one_page")).toMatchObject({
    enabled: false,
    description: "Checkout on one page",
    tags: ["shop", "checkout"],
    rolloutBps: 1_250,
    holdoutBps: 1_000,
    routes: [{ path: "/checkout/:step" }],
    gate: { whenClosed: { action: "notFound" } },
  });

  await open("/new-feature");
  expect(await id.inputValue()).toBe("");
});

test("whoever leaves with something unsaved is asked, and finds it again", async () => {
  await open("/new-feature");
  await page.getByRole("textbox", { name: "Id", exact: true }).fill("not_yet");
  await page.getByRole("link", { name: "Audit" }).click();
  const asked = page.getByRole("dialog", { name: "Leave without saving?" });
  await asked.getByRole("button", { name: "Stay" }).click();
  expect(new URL(page.url()).pathname).toBe("/new-feature");
  await page.getByRole("link", { name: "Audit" }).click();
  await asked.getByRole("button", { name: "Leave, and keep them" }).click();
  await page.getByRole("heading", { name: "Audit" }).waitFor();
  await page.goBack();
  await page.getByText("did not save is here again").waitFor();
  await page.getByRole("button", { name: "Throw it away" }).click();
  expect(await page.getByRole("textbox", { name: "Id", exact: true }).inputValue()).toBe("");
});
