import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, expect, test, vi } from "vitest";
import { superviseThread, type SupervisedThread } from "../../../origin/runtime/supervised-thread.ts";
import { makeTestLog } from "../../support/log.ts";

let thread: SupervisedThread | undefined;
afterEach(async () => {
  await thread?.stop();
  thread = undefined;
});

const soon = (check: () => void) => vi.waitFor(check, { timeout: 20_000, interval: 10 });

/** Starts a thread that runs `script`; collects its messages over all its lives. */
const start = (script: string) => {
  const log = makeTestLog();
  const messages: unknown[] = [];
  let lives = 0;
  thread = superviseThread({
    file: new URL(`data:text/javascript,${encodeURIComponent(script)}`),
    name: "test",
    workerData: "given",
    onStart: (worker) => {
      lives += 1;
      worker.on("message", (message) => messages.push(message));
    },
    logger: log,
  });
  return { thread, messages, lives: () => lives, log };
};

const UNTIL_STOPPED = `
  import { parentPort, workerData } from "node:worker_threads";
  parentPort.postMessage(workerData);
  parentPort.once("message", (word) => { parentPort.postMessage("heard " + word); setTimeout(process.exit, 100); });
`;

test("a thread gets its data, and a stop waits until it has ended", async () => {
  const { thread: running, messages } = start(UNTIL_STOPPED);
  await soon(() => expect(messages).toEqual(["given"]));
  await running.stop();
  expect(messages).toEqual(["given", "heard stop"]);
});

test("a thread that fails is logged and starts again, with the same data", async () => {
  const { messages, lives, log } = start(`
    import { parentPort, workerData } from "node:worker_threads";
    parentPort.postMessage(workerData);
    throw new Error("out of order");
  `);
  await soon(() => expect(messages.length).toBeGreaterThanOrEqual(2));
  expect(new Set(messages)).toEqual(new Set(["given"]));
  expect(lives()).toBeGreaterThanOrEqual(2);
  expect(log.lines[0]).toMatchObject({
    level: "error",
    facts: { err: expect.objectContaining({ message: "out of order" }), thread: "test" },
    message: "the test thread failed; it starts again in 500 ms",
  });
});

test("a stop waits for a thread that fails instead of ending", async () => {
  const {
    thread: running,
    log,
    messages,
  } = start(`
    import { parentPort } from "node:worker_threads";
    parentPort.postMessage("waits");
    parentPort.once("message", () => { throw new Error("out of order"); });
  `);
  await soon(() => expect(messages).toEqual(["waits"]));
  await running.stop();
  expect(log.lines).toMatchObject([{ level: "error" }]);
});

test("a thread that has just died does not come back after a stop", async () => {
  const { thread: running, lives, log } = start('throw new Error("out of order");');
  await soon(() => expect(log.lines).toHaveLength(1));
  await running.stop();
  await sleep(1_000);
  expect(lives()).toBe(1);
});
