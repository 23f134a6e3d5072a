// What somebody does on the list and on a feature's page: each step is an input whose next paint is waited for.
import type { Page } from "playwright-core";
import { observe, seenBy, untilUsable } from "./observe.ts";

export type Interaction = { readonly name: string; readonly ms: number };

/** Two frames after the input its event has an entry. */
const PAINTED_MS = 300;

/** In the order in which they are carried out. */
const STEPS: readonly { readonly name: string; readonly act: (page: Page) => Promise<unknown> }[] = [
  {
    name: "type in the search",
    act: (page) => page.getByLabel("Search features").pressSequentially("bench_1"),
  },
  { name: "clear the search", act: (page) => page.getByLabel("Search features").press("Control+Backspace") },
  {
    name: "sort by a column",
    act: (page) => page.getByRole("columnheader", { name: "Next decision" }).getByRole("button").click(),
  },
  {
    name: "walk down the rows",
    act: async (page) => {
      await page.getByRole("heading", { name: "Features" }).click();
      for (let row = 0; row < 20; row++) await page.keyboard.press("j");
    },
  },
  { name: "open a row", act: (page) => page.keyboard.press("Enter") },
  {
    name: "open a dialog",
    act: (page) =>
      page
        .getByRole("button", { name: /^Close/ })
        .first()
        .click(),
  },
];

/** The slowest event of each step. */
export const interact = async (page: Page, url: string): Promise<Interaction[]> => {
  await observe(page);
  await page.goto(url);
  await untilUsable(page);
  // As after a while of looking: all rows are there.
  for (let rows = -1; ;) {
    await page.keyboard.press("End");
    await page.waitForTimeout(PAINTED_MS);
    const found = await page.locator("tr[data-feature]").count();
    if (found === rows) break;
    rows = found;
  }
  await page.keyboard.press("Home");
  const found: Interaction[] = [];
  for (const { name, act } of STEPS) {
    await page.evaluate("window.__bench.interactionMs = 0");
    await act(page);
    await page.waitForTimeout(PAINTED_MS);
    found.push({ name, ms: (await seenBy(page)).interactionMs });
  }
  return found;
};
