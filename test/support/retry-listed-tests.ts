// Runs before each test file: in CI a test of the list has a second try.
import { relative } from "node:path";
import { beforeAll, type RunnerTask } from "vitest";
import { retriedTests } from "./retried-tests.ts";

// oxlint-disable-next-line no-empty-pattern -- vitest reads from the pattern which fixtures a hook wants: none
beforeAll(({}, { file, tasks }) => {
  if (process.env["CI"] === undefined) return;
  const path = relative(process.cwd(), file.filepath);
  const titles = new Set(retriedTests.filter((listed) => listed.file === path).map(({ title }) => title));
  const allow = (task: RunnerTask): void => {
    if (task.type === "suite") for (const inner of task.tasks) allow(inner);
    else if (titles.has(task.fullTestName)) task.retry = 1;
  };
  if (titles.size > 0) for (const task of tasks) allow(task);
});
