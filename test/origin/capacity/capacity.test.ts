import * as fc from "fast-check";
import { expect, test } from "vitest";
import { planCapacity, USED_SHARE, type Traffic } from "../../../origin/capacity/capacity.ts";
import { firstLimits } from "../../../origin/capacity/first-limits.ts";
import type { MeasuredCosts } from "../../../origin/capacity/measured-costs.ts";
import { ARTICLE_COSTS, PRICES } from "../../../origin/capacity/prices.ts";

/** Round figures, so that a sum can be done by hand. */
const costs: MeasuredCosts = {
  measured: { date: "2026-01-01", how: "made up" },
  span: {
    ingestCpuUs: 4,
    foldCpuUs: 5,
    postgresCpuUs: 4,
    requestBytes: 300,
    logBytes: 60,
    walBytes: 100,
  },
  unit: { postgresCpuUs: 0, walBytes: 0, bytes: 100 },
  rawSpan: { bytes: 500 },
  check: { cpuMs: 1, postgresCpuMs: 1 },
  gatedRequest: { cpuUs: 300, passThroughCpuUs: 100 },
  isolate: { callsPerSecond: 0.05 },
  origin: { idleMb: 100, foldMb: 500 },
};
const traffic: Traffic = {
  requestsPerSecond: 10_000,
  gatedShare: 0.5,
  features: 100,
  spansPerSecond: 50_000,
  newUnitsPerDay: 1e6,
  trialDays: 15,
  rawShare: 0.01,
  rawKeepDays: 10,
  regions: 3,
  isolates: 1_000,
  meanShare: 0.5,
  queue: false,
};
const plan = (changed: Partial<Traffic> = {}) => planCapacity({ ...traffic, ...changed }, costs, PRICES);

test("cores, processes and storage are the measured costs times the traffic", () => {
  const { cores, processes, storage, network, partitions, memoryMb } = plan();
  expect(cores.ingest).toBeCloseTo(0.2);
  expect(cores.fold).toBeCloseTo(0.25);
  expect(cores.evaluate).toBeCloseTo(0.1);
  expect(cores.postgres).toBeCloseTo(0.3);
  expect(processes).toEqual({ ingest: 1, fold: 1 });
  expect(partitions).toBe(4);
  expect(memoryMb).toBe(700);
  // 75 minutes of the log; 50 days of a million units; ten days of a hundredth of half the spans.
  expect(storage.log).toBe(50_000 * 60 * 4_500);
  expect(storage.units).toBe(1e6 * 100 * 50);
  expect(storage.rawSpans).toBeCloseTo(25_000 * 86_400 * 10 * 0.01 * 500);
  expect(network.telemetryIn).toBe(15e6);
});

test("Cloudflare's bill is what its tariffs say, beyond what is included", () => {
  const { cloudflare, costs: money } = plan();
  const requests = 5_000 * 730 * 3_600;
  expect(cloudflare.requests).toBe(requests);
  expect(cloudflare.cpuMs).toBeCloseTo((requests * 200) / 1e3);
  expect(cloudflare.objectRequests).toBeCloseTo(131.4e6);
  const byHand =
    5 +
    (requests / 1e6 - 10) * 0.3 +
    ((requests * 0.2) / 1e6 - 30) * 0.02 +
    130.4 * 0.15 +
    ((4 * 0.128 * 730 * 3_600 - 400_000) / 1e6) * 12.5;
  expect(money.cloudflare).toBeCloseTo(byHand, 6);
  expect(plan({ requestsPerSecond: 0, gatedShare: 0, isolates: 0, regions: 1 }).costs.cloudflare).toBeCloseTo(
    5 + ((2 * 0.128 * 730 * 3_600 - 400_000) / 1e6) * 12.5,
    6,
  );
});

test("a queue costs three operations a message, and only where it is used", () => {
  expect(plan().cloudflare.queueOperations).toBe(0);
  const { queueOperations } = plan({ queue: true }).cloudflare;
  expect(queueOperations).toBeCloseTo((25_000 * 730 * 3_600 * 3) / 200);
});

test("the article's table adds up", () => {
  const { postgres, redis, compute, collector, total } = ARTICLE_COSTS;
  expect(postgres + redis + compute + collector).toBe(total);
});

test("nothing is planned to be used more than it may be, and more traffic never needs less", () => {
  const rate = fc.double({ min: 0, max: 2e7, noNaN: true });
  fc.assert(
    fc.property(rate, rate, fc.integer({ min: 0, max: 10_000 }), (one, other, features) => {
      const [less, more] = [Math.min(one, other), Math.max(one, other)];
      const small = plan({ spansPerSecond: less, features });
      const large = plan({ spansPerSecond: more, features });
      for (const { cores, processes, machines, databases, partitions } of [small, large]) {
        expect(cores.ingest / processes.ingest).toBeLessThanOrEqual(USED_SHARE + 1e-9);
        expect(cores.fold / processes.fold).toBeLessThanOrEqual(USED_SHARE + 1e-9);
        expect(cores.postgres / (databases * 4)).toBeLessThanOrEqual(USED_SHARE + 1e-9);
        expect((cores.ingest + cores.fold + cores.evaluate) / (machines * 8)).toBeLessThanOrEqual(
          USED_SHARE + 1e-9,
        );
        expect(partitions).toBeGreaterThanOrEqual(Math.min(processes.fold, 256));
      }
      for (const part of ["machines", "databases", "partitions"] as const)
        expect(large[part]).toBeGreaterThanOrEqual(small[part]);
      expect(large.costs.total).toBeGreaterThanOrEqual(small.costs.total);
    }),
  );
});

test("a small site has nothing to change; a large one is told what breaks, and by how much", () => {
  expect(firstLimits(traffic, plan())).toEqual([]);
  const large = { ...traffic, spansPerSecond: 1e6 };
  const said = firstLimits(large, plan(large)).join("\n");
  expect(said).toContain("start 8 (ROLES=ingest)");
  expect(said).toContain("start 10 (ROLES=fold)");
  expect(said).toContain(
    "the span log has 4 partitions: set SPAN_LOG_PARTITIONS=32 before the first start, since it is fixed then",
  );
  expect(said).toContain("one database is not enough: 3 ");
});
