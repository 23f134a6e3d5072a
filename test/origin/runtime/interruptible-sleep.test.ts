import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { makeInterruptibleSleep } from "../../../origin/runtime/interruptible-sleep.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** Begins to sleep; tells whether the sleep is over. */
const sleeper = (pause: ReturnType<typeof makeInterruptibleSleep>, ms: number) => {
  let isOver = false;
  const sleeping = async () => {
    await pause.sleep(ms);
    isOver = true;
  };
  void sleeping();
  return async (afterMs: number) => {
    await vi.advanceTimersByTimeAsync(afterMs);
    return isOver;
  };
};

test("it lasts as long as it was asked to when nothing interrupts it", async () => {
  const isOver = sleeper(makeInterruptibleSleep(), 1_000);
  expect(await isOver(999)).toBe(false);
  expect(await isOver(1)).toBe(true);
});

test("an interruption ends it at once", async () => {
  const pause = makeInterruptibleSleep();
  const isOver = sleeper(pause, 1_000);
  expect(await isOver(10)).toBe(false);
  pause.interrupt();
  expect(await isOver(0)).toBe(true);
});

test("an interruption that comes between two sleeps ends the next one, and only that", async () => {
  const pause = makeInterruptibleSleep();
  pause.interrupt();
  pause.interrupt();
  expect(await sleeper(pause, 1_000)(0)).toBe(true);
  const isOver = sleeper(pause, 1_000);
  expect(await isOver(999)).toBe(false);
  expect(await isOver(1)).toBe(true);
});
