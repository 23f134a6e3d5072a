// Pictures of the console's pages by their files' names, one after the other.
import type { Browser } from "playwright-core";
import { CONSOLE_PAGES } from "../../shared/console-pages.ts";
import type { SeededOrigin } from "../seed/seeded-origin.ts";
import { newPictureContext } from "./picture-context.ts";
import { takePicture } from "./take-picture.ts";
import { VIEWS, type View } from "./views.ts";

export type Picture = { readonly file: string; readonly png: Buffer };

/** Of a feature everything is shown, of lists what one sees first. */
const isWhole = (page: string, { suffix }: View): boolean => page === "feature" && suffix === "";

/** Health tells of the machine that it runs on. */
export const isCompared = (file: string): boolean => !file.startsWith("health");

export async function* takePictures(
  browser: Browser,
  origin: SeededOrigin,
  wanted: (file: string) => boolean = () => true,
): AsyncGenerator<Picture> {
  for (const view of VIEWS) {
    const { suffix, viewport, colorScheme } = view;
    const pages = CONSOLE_PAGES.filter((page) => wanted(`${page.file}${suffix}.png`));
    if (pages.length === 0) continue;
    const context = await newPictureContext(browser, origin, { viewport, colorScheme });
    try {
      for (const page of pages) {
        const options = { fullPage: isWhole(page.file, view) };
        const png = await takePicture(context, origin.url + page.example, options);
        yield { file: `${page.file}${suffix}.png`, png };
      }
    } finally {
      await context.close();
    }
  }
}
