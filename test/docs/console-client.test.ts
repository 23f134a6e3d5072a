import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { consoleClient } from "../../scripts/reference/console-client.ts";

test("the console's client is that of the admin API as it is (npm run console:client writes it)", async () => {
  const written = await readFile(new URL("../../console/src/client.gen.ts", import.meta.url), "utf8");
  expect(await consoleClient()).toBe(written);
});
