// Kills under load, of real processes. `npm run faults` does it at length.
import { expect, test } from "vitest";
import { runFaults } from "../../faults/run-faults.ts";

test("a SIGKILL of ingest, fold, a backend or PostgreSQL loses nothing acknowledged and counts nothing twice", async () => {
  const report = await runFaults({ kills: 4, say: () => {} });
  expect(report.acked).toBeGreaterThan(0);
  expect(report.countedRequests).toBe(report.acked);
  expect(report.countedUnits).toBe(report.units);
}, 240_000);
