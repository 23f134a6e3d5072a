import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { retriedTests } from "../support/retried-tests.ts";

test.each(retriedTests)("$title in $file is a test that there is", async ({ file, title }) => {
  const text = await readFile(file, "utf8");
  for (const part of title.split(" > ")) expect(text).toContain(`"${part}"`);
});
