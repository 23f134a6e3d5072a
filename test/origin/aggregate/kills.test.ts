// Kills under load, of real processes. `npm run faults` does it at length.
import { expect, test } from "vitest";
import { runFaults } from "../../faults/run-faults.ts";

test("a SIGKILL of ingest, fold, a backend or PostgreSQL loses nothing acknowledged and counts nothing twice", async () => {
  const report = await runFaults({ kills: 4, say: () => {} });
  expect(report.acked).toBeGreaterThan(0);
  expect(report.countedRequests).toBe(report.acked);
  expect(report.countedUnits).toBe(report.units);
}, 240_000);

test("with the log in JetStream, a leader that is killed, a server that stands still and a cut network lose and repeat nothing", async () => {
  const victims = ["leader", "clientNetwork", "fold", "pause"] as const;
  const report = await runFaults({ kills: victims.length, log: "jetstream", victims, say: () => {} });
  expect(report.victims).toEqual({ leader: 1, clientNetwork: 1, fold: 1, pause: 1 });
  expect(report.acked).toBeGreaterThan(0);
  expect(report.countedRequests).toBe(report.acked);
  expect(report.countedUnits).toBe(report.units);
}, 240_000);
