// Errors in the log, as a process writes it.
import { spawn } from "node:child_process";
import { expect, test } from "vitest";

test("an error says its message under either name, also one that has only parts, and a text stays a text", async () => {
  const module = new URL("../../../origin/runtime/log.ts", import.meta.url).href;
  const script = `const { makeLogger } = await import(${JSON.stringify(module)});
    const log = makeLogger("info");
    log.error({ error: new RangeError("out of range") }, "one");
    log.error({ err: new Error("outer", { cause: new Error("inner") }) }, "two");
    log.error({ err: new AggregateError([new Error("connect ECONNREFUSED"), new Error("another")]) }, "three");
    log.error({ error: "a text" }, "four");`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let output = "";
  for await (const chunk of child.stdout) output += String(chunk);
  const lines = output
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  expect(lines).toMatchObject([
    { error: { type: "RangeError", message: "out of range" } },
    { err: { message: "outer: inner" } },
    { err: { message: "connect ECONNREFUSED" } },
    { error: "a text" },
  ]);
});
