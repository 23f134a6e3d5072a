// Pages of the edge and of signing in have the console's colours.
import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { PAGE_LOOK } from "../../shared/page-look.ts";

const coloursOf = (css: string): Map<string, string> =>
  new Map(
    [...css.matchAll(/(--[\w-]+): (light-dark\([^)]*\))/g)].map(([, name = "", value = ""]) => [name, value]),
  );

test("each colour of a page on its own is the console's of that name", async () => {
  const path = new URL("../../console/src/style.css", import.meta.url);
  const console = coloursOf(await readFile(path, "utf8"));
  const own = coloursOf(PAGE_LOOK);
  expect(own.size).toBeGreaterThan(10);
  for (const [name, value] of own) expect([name, console.get(name)]).toEqual([name, value]);
});
