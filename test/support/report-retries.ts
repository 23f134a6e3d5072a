// Prints at the end of a run which tests were tried again, why that is allowed, and how the first try failed.
import { relative } from "node:path";
import type { Reporter, TestCase, TestModule } from "vitest/node";
import { retriedTests } from "./retried-tests.ts";

const retryText = (test: TestCase): string => {
  const file = relative(process.cwd(), test.module.moduleId);
  const listed = retriedTests.find((each) => each.file === file && each.title === test.fullName);
  const [first] = test.result().errors ?? [];
  return [
    `  ${file} > ${test.fullName}: ${test.result().state} when tried again`,
    `    allowed because of ${listed?.reason ?? "nothing: it is not in the list"}`,
    `    the first try: ${first?.message.split("\n")[0] ?? "failed without an error"}`,
  ].join("\n");
};

export default class RetryReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const retried = modules
      .flatMap((module) => [...module.children.allTests()])
      .filter((test) => (test.diagnostic()?.retryCount ?? 0) > 0);
    if (process.env["CI"] === undefined && retried.length === 0) return;
    process.stdout.write(
      `\n${[`Tests tried again: ${retried.length}`, ...retried.map(retryText)].join("\n")}\n`,
    );
  }
}
