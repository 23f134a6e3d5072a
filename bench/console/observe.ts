// What a page of the console costs, as Chromium itself accounts for it: installed before the page's own script runs.
import { setTimeout as sleep } from "node:timers/promises";
import type { Page } from "playwright-core";
import { z } from "zod";

const WAIT_MS = 30_000;

/** Runs in the page, where names of the DOM are known. */
const OBSERVER = `(() => {
  const seen = (window.__bench = { firstPaintMs: 0, usableMs: 0, cls: 0, longTasks: 0, longestTaskMs: 0, interactionMs: 0 });
  const observe = (type, take, options = {}) =>
    new PerformanceObserver((list) => list.getEntries().forEach(take)).observe({ type, buffered: true, ...options });
  observe("paint", (entry) => { if (entry.name === "first-contentful-paint") seen.firstPaintMs = entry.startTime; });
  observe("layout-shift", (entry) => { if (!entry.hadRecentInput) seen.cls += entry.value; });
  observe("longtask", (entry) => { seen.longTasks++; seen.longestTaskMs = Math.max(seen.longestTaskMs, entry.duration); });
  observe("event", (entry) => {
    if (entry.interactionId > 0) seen.interactionMs = Math.max(seen.interactionMs, entry.duration);
  }, { durationThreshold: 16 });
  const look = () => {
    const main = document.querySelector("main");
    if (main?.querySelector("h1") && !main.querySelector("[aria-busy=true]")) seen.usableMs = performance.now();
    else requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
})()`;

const Seen = z.object({
  firstPaintMs: z.number(),
  /** The heading is there and nothing of the page is awaited any more. */
  usableMs: z.number(),
  /** Sum of the layout shifts that no input explains. */
  cls: z.number(),
  longTasks: z.number(),
  longestTaskMs: z.number(),
  /** Of the slowest interaction, from the input to the next paint; 0: none took longer than 16 ms. */
  interactionMs: z.number(),
});
export type Seen = z.infer<typeof Seen>;

export const observe = (page: Page): Promise<unknown> => page.addInitScript(OBSERVER);

export const seenBy = async (page: Page): Promise<Seen> => Seen.parse(await page.evaluate("window.__bench"));

/** The page's policy forbids what Playwright's own waiting evaluates. */
export const untilUsable = async (page: Page): Promise<void> => {
  const deadline = performance.now() + WAIT_MS;
  while ((await seenBy(page)).usableMs === 0) {
    if (performance.now() > deadline) throw new Error(`${page.url()} was not usable within ${WAIT_MS} ms`);
    await sleep(20);
  }
};
