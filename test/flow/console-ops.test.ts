// The console's pages for those who look after an installation, in Chromium on a whole stack: each test asserts what a person
// sees there, and what the API says afterwards.
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { CONSOLE_PAGES } from "../../shared/console-pages.ts";
import { startBrowser } from "../support/browser.ts";
import { startReceiver } from "../support/receiver.ts";
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
  context = await browser.newContext({ locale: "en-GB", timezoneId: "Asia/Tokyo" });
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

test("a webhook is made, tried against a real receiver, and a receiver that refuses is said to", async () => {
  const receiver = await startReceiver();
  await signInOn(page, stack.secrets.adminToken);
  await open("/hooks");
  await page.getByRole("button", { name: "New target" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel(/^Name/).fill("checkout-team");
  await dialog.getByLabel(/^URL/).fill(`${receiver.url}/news`);
  await dialog.getByLabel("A feature was rolled back").check();
  await dialog.getByRole("button", { name: "Tell it from now on" }).click();
  expect(await dialog.getByLabel(/^Secret/).inputValue()).toMatch(/^whsec_/);
  await dialog.getByRole("button", { name: "Done" }).click();
  await page.getByRole("button", { name: "Test checkout-team" }).click();
  await page.getByText(/checkout-team has taken the test message/).waitFor();
  expect(receiver.at("/news")).toHaveLength(1);
  expect(receiver.at("/news")[0]?.headers["webhook-signature"]).toMatch(/^v1,/);
  const { targets } = await stack.admin("GET", "/notifications");
  expect(targets).toMatchObject([{ name: "checkout-team", events: ["feature.rolledBack"] }]);

  receiver.state.answer = { status: 500, body: "down" };
  await page.getByRole("button", { name: "Test checkout-team" }).click();
  await page.getByText("checkout-team did not take the test message").waitFor();
  await page.getByRole("button", { name: "Remove" }).click();
  await dialog.getByRole("button", { name: "Remove it" }).click();
  await page.getByText("Nobody is told yet.").waitFor();
  await receiver.stop();
});

test("a hook is made in shadow, tried with a made-up alert, and shows what came of a real one", async () => {
  await signInOn(page, stack.secrets.adminToken);
  await open("/hooks");
  await page.getByRole("button", { name: "New hook" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel(/^Name/).fill("pager");
  await dialog.getByLabel("An alert may name these features").fill(FEATURE);
  await dialog.getByRole("button", { name: "Make the hook" }).click();
  const secret = await dialog.getByLabel(/^Secret/).inputValue();
  await dialog.getByText(`url: ${stack.origin.url}/admin/v1/hooks/pager`).waitFor();
  await dialog.getByRole("button", { name: "Done" }).click();
  await page.getByText("Deliveries, a try, and how it is set up").click();
  await page.getByLabel("The alert names this feature").fill(FEATURE);
  await page.getByRole("button", { name: "Try pager" }).click();
  await page
    .getByRole("status")
    .filter({ hasText: `would close ${FEATURE}` })
    .waitFor();

  const alert = {
    status: "firing",
    labels: { alertname: "Orders fail", sluice_feature: FEATURE },
    startsAt: new Date().toISOString(),
    fingerprint: "orders",
  };
  const sent = await fetch(`${stack.origin.url}/admin/v1/hooks/pager`, {
    method: "POST",
    headers: { authorization: `Bearer ${secret}` },
    body: JSON.stringify({ alerts: [alert] }),
  });
  expect(sent.status).toBe(200);
  await page.getByText(`Orders fail: would close ${FEATURE}`).waitFor();
  expect(await stack.admin("GET", `/features/${FEATURE}`)).toMatchObject({ enabled: true });
});

test("a change is planned for a time on the reader's clocks, and cancelled", async () => {
  await signInOn(page, await makeToken("planner", "editor"));
  await open("/approvals");
  await page.getByRole("button", { name: "Plan a change" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel(/^Feature/).fill(FEATURE);
  await dialog.getByLabel("Rollout in percent").fill("80");
  const tomorrow = new Date(Date.now() + 86_400_000).toISOString().slice(0, 10);
  await dialog.getByLabel("When, on the clocks of Asia/Tokyo").fill(`${tomorrow}T09:30`);
  await dialog.getByText(`${tomorrow} 00:30:00 UTC`).waitFor();
  await dialog.getByLabel(/^Reason/).fill("after the release train");
  await dialog.getByRole("button", { name: "Plan it" }).click();
  await page.getByText("Rollout to 80%").waitFor();
  const planned = async () => (await stack.admin("GET", "/schedules?state=planned"))["schedules"];
  expect(await planned()).toMatchObject([
    { featureId: FEATURE, at: `${tomorrow}T00:30:00.000Z`, zone: "Asia/Tokyo", madeBy: "token:planner" },
  ]);
  await page.getByRole("button", { name: `Cancel ${FEATURE}` }).click();
  await dialog.getByRole("button", { name: "Cancel the plan" }).click();
  await page.getByText("Nothing is planned.").waitFor();
  await page.getByRole("row", { name: /Cancelled.*by token:planner/ }).waitFor();
  expect(await planned()).toEqual([]);
});

test("the policy is set, and a change waits until a second person approves exactly it", async () => {
  await stack.admin("POST", "/features", { featureId: "feat_money", tags: ["payments"], rolloutBps: 1_000 });
  await signInOn(page, stack.secrets.adminToken);
  await open("/approvals");
  await page.getByRole("button", { name: "Change the policy" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel(/^Tags/).fill("payments");
  await dialog.getByLabel(/^Reason/).fill("money");
  await dialog.getByRole("button", { name: "Set the policy" }).click();
  await page
    .getByRole("region", { name: "Policy" })
    .getByText(/^Set by admin/)
    .waitFor();
  await stack.admin("POST", "/features/feat_money/enable", { reason: "launch" });
  const request = page.getByRole("article", { name: "Change of feat_money" });
  await request.getByText("Open it").waitFor();
  const approve = request.getByRole("button", { name: /^Approve exactly this/ });
  expect(await approve.getAttribute("title")).toBe("You asked for it: somebody else has to look at it.");

  await context.clearCookies();
  await signInOn(page, await makeToken("second", "editor"));
  await open("/approvals");
  await approve.click();
  await dialog.getByText(/the audit names admin and you/).waitFor();
  await dialog.getByRole("button", { name: "Approve and carry out" }).click();
  await page.getByRole("row", { name: /Open it.*feat_money.*Carried out/ }).waitFor();
  expect(await stack.admin("GET", "/features/feat_money")).toMatchObject({ enabled: true });
  await page.getByText("Nothing waits.").waitFor();
});

test("a segment is edited by rows with its users named, merged with somebody else's change, and not deleted while used", async () => {
  const condition = { attribute: "country", operator: "in", values: ["DE"] };
  await stack.admin("POST", "/segments", { segmentId: "testers", condition, description: "before" });
  await stack.admin("POST", "/features", { featureId: "feat_seg", targeting: { segment: "testers" } });
  await signInOn(page, await makeToken("editor", "editor"));
  await open("/segments");
  const remove = page.getByRole("button", { name: /^Delete testers/ });
  expect(await remove.getAttribute("title")).toBe("Used by feat_seg: take it out of them first.");
  await page.getByRole("button", { name: "Edit testers" }).click();
  const form = page.getByRole("form", { name: "Edit testers" });
  await form.getByText("One feature changes with it").waitFor();
  await form.getByLabel("Value").fill("DE, AT");
  await form.getByRole("button", { name: "Add a condition" }).click();
  const added = form.getByRole("group", { name: "Condition 2" });
  await added.getByLabel("Attribute").fill("device");
  await added.getByLabel("Operator").selectOption("equals");
  await added.getByLabel("Value").fill("mobile");

  await stack.admin("PUT", "/segments/testers", { description: "by somebody else" }, { "if-match": '"1"' });
  await expect.poll(() => form.getByLabel("Description").inputValue()).toBe("by somebody else");
  expect(await form.getByLabel("Value").first().inputValue()).toBe("DE, AT");
  await form.getByLabel(/^Reason/).fill("Austria too, on phones");
  await form.getByRole("button", { name: "Save the segment" }).click();
  await form.waitFor({ state: "detached" });
  await page.getByText("country is one of DE, AT, and device is mobile").waitFor();
  expect(await stack.admin("GET", "/segments/testers")).toMatchObject({
    version: 3,
    description: "by somebody else",
    condition: {
      operator: "and",
      conditions: [
        { attribute: "country", operator: "in", values: ["DE", "AT"] },
        { attribute: "device", operator: "equals", value: "mobile" },
      ],
    },
  });
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
  for (const path of ["/approvals", "/segments", "/hooks", "/tokens"]) expect(seen).toContain(path);
});
