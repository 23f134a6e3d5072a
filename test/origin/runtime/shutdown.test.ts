import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { endInOrder, type Part } from "../../../origin/runtime/shutdown.ts";
import { makeTestLog } from "../../support/log.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const never = new Promise<void>(() => {});

test("parts end one after the other, and one that never ends or fails holds up no other", async () => {
  const begun: [name: string, atMs: number][] = [];
  const startMs = performance.now();
  const part = (name: string, stop: () => Promise<void>, withinMs?: number): Part => ({
    name,
    stop: () => {
      begun.push([name, Math.round(performance.now() - startMs)]);
      return stop();
    },
    ...(withinMs === undefined ? {} : { withinMs }),
  });
  const wait = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
  const { lines, ...log } = makeTestLog();
  const ended = endInOrder(
    [
      part("drain", () => wait(30_000), 40_000),
      part("quick", () => wait(100)),
      part("silent", () => never),
      part("failing", () => Promise.reject(new Error("the connection broke"))),
      part("silent too", () => never),
      part("without time", () => never),
      part("at once", async () => {}),
      part("database", () => wait(8_000), 10_000),
    ],
    log,
  );
  await vi.advanceTimersByTimeAsync(60_000);
  await ended;
  expect(begun).toEqual([
    ["drain", 0],
    ["quick", 30_000],
    ["silent", 30_100],
    ["failing", 33_100],
    ["silent too", 33_100],
    ["without time", 36_000],
    ["at once", 36_250],
    ["database", 36_250],
  ]);
  expect(lines.map(({ facts }) => facts)).toEqual([
    { part: "silent", withinMs: 3_000 },
    { part: "failing", error: "the connection broke" },
    { part: "silent too", withinMs: 2_900 },
    { part: "without time", withinMs: 250 },
  ]);
});
