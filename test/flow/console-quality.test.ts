// The console as a product: each page in the seeded shop for people who hear it, who type, who have a phone, who print, and
// who read other digits; and what a page costs. Nothing here is about what a page is for.
import { AxeBuilder } from "@axe-core/playwright";
import type { Browser, BrowserContext, BrowserContextOptions, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { z } from "zod";
import { startSeededOrigin, type SeededOrigin } from "../../scripts/seed/seeded-origin.ts";
import { CONSOLE_PAGES } from "../../shared/console-pages.ts";
import { startBrowser } from "../support/browser.ts";

let origin: SeededOrigin;
let browser: Browser;
let viewer = "";
/** Of an admin at a desk, who wants no motion. */
let desk: BrowserContext;

beforeAll(async () => {
  [origin, browser] = await Promise.all([startSeededOrigin(), startBrowser()]);
  const made = await fetch(`${origin.url}/admin/v1/tokens`, {
    method: "POST",
    headers: { authorization: `Bearer ${origin.adminToken}` },
    body: JSON.stringify({ name: "who may look only", scope: "viewer" }),
  });
  viewer = z.object({ secret: z.string() }).parse(await made.json()).secret;
  desk = await signedIn({ reducedMotion: "reduce" });
});
afterAll(async () => {
  await browser.close();
  await origin.stop();
});

const signedIn = async (
  options: BrowserContextOptions = {},
  token = origin.adminToken,
): Promise<BrowserContext> => {
  const context = await browser.newContext({ viewport: { width: 1_280, height: 800 }, ...options });
  const page = await context.newPage();
  await page.goto(`${origin.url}/auth/sign-in`);
  await page.getByLabel("API token").fill(token);
  await page.getByRole("button", { name: "Sign in with the token" }).click();
  await page.getByRole("heading", { level: 1, name: "Features" }).waitFor();
  await page.close();
  return context;
};

const withContext = async (
  options: BrowserContextOptions,
  use: (context: BrowserContext) => Promise<void>,
  token?: string,
): Promise<void> => {
  const context = await signedIn(options, token);
  try {
    await use(context);
  } finally {
    await context.close();
  }
};

const open = async (page: Page, path: string): Promise<void> => {
  await page.goto(origin.url + path);
  await page.getByRole("heading", { level: 1 }).waitFor();
  await page.locator("[aria-busy=true]").first().waitFor({ state: "detached" });
};

/** What axe calls serious or worse, with where it is; by all of its rules if none is named. */
const faultsOf = async (page: Page, rules: readonly string[] = []): Promise<unknown[]> => {
  const axe = new AxeBuilder({ page });
  const { violations } = await (rules.length === 0 ? axe : axe.withRules([...rules])).analyze();
  return violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .map(({ id, nodes }) => [id, nodes.map(({ html }) => html)]);
};

/** A number that a script finds on the page. */
const numberOf = async (page: Page, script: string): Promise<number> => Number(await page.evaluate(script));

const LAYOUT_SHIFT = `new Promise((tell) => {
  let sum = 0;
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) if (!entry.hadRecentInput) sum += entry.value;
  }).observe({ type: "layout-shift", buffered: true });
  setTimeout(() => tell(sum), 50);
})`;
const OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth";
/** Buttons, fields and links that stand alone and are lower than 24 px. */
const SMALL_TARGETS = `[...document.querySelectorAll("button, select, input, nav a")].filter((each) => {
  const { width, height } = each.getBoundingClientRect();
  const isShown = each.checkVisibility() && getComputedStyle(each).clipPath === "none";
  const isInline = getComputedStyle(each).display === "inline";
  return isShown && !isInline && !["checkbox", "radio", "range"].includes(each.type) && (height < 24 || width < 24);
}).map((each) => each.outerHTML.slice(0, 120))`;
const HEADINGS = `[...document.querySelectorAll("main h1, main h2, main h3, main h4")].filter((each) => each.checkVisibility())
  .map((each) => Number(each.tagName[1]))`;

/** Phone, tablet, desk, and a large screen. */
const WIDTHS = [375, 768, 1_280, 2_560];

test.each(CONSOLE_PAGES)(
  "$path has a title and headings in order, fits every screen, and has no serious fault of accessibility",
  async ({ path, example }) => {
    const page = await desk.newPage();
    try {
      await open(page, example);
      expect.soft(await numberOf(page, LAYOUT_SHIFT), "layout shift").toBeLessThanOrEqual(0.02);
      expect.soft(await faultsOf(page)).toEqual([]);
      expect.soft(await page.getByRole("alert").count(), `an error on ${path}`).toBe(0);
      expect.soft(await page.title()).toMatch(/ · Sluice$/);
      expect.soft(await page.locator("html").getAttribute("lang")).toBe("en");
      const levels = z.array(z.number()).parse(await page.evaluate(HEADINGS));
      const skipped = levels.filter((level, i) => level > (levels[i - 1] ?? 1) + 1);
      expect.soft([levels[0], skipped]).toEqual([1, []]);
      for (const width of WIDTHS) {
        await page.setViewportSize({ width, height: 800 });
        expect.soft([width, await numberOf(page, OVERFLOW)]).toEqual([width, 0]);
        expect.soft([width, await page.evaluate(SMALL_TARGETS)]).toEqual([width, []]);
      }
      await page.setViewportSize({ width: 1_280, height: 800 });
      // Nothing but colours is otherwise in the dark.
      await page.emulateMedia({ colorScheme: "dark" });
      expect.soft(await faultsOf(page, ["color-contrast"])).toEqual([]);
    } finally {
      await page.close();
    }
  },
);

const [, FEATURE_PAGE] = CONSOLE_PAGES;
test("a chart that has not followed the window yet does not widen the page", async () => {
  await withContext({}, async (context) => {
    const page = await context.newPage();
    await page.addInitScript("ResizeObserver.prototype.observe = () => {}");
    await open(page, FEATURE_PAGE.example);
    await page.locator(".plot canvas").first().waitFor();
    await page.setViewportSize({ width: 375, height: 800 });
    expect(await numberOf(page, OVERFLOW)).toBe(0);
  });
});

const ACTED_ON = CONSOLE_PAGES.filter(({ path }) =>
  ["/features/:featureId", "/approvals", "/tokens"].includes(path),
);

test("buttons that a viewer may not use are no fault of accessibility", async () => {
  await withContext(
    {},
    async (context) => {
      const page = await context.newPage();
      for (const { path, example } of ACTED_ON) {
        await open(page, example);
        expect([path, await faultsOf(page)]).toEqual([path, []]);
      }
    },
    viewer,
  );
});

test("on a phone the pages are folded away, opened by a key, and closed by Escape", async () => {
  await withContext({ viewport: { width: 375, height: 812 } }, async (context) => {
    const page = await context.newPage();
    await open(page, "/edges");
    const audit = page.getByRole("link", { name: "Audit" });
    expect(await audit.isVisible()).toBe(false);
    await page.getByRole("button", { name: "Menu" }).press("Enter");
    await audit.waitFor();
    await audit.focus();
    await page.keyboard.press("Escape");
    await audit.waitFor({ state: "hidden" });
    await page.getByRole("button", { name: "Menu" }).click();
    await audit.click();
    await page.getByRole("heading", { level: 1, name: "Audit" }).waitFor();
    expect(await audit.isVisible()).toBe(false);
  });
});

const focused = (page: Page): Promise<unknown> =>
  page.evaluate("document.activeElement?.id || document.activeElement?.textContent?.trim()");

test("the first key leads past the navigation, and a page that is come to has the focus", async () => {
  await withContext({}, async (context) => {
    const page = await context.newPage();
    await open(page, "/edges");
    await page.keyboard.press("Tab");
    expect(await focused(page)).toBe("Skip to content");
    await page.keyboard.press("Enter");
    expect(await focused(page)).toBe("main");
    await page.getByRole("link", { name: "Audit" }).press("Enter");
    await page.getByRole("heading", { level: 1, name: "Audit" }).waitFor();
    await expect.poll(() => focused(page)).toBe("main");
  });
});

test("a dialog has the focus, keeps it, is free of faults, and gives it back", async () => {
  await withContext({}, async (context) => {
    const page = await context.newPage();
    await open(page, "/features/feat_express_checkout");
    const opener = page.getByRole("button", { name: "Close", exact: true });
    await opener.press("Enter");
    const dialog = page.getByRole("dialog");
    await dialog.waitFor();
    expect(await faultsOf(page)).toEqual([]);
    for (let presses = 0; presses < 8; presses++) {
      await page.keyboard.press("Tab");
      const isOutside = await page.evaluate(
        "document.activeElement !== document.body && document.activeElement.closest('dialog') === null",
      );
      expect(isOutside).toBe(false);
    }
    await page.keyboard.press("Escape");
    await dialog.waitFor({ state: "detached" });
    await expect.poll(() => focused(page)).toBe("Close");
  });
});

test("an origin that does not answer is said in words, without a fault of accessibility", async () => {
  await withContext({}, async (context) => {
    await context.route("**/admin/v1/edges**", (route) => route.abort());
    const page = await context.newPage();
    await page.goto(`${origin.url}/edges`);
    await page.getByRole("alert").getByText("The origin does not answer").waitFor();
    await page.getByRole("button", { name: "Try again" }).waitFor();
    expect(await faultsOf(page)).toEqual([]);
  });
});

test("a rollback is announced on whatever page one is", async () => {
  await withContext({}, async (context) => {
    const page = await context.newPage();
    await open(page, "/segments");
    const closed = await fetch(`${origin.url}/admin/v1/features/feat_wishlist/rollback`, {
      method: "POST",
      headers: { authorization: `Bearer ${origin.adminToken}` },
      body: JSON.stringify({ reason: "the test closes it" }),
    });
    expect(closed.status).toBe(200);
    await page.getByRole("status", { name: "News" }).getByText("feat_wishlist was rolled back.").waitFor();
  });
});

test.each([
  ["de-DE", /[\d.]+,\d\s%/],
  ["en-US", /[\d,]+\.\d%/],
  ["ar-EG", /[٠-٩]/],
  ["fa-IR", /[۰-۹]/],
])("numbers are written as in %s, and nothing breaks by it", async (locale, digits) => {
  await withContext({ locale, viewport: { width: 375, height: 812 } }, async (context) => {
    const page = await context.newPage();
    await open(page, "/features/feat_express_checkout");
    await page.getByText(digits).first().waitFor();
    expect(await numberOf(page, OVERFLOW)).toBe(0);
  });
});

test("times are in the reader's zone, with UTC on hover, and all in UTC by one key", async () => {
  await withContext({ timezoneId: "Asia/Tokyo", locale: "en-GB" }, async (context) => {
    const page = await context.newPage();
    await open(page, "/rollbacks");
    const time = page.locator("main time").first();
    const at = String(await time.getAttribute("datetime"));
    const utc = `${at.slice(0, 19).replace("T", " ")} UTC`;
    expect(await time.getAttribute("title")).toContain(utc);
    const inTokyo = new Intl.DateTimeFormat("en-GB", { timeStyle: "short", timeZone: "Asia/Tokyo" });
    expect(await time.textContent()).toContain(inTokyo.format(new Date(at)));
    await page.getByRole("button", { name: "Times in UTC" }).press("Enter");
    await expect.poll(() => time.textContent()).toBe(utc);
  });
});

test("a feature prints without what is for screens only, in black on white", async () => {
  await withContext({ colorScheme: "dark" }, async (context) => {
    const page = await context.newPage();
    await open(page, "/features/feat_smart_recs_v1");
    await page.emulateMedia({ media: "print", colorScheme: "light" });
    expect(await page.getByRole("navigation").isVisible()).toBe(false);
    expect(await page.locator("main form:visible, main .actions:visible").count()).toBe(0);
    expect(await page.getByRole("region", { name: "Verdict" }).isVisible()).toBe(true);
    const background = await page.evaluate("getComputedStyle(document.body).backgroundColor");
    expect(background).toMatch(/^rgb\((?:2[45]\d, ?){2}2[45]\d\)$/);
  });
});

test("in colours of the reader's own each state still has its edge", async () => {
  await withContext({ forcedColors: "active" }, async (context) => {
    const page = await context.newPage();
    await open(page, "/edges");
    const width = await page.evaluate("getComputedStyle(document.querySelector('.badge')).borderTopWidth");
    expect(width).toBe("1px");
  });
});

test("the first page costs less than 150 kB", async () => {
  await withContext({}, async (context) => {
    const page = await context.newPage();
    const session = await context.newCDPSession(page);
    await session.send("Network.enable");
    let bytes = 0;
    const kinds = new Map<string, string>();
    session.on("Network.responseReceived", ({ requestId, type }) => kinds.set(requestId, type));
    session.on("Network.loadingFinished", ({ requestId, encodedDataLength }) => {
      if (["Document", "Script", "Stylesheet"].includes(kinds.get(requestId) ?? ""))
        bytes += encodedDataLength;
    });
    await session.send("Network.setCacheDisabled", { cacheDisabled: true });
    await open(page, "/");
    expect(bytes).toBeGreaterThan(10_000);
    expect(bytes).toBeLessThan(150_000);
  });
});
