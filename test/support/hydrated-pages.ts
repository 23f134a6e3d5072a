// What `<sluice-feature>` promises on a page that a framework hydrates, for each framework the same: a production build of
// test/frameworks behind the gate, in Chromium.
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startBrowser } from "./browser.ts";
import { startTestEdge, type TestEdge } from "./edge.ts";
import { startFrameworkApp, type Framework, type FrameworkApp } from "./framework-app.ts";

type Cohort = "treatment" | "holdout";

/** Runs before the page's own scripts: notes each frame in which something was shown, and marks this document. */
const WATCH_FRAMES = `
  window.isSameDocument = true;
  window.framesWith = { new: 0, old: 0, neither: 0 };
  const look = () => {
    const shown = ["new", "old"].filter((id) => document.getElementById(id)?.checkVisibility());
    for (const id of shown) window.framesWith[id]++;
    if (shown.length === 0 && document.getElementById("old") !== null) window.framesWith.neither++;
    requestAnimationFrame(look);
  };
  look();`;

/** Next.js prefetches nothing for a browser that names itself headless. */
const CHROME =
  "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36";

const INSTALL_MS = 240_000;

export const describeHydratedPages = (framework: Framework): void => {
  describe(`<sluice-feature> on a production build of ${framework}`, () => {
    let app: FrameworkApp;
    let edge: TestEdge;
    let browser: Browser;
    let revision = 0;

    const set = async (fields: object): Promise<void> => {
      const feature = {
        featureId: "feat_new",
        enabled: true,
        rolloutBps: 5_000,
        holdoutBps: 5_000,
        version: revision + 1,
        routes: [{ path: "/checkout" }, { path: "/orders" }],
        gate: { html: { elements: true } },
        ...fields,
      };
      expect((await edge.push({ revision: ++revision, full: true, features: [feature] })).status).toBe(200);
    };
    const open = (): Promise<void> => set({});
    const close = (): Promise<void> => set({ enabled: false, rolloutBps: 0 });

    beforeAll(async () => {
      app = await startFrameworkApp(framework);
      edge = await startTestEdge({ UPSTREAM_URL: app.url });
      browser = await startBrowser();
      await open();
    }, INSTALL_MS);
    afterAll(async () => {
      await browser.close();
      await edge.stop();
      await app.stop();
    });

    const contexts: BrowserContext[] = [];
    const errors: string[] = [];
    /** A new visitor with a cookie of this cohort. */
    const visitorOf = async (cohort: Cohort, javaScriptEnabled = true): Promise<Page> => {
      for (;;) {
        const context = await browser.newContext({ baseURL: edge.url, userAgent: CHROME, javaScriptEnabled });
        const response = await context.request.get("/.sluice/elements?path=/checkout");
        const isOpen = (await response.text()).includes('"open":true');
        if (isOpen !== (cohort === "treatment")) {
          await context.close();
          continue;
        }
        contexts.push(context);
        const page = await context.newPage();
        page.on("console", (message) => {
          const isWrong = message.type() === "error" || message.type() === "warning";
          if (isWrong && !message.location().url.endsWith("/favicon.ico")) errors.push(message.text());
        });
        page.on("pageerror", (error) => errors.push(String(error)));
        if (javaScriptEnabled) await page.addInitScript(WATCH_FRAMES);
        return page;
      }
    };
    const leave = async (): Promise<void> => {
      for (const context of contexts.splice(0)) await context.close();
      expect(errors.splice(0)).toEqual([]);
    };

    const expectShown = async (page: Page, id: "new" | "old"): Promise<void> => {
      await page.waitForSelector(`#${id}`, { state: "visible" });
      await page.waitForSelector(`#${id === "new" ? "old" : "new"}`, { state: "hidden" });
    };
    const follow = async (page: Page, link: string): Promise<void> => {
      await page.click(`a:text-is("${link}")`);
      await page.waitForSelector(`h1:text-is("${link}")`);
      expect(await page.evaluate("window.isSameDocument")).toBe(true);
    };
    const hydrate = async (page: Page, id: "new" | "old"): Promise<void> => {
      await page.waitForFunction(
        `(() => { const button = document.querySelector("#${id} button"); button.click(); return /[1-9]/.test(button.textContent); })()`,
      );
    };

    const shownTo = { treatment: "new", holdout: "old" } as const;
    const cohorts = ["treatment", "holdout"] as const;

    test.each(cohorts)(
      "%s sees its element from the first frame on, and the page hydrates",
      async (cohort) => {
        const page = await visitorOf(cohort);
        await page.goto("/checkout");
        await hydrate(page, shownTo[cohort]);
        await expectShown(page, shownTo[cohort]);
        const frames = await page.evaluate<Record<"new" | "old", number>>("window.framesWith");
        expect(frames[cohort === "treatment" ? "old" : "new"]).toBe(0);
        expect(frames[shownTo[cohort]]).toBeGreaterThan(0);
        await leave();
      },
    );

    test.each(cohorts)("%s sees its element without JavaScript", async (cohort) => {
      const page = await visitorOf(cohort, false);
      await page.goto("/checkout");
      expect(await page.isVisible("#new")).toBe(cohort === "treatment");
      expect(await page.isVisible("#old")).toBe(cohort === "holdout");
      await leave();
    });

    test.each(cohorts)("%s sees its element after client navigation, there and back", async (cohort) => {
      const page = await visitorOf(cohort);
      await page.goto("/");
      await follow(page, "Checkout");
      await expectShown(page, shownTo[cohort]);
      await hydrate(page, shownTo[cohort]);
      await follow(page, "Orders");
      await expectShown(page, shownTo[cohort]);
      await page.goBack();
      await page.waitForSelector('h1:text-is("Checkout")');
      await expectShown(page, shownTo[cohort]);
      const frames = await page.evaluate<Record<"new" | "old", number>>("window.framesWith");
      if (cohort === "holdout") expect(frames.new).toBe(0);
      await leave();
    });

    test("a rollback takes the element away with the next client navigation, and at once where it is live", async () => {
      const page = await visitorOf("treatment");
      await page.goto("/checkout");
      await expectShown(page, "new");
      await follow(page, "Orders");
      await expectShown(page, "new");
      await close();
      await expectShown(page, "old");
      await open();
      await expectShown(page, "new");
      await follow(page, "Home");
      await close();
      await follow(page, "Checkout");
      await expectShown(page, "old");
      await open();
      await leave();
    });
  });
};
