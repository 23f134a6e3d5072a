// A browser context whose pages look the same on each day and machine: clock, font, answers and motion are fixed.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { Browser, BrowserContext, BrowserContextOptions } from "playwright-core";
import { SEEN_AT_MS, steadyAnswer } from "./steady-answers.ts";

const require = createRequire(import.meta.url);
const font = readFileSync(
  require.resolve("@fontsource-variable/inter/files/inter-latin-wght-normal.woff2"),
).toString("base64");

/** Machines have other fonts; a caret that blinks and what moves would differ from run to run. */
const FIXED = `
  @font-face { font-family: picture; src: url(data:font/woff2;base64,${font}) format("woff2"); font-weight: 100 900; }
  :root, code { font-family: picture !important; }
  * { caret-color: transparent !important; animation: none !important; transition: none !important; }`;

/** Signed in by `token`. `nowMs`: the moment at which the shop really is. */
export const newPictureContext = async (
  browser: Browser,
  { url, adminToken, nowMs }: { url: string; adminToken: string; nowMs: number },
  options: BrowserContextOptions,
): Promise<BrowserContext> => {
  const context = await browser.newContext({
    timezoneId: "UTC",
    locale: "en-GB",
    reducedMotion: "reduce",
    // The fixed font is no part of the origin's policy.
    bypassCSP: true,
    ...options,
  });
  const page = await context.newPage();
  await page.goto(`${url}/auth/sign-in`);
  await page.getByLabel("API token").fill(adminToken);
  await page.getByRole("button", { name: "Sign in with the token" }).click();
  await page.getByRole("heading", { level: 1, name: "Features" }).waitFor();
  await page.close();
  await context.clock.setFixedTime(SEEN_AT_MS);
  await context.route("**/admin/v1/**", async (route) => {
    // A stream never ends.
    if (route.request().url().includes("/admin/v1/events")) return route.continue();
    const response = await route.fetch();
    await route.fulfill({ response, body: steadyAnswer(await response.text(), nowMs) });
  });
  await context.addInitScript(`document.addEventListener("DOMContentLoaded", () => {
    const style = document.createElement("style");
    style.textContent = ${JSON.stringify(FIXED)};
    document.head.append(style);
  });`);
  return context;
};
