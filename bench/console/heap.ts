// Memory of the list while features change under it: what is in use after each collection of garbage.
import { setTimeout as sleep } from "node:timers/promises";
import type { Page } from "playwright-core";

const MB = 1_048_576;

export type Heap = {
  readonly samplesMb: readonly number[];
  /** Of a line through the samples without the first, when not all code had run yet. */
  readonly growthMbPerHour: number;
};

const slope = (points: readonly (readonly [number, number])[]): number => {
  const mean = (at: 0 | 1): number => points.reduce((sum, point) => sum + point[at], 0) / points.length;
  const [x, y] = [mean(0), mean(1)];
  const spread = points.reduce((sum, point) => sum + (point[0] - x) ** 2, 0);
  return spread === 0 ? 0 : points.reduce((sum, point) => sum + (point[0] - x) * (point[1] - y), 0) / spread;
};

/** `change` changes something that the page shows. */
export const watchHeap = async (
  page: Page,
  { minutes, change }: { minutes: number; change: () => Promise<unknown> },
): Promise<Heap> => {
  const session = await page.context().newCDPSession(page);
  const everyMs = Math.max(5_000, (minutes * 60_000) / 12);
  const samples: [number, number][] = [];
  for (let at = 0; at <= minutes * 60_000; at += everyMs) {
    const until = performance.now() + everyMs;
    while (performance.now() < until) {
      await change();
      await sleep(500);
    }
    await session.send("HeapProfiler.collectGarbage");
    const { usedSize } = await session.send("Runtime.getHeapUsage");
    samples.push([at / 3_600_000, usedSize / MB]);
  }
  return {
    samplesMb: samples.map(([, mb]) => Number(mb.toFixed(2))),
    growthMbPerHour: Number(slope(samples.slice(1)).toFixed(2)),
  };
};
