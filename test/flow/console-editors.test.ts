// The console's editors in Chromium, on a whole stack: what one types becomes what the API has, and is never lost.
import { AxeBuilder } from "@axe-core/playwright";
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

/** Serious faults of accessibility of the page as it is now, with what is open and wrong on it. */
const faultsOfAccess = async (): Promise<readonly string[]> => {
  const { violations } = await new AxeBuilder({ page }).analyze();
  return violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" ")}`);
};

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
  await page.getByRole("heading", { name: "Rule of checkout_one_page" }).waitFor();
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

test("a rule is planned while it is typed, saved in shadow, and enforced by a step of its own", async () => {
  await stack.admin("POST", "/features", { featureId: "planned", rolloutBps: 3_000, holdoutBps: 1_000 });
  await stack.admin("POST", "/features/planned/enable", { reason: "the test opens it" });
  await open("/features/planned/rule");
  const activation = page.getByRole("spinbutton", { name: "Activation, at least" });
  await activation.fill("25");
  const planner = page.getByRole("region", { name: "At today's traffic" });
  await planner.getByText("It notices a drop to 20.0%, 80 % of the threshold").waitFor();
  await page.getByText(/^More:/).click();
  await page.getByLabel("Time to act, unit").selectOption("hours");
  await page.getByRole("spinbutton", { name: "Time to act" }).fill("6");
  await page.getByRole("combobox", { name: "Activation", exact: true }).selectOption("holdout");
  await page.getByLabel("Raise the rollout by itself").check();
  await page.getByRole("button", { name: "Remove stage 4" }).click();
  const reason = page.getByRole("textbox", { name: "Reason" });
  await reason.fill("the first rule");
  await page.getByRole("button", { name: "Save it, in shadow" }).click();
  await page.getByRole("heading", { name: "In shadow" }).waitFor();
  expect(await stack.admin("GET", "/features/planned/rule")).toMatchObject({
    activationThreshold: 0.25,
    activationWindowSeconds: 21_600,
    compare: { activation: "holdout" },
    ramp: { stagesBps: [1_000, 2_500, 5_000], minStageSeconds: 86_400 },
    mode: "shadow",
  });

  const enforce = page.getByRole("button", { name: /^Enforce…/ });
  await activation.fill("30");
  await expect.poll(() => enforce.getAttribute("title")).toBe("Save or discard first what you typed.");
  await page.getByRole("button", { name: "Discard", exact: true }).click();
  await enforce.click();
  const dialog = page.getByRole("dialog", { name: "Let planned close by itself" });
  await dialog.getByText("is at most 0.04 %").waitFor();
  await dialog.getByText("It has decided nothing yet").waitFor();
  expect(await faultsOfAccess()).toEqual([]);
  await dialog.getByLabel("Reason").fill("a week in shadow was quiet");
  await dialog.getByRole("button", { name: "Enforce the rule" }).click();
  await page.getByRole("heading", { name: "Enforced" }).waitFor();
  const { entries } = await stack.admin("GET", "/audit?featureId=planned&limit=1");
  expect(entries).toMatchObject([{ action: "rule", reason: "a week in shadow was quiet" }]);
  expect(await stack.admin("GET", "/features/planned/rule")).toMatchObject({
    mode: "enforce",
    activationThreshold: 0.25,
  });

  await page.getByRole("button", { name: "Back to shadow…" }).click();
  const back = page.getByRole("dialog", { name: "Put the rule of planned in shadow" });
  await back.getByLabel("Reason").fill("one more week");
  await back.getByRole("button", { name: "Back to shadow" }).click();
  await page.getByRole("heading", { name: "In shadow" }).waitFor();
});

test("a field that the API refuses says so itself, and what two people change is merged or chosen", async () => {
  await stack.admin("POST", "/features", { featureId: "shared" });
  const rule = {
    activationThreshold: 0.1,
    retentionThreshold: 0,
    latencyP95Threshold: 900,
    minCohortSize: 300,
    evaluationWindowSeconds: 604_800,
  };
  await stack.admin("PUT", "/features/shared/rule", rule);
  const { secret } = await stack.admin("POST", "/tokens", { name: "second", scope: "editor" });
  const put = async (change: object): Promise<void> => {
    const { version } = await stack.admin("GET", "/features/shared");
    const set = await fetch(`${stack.origin.url}/admin/v1/features/shared/rule?reason=theirs`, {
      method: "PUT",
      headers: { authorization: `Bearer ${String(secret)}`, "if-match": `"${String(version)}"` },
      body: JSON.stringify({ ...rule, ...change }),
    });
    expect(set.status).toBe(200);
  };
  await open("/features/shared/rule");
  const latency = page.getByRole("spinbutton", { name: "95 % of requests are faster than" });
  const people = page.getByRole("spinbutton", { name: "People before anything is decided" });
  await latency.fill("0");
  const reason = page.getByRole("textbox", { name: "Reason" });
  const save = page.getByRole("button", { name: "Save the rule" });
  await reason.fill("mine");
  await save.click();
  await page.getByRole("alert").getByText("latencyP95Threshold").first().waitFor();
  expect(await latency.getAttribute("aria-invalid")).toBe("true");
  await latency.fill("700");

  await put({ minCohortSize: 500 });
  await page.getByText("They are taken over; what you typed is kept.").waitFor();
  expect(await people.inputValue()).toBe("500");
  expect(await latency.inputValue()).toBe("700");

  await put({ minCohortSize: 500, latencyP95Threshold: 650 });
  const conflict = page.getByRole("alert", { name: "Somebody else changed the same" });
  await conflict.getByText("token:second").first().waitFor();
  await conflict.getByLabel("Theirs: 650 ms").waitFor();
  await expect.poll(() => save.getAttribute("title")).toBe("Choose first which changes to keep.");
  expect(await faultsOfAccess()).toEqual([]);
  await conflict.getByLabel("Mine: 700 ms").check();
  await conflict.getByRole("button", { name: "Go on with this" }).click();
  await expect.poll(() => save.isEnabled()).toBe(true);
  await save.click();
  await expect
    .poll(() => stack.admin("GET", "/features/shared/rule"))
    .toMatchObject({ minCohortSize: 500, latencyP95Threshold: 700 });
});

test("targeting is edited in rows and as JSON, tried before it is saved, and refused at its field", async () => {
  await stack.admin("POST", "/segments", {
    segmentId: "staff",
    condition: { attribute: "cookie:staff", operator: "equals", value: "yes" },
  });
  await stack.admin("POST", "/features", { featureId: "targeted", rolloutBps: 10_000 });
  await open("/features/targeted/edit");
  const form = page.getByRole("form", { name: "What you edit of targeted" });
  await form.getByRole("button", { name: "Add a condition" }).click();
  await form.getByRole("textbox", { name: "Value of condition 1" }).fill("de, at");
  await form.getByRole("button", { name: "Add a condition" }).click();
  await form.getByLabel("Attribute of condition 2").selectOption("header");
  await form.getByLabel("Name of the header of condition 2").fill("x-plan");
  await form.getByLabel("Operator of condition 2").selectOption("equals");
  await form.getByLabel("Value of condition 2").fill("gold");
  await form.getByRole("button", { name: "Add a segment" }).click();
  await form.getByRole("button", { name: "Negate condition 2" }).click();

  const tester = page.getByRole("form", { name: "Who would get it?" });
  await tester
    .getByLabel("A request")
    .fill("curl 'https://shop.test/cart?a=1' -H 'X-Plan: gold' -H 'CF-IPCountry: AT' -b 'staff=yes; a=b'");
  await tester.getByRole("textbox", { name: "Visitor" }).fill("visitor-1");
  await tester.getByRole("button", { name: "Who would get it?" }).click();
  await tester.getByText("Does not get it").waitFor();
  const trace = tester.getByRole("listitem");
  await trace
    .filter({ hasText: "country is one of DE, AT" })
    .getByText("the request has AT")
    .first()
    .waitFor();
  await trace.filter({ hasText: "segment staff" }).first().waitFor();
  // Without the negation the same request is targeted, and the answer follows what is edited.
  await form.getByRole("button", { name: "drop the not" }).click();
  await tester.getByText("✓ Gets the feature").waitFor();
  expect(await stack.admin("GET", "/features/targeted")).toMatchObject({ targeting: null });

  await form.getByRole("button", { name: "JSON" }).click();
  const json = form.getByLabel("Targeting as JSON");
  const written = JSON.parse(await json.inputValue());
  expect(written).toEqual({
    operator: "and",
    conditions: [
      { attribute: "country", operator: "in", values: ["DE", "AT"] },
      { attribute: "header:x-plan", operator: "equals", value: "gold" },
      { segment: "staff" },
    ],
  });
  const save = form.getByRole("button", { name: "Save", exact: true });
  await form.getByRole("textbox", { name: "Reason" }).fill("for the south");
  await json.fill("{");
  await expect.poll(() => save.getAttribute("title")).toBe("The targeting is no JSON yet.");
  written.conditions[1].attribute = "weather";
  await json.fill(JSON.stringify(written));
  await form.getByRole("button", { name: "Rows" }).click();
  await save.click();
  await form.getByText("must be country, path, device, header:NAME").first().waitFor();
  expect(await form.getByLabel("Value of condition 2").getAttribute("aria-invalid")).toBe("true");
  expect(await form.getByLabel("Value of condition 1").getAttribute("aria-invalid")).toBe("false");
  expect(await faultsOfAccess()).toEqual([]);
  await form.getByRole("button", { name: "Remove condition 2" }).click();
  await save.click();
  await expect
    .poll(() => stack.admin("GET", "/features/targeted"))
    .toMatchObject({
      targeting: {
        conditions: [{ operator: "in", values: ["DE", "AT"] }, { segment: "staff" }],
      },
    });
});

test("a save that fails because the origin is away keeps what was typed, and is made when it is back", async () => {
  await stack.admin("POST", "/features", { featureId: "kept_text", tags: ["shop"] });
  await open("/features/kept_text/edit");
  const description = page.getByRole("textbox", { name: "Description" });
  await description.fill("A long text that nobody wants to type again");
  await page.getByLabel("Gets a 404").check();
  await page.getByRole("textbox", { name: "Reason" }).fill("described");
  const save = page.getByRole("button", { name: "Save", exact: true });
  // It is started again, which takes longer than a click.
  await stack.origin.kill();
  await save.click();
  await page.getByText("The origin does not answer, so nothing is saved.").waitFor();
  expect(await description.inputValue()).toBe("A long text that nobody wants to type again");
  await stack.origin.ready();
  // An answer without a route would close the whole site: the API says so where it is chosen.
  await save.click();
  await page.getByText("Nothing is saved: something is wrong.").waitFor();
  await page.getByLabel("Sees the site as it is").check();
  await save.click();
  await expect
    .poll(() => stack.admin("GET", "/features/kept_text"))
    .toMatchObject({
      description: "A long text that nobody wants to type again",
      gate: null,
      tags: ["shop"],
    });
  await page.getByText("Nothing is changed.").waitFor();
});

test("a change that needs a second person waits, and one that is locked down is forced in place", async () => {
  const rule = {
    activationThreshold: 0.1,
    retentionThreshold: 0,
    latencyP95Threshold: 900,
    minCohortSize: 300,
    evaluationWindowSeconds: 604_800,
  };
  await stack.admin("POST", "/features", { featureId: "locked", lockdown: true, rolloutBps: 500 });
  await stack.admin("PUT", "/features/locked/rule", rule);
  await stack.admin("POST", "/features/locked/enable", { reason: "the test opens it" });
  await open("/features/locked/edit");
  const owner = page.getByRole("textbox", { name: "Owner" });
  const reason = page.getByRole("textbox", { name: "Reason" });
  const save = page.getByRole("button", { name: "Save", exact: true });
  await owner.fill("checkout team");
  await reason.fill("the team changed");
  await save.click();
  await page.getByRole("button", { name: "Save in spite of the lockdown" }).click();
  await expect.poll(() => stack.admin("GET", "/features/locked")).toMatchObject({ owner: "checkout team" });

  await stack.admin("POST", "/features", { featureId: "guarded", tags: ["money"], owner: "payments" });
  await stack.admin("PUT", "/approvals/policy", { tags: ["money"], reason: "money" }, { "if-match": '"0"' });
  const { secret } = await stack.admin("POST", "/tokens", { name: "asks", scope: "editor" });
  await context.clearCookies();
  await signIn(page, String(secret));
  await open("/features/guarded/edit");
  await owner.fill("somebody else");
  await reason.fill("they take it over");
  await save.click();
  await page.getByText("The change waits for a second person").waitFor();
  expect(await owner.inputValue()).toBe("payments");
  expect(await stack.admin("GET", "/features/guarded")).toMatchObject({ owner: "payments" });
});

test("a viewer sees each editor and may save nothing", async () => {
  await stack.admin("POST", "/features", { featureId: "only_read" });
  const { secret } = await stack.admin("POST", "/tokens", { name: "reader", scope: "viewer" });
  await context.clearCookies();
  await signIn(page, String(secret));
  for (const [path, name] of [
    ["/new-feature", "Make it, closed"],
    ["/features/only_read/edit", "Save"],
    ["/features/only_read/rule", "Save it, in shadow"],
  ] as const) {
    await open(path);
    const save = page.getByRole("button", { name, exact: true });
    await save.waitFor();
    expect(await save.getAttribute("title")).toBe("Needs the scope editor; you have viewer.");
    expect(await save.isDisabled()).toBe(true);
  }
});
