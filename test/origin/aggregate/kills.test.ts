// Faults under load, of real processes. `npm run faults` plays them at length.
import { expect, test } from "vitest";
import { differences, runFaults, type Fault } from "../../faults/run-faults.ts";

test("a SIGKILL of ingest, of a fold before its commit, or of PostgreSQL loses nothing acknowledged and counts nothing twice", async () => {
  const order = ["ingest", "foldBeforeCommit", "mainKilled"] as const;
  const report = await runFaults({ faults: order.length, order, say: () => {} });
  expect(report.acked).toBeGreaterThan(0);
  expect(differences(report)).toEqual([]);
}, 240_000);

test("with the log in JetStream and three databases, a partition that moves while a database and a leader are killed loses and repeats nothing", async () => {
  const order: readonly Fault[] = ["move", "aggregateKilled", "leader"];
  const report = await runFaults({
    faults: order.length,
    order,
    log: "jetstream",
    aggregates: ["a", "b"],
    say: () => {},
  });
  expect(report.moves?.moved).toBe(1);
  expect(report.acked).toBeGreaterThan(0);
  expect(differences(report)).toEqual([]);
}, 240_000);
