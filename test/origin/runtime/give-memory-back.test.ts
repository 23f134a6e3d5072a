import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";
import { isWorthGivingBack } from "../../../origin/runtime/give-memory-back.ts";

const module = new URL("../../../origin/runtime/give-memory-back.ts", import.meta.url).href;

/** Runs in a process of its own, since a heap is the whole process's. Returns MB resident before and after. */
const afterMuchGarbage = (thenDo: string): { before: number; after: number; gc: string } =>
  JSON.parse(
    execFileSync(
      process.execPath,
      [
        "--input-type=module",
        "--eval",
        `import { giveMemoryBack, keepMemorySmall } from ${JSON.stringify(module)};
         const resident = () => Math.round(process.memoryUsage().rss / 2 ** 20);
         let kept = [];
         for (let n = 0; n < 60; n++) kept.push(Array.from({ length: 20_000 }, (_, i) => ({ i, n })));
         kept = [];
         const before = resident();
         ${thenDo};
         console.log(JSON.stringify({ before, after: resident(), gc: typeof globalThis.gc }));`,
      ],
      { encoding: "utf8" },
    ),
  );

test("the memory of what is garbage goes back to the operating system, and the collector stays hidden", () => {
  const { before, after, gc } = afterMuchGarbage("giveMemoryBack()");
  expect(after).toBeLessThan(before - 30);
  expect(gc).toBe("undefined");
});

test("threads that do it at the same time all succeed", () => {
  const started = execFileSync(
    process.execPath,
    [
      "--input-type=module",
      "--eval",
      `import { Worker } from "node:worker_threads";
       const source = \`import(${JSON.stringify(module)}).then(({ giveMemoryBack }) => { for (let n = 0; n < 30; n++) giveMemoryBack(); })\`;
       const threads = Array.from({ length: 4 }, () => new Worker(source, { eval: true }));
       const codes = await Promise.all(threads.map((thread) => new Promise((resolve, reject) => thread.once("error", reject).once("exit", resolve))));
       console.log(JSON.stringify(codes));`,
    ],
    { encoding: "utf8" },
  );
  expect(JSON.parse(started)).toEqual([0, 0, 0, 0]);
});

test("without it the process keeps that memory", () => {
  const { before, after } = afterMuchGarbage("");
  expect(after).toBeGreaterThan(before - 30);
});

test("an idle thread gives back what came later, and ends all the same", () => {
  const { before, after } = afterMuchGarbage(
    "keepMemorySmall(200); for (let n = 0; n < 60; n++) kept.push(Array.from({ length: 20_000 }, (_, i) => ({ i, n }))); kept = []; " +
      "await new Promise((wake) => setTimeout(wake, 1500))",
  );
  expect(after).toBeLessThan(before - 30);
});

test.each([
  {
    heapBytes: 60e6,
    afterBytes: 30e6,
    workedShare: 0.02,
    worth: true,
    what: "an idle thread whose heap has grown",
  },
  { heapBytes: 60e6, afterBytes: 30e6, workedShare: 0.4, worth: false, what: "a thread that works" },
  {
    heapBytes: 32e6,
    afterBytes: 30e6,
    workedShare: 0.02,
    worth: false,
    what: "a heap that has hardly grown",
  },
])("$what: worth a pause $worth", ({ worth, heapBytes, afterBytes, workedShare }) => {
  expect(isWorthGivingBack({ heapBytes, afterBytes, workedShare })).toBe(worth);
});
