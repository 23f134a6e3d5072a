import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { startPeriodicTask } from "../../../origin/runtime/periodic-task.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const failOn = (error: unknown): never => expect.unreachable(String(error));
const wait = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

test("runs begin in even steps, however long each takes, and one that takes longer than a step is followed at once", async () => {
  const began: number[] = [];
  const start = performance.now();
  const lengths = [10, 90, 150, 10];
  const task = startPeriodicTask({
    everyMs: 100,
    run: async () => {
      began.push(performance.now() - start);
      await wait(lengths[began.length - 1] ?? 0);
    },
    onError: failOn,
  });
  await vi.advanceTimersByTimeAsync(560);
  await task.stop();
  // "At once" is the next millisecond: no timer is shorter.
  expect(began).toEqual([100, 200, 300, 451, 551]);
});

test("a run that fails is reported, and the next one comes at its time", async () => {
  const errors: unknown[] = [];
  let runs = 0;
  const task = startPeriodicTask({
    everyMs: 100,
    run: async () => {
      runs += 1;
      if (runs === 1) throw new Error("not now");
    },
    onError: (error) => errors.push(error),
  });
  await vi.advanceTimersByTimeAsync(250);
  expect({ runs, errors }).toEqual({ runs: 2, errors: [new Error("not now")] });
  await task.stop();
});

test("stopping waits for the run under way, and nothing runs afterwards", async () => {
  let runs = 0;
  let isDone = false;
  const task = startPeriodicTask({
    everyMs: 100,
    run: async () => {
      runs += 1;
      await wait(50);
      isDone = true;
    },
    onError: failOn,
  });
  await vi.advanceTimersByTimeAsync(110);
  const stopped = task.stop().then(() => isDone);
  await vi.advanceTimersByTimeAsync(1_000);
  expect({ wasDoneAtStop: await stopped, runs }).toEqual({ wasDoneAtStop: true, runs: 1 });
});
