// The picture of one page, as soon as nothing on it moves any more.
import type { BrowserContext } from "playwright-core";

/** Two pictures in a row are the same by then, or it is said that the page never settles. */
const SETTLES_WITHIN_MS = 10_000;

export const takePicture = async (
  context: BrowserContext,
  url: string,
  { fullPage }: { fullPage: boolean },
): Promise<Buffer> => {
  const page = await context.newPage();
  try {
    await page.goto(url);
    await page.getByRole("heading", { level: 1 }).waitFor();
    await page.locator("[aria-busy=true]").first().waitFor({ state: "detached" });
    await page.evaluate("document.fonts.ready.then(() => null)");
    const deadline = performance.now() + SETTLES_WITHIN_MS;
    let before = await page.screenshot({ fullPage });
    for (;;) {
      const after = await page.screenshot({ fullPage });
      if (after.equals(before)) return after;
      if (performance.now() > deadline)
        throw new Error(`${url} is still changing after ${SETTLES_WITHIN_MS} ms`);
      before = after;
    }
  } finally {
    await page.close();
  }
};
