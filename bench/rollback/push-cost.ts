// CPU of one change that is pushed to an edge: what the processes take with changes, less what they take in as long a time without.
import { setTimeout as sleep } from "node:timers/promises";
import { cpuSeconds, ownWorkerds } from "../../test/support/linux-processes.ts";

/** Longer than a push takes, so that each change is pushed by itself. */
const GAP_MS = 40;

export type PushCost = {
  readonly originCpuMs: number;
  readonly postgresCpuMs: number;
  /** workerd with hub, replica and two instances */
  readonly edgeCpuMs: number;
};

/** Nobody visits meanwhile. `change` makes the n-th change. */
export const measurePushCost = async (options: {
  origin: number;
  postgres: number;
  changes: number;
  change: (n: number) => Promise<unknown>;
}): Promise<PushCost> => {
  const [edge] = ownWorkerds();
  if (edge === undefined) throw new Error("no edge runs");
  const pids = [options.origin, options.postgres, edge];
  const now = () => pids.map(cpuSeconds);
  const spent = async (each: (n: number) => Promise<unknown>): Promise<number[]> => {
    const before = now();
    for (let n = 0; n < options.changes; n += 1) {
      const began = performance.now();
      await each(n);
      await sleep(Math.max(0, began + GAP_MS - performance.now()));
    }
    return now().map((seconds, i) => seconds - (before[i] ?? 0));
  };
  await spent(options.change);
  const without = await spent(async () => {});
  const withChanges = await spent(options.change);
  const [originCpuMs = NaN, postgresCpuMs = NaN, edgeCpuMs = NaN] = withChanges.map(
    (seconds, i) => Math.round(((seconds - (without[i] ?? 0)) / options.changes) * 100_000) / 100,
  );
  return { originCpuMs, postgresCpuMs, edgeCpuMs };
};
