// A few minutes of `npm run chaos`, and half an hour of `npm run soak`, are too long for every change; a few faults are not.
import { beforeAll, expect, test } from "vitest";
import { runChaos, type ChaosReport } from "../chaos/run.ts";
import { AVAILABLE } from "../chaos/visits.ts";

/** Draws the restart of an edge, which visitors must not notice. */
const SEED = 20_261_122;
/** Two promotions, and three that the seed draws. */
const FAULTS = 5;
const VISITORS_PER_SECOND = 20;

let report: ChaosReport;
beforeAll(async () => {
  report = await runChaos({
    seed: SEED,
    faults: FAULTS,
    beginsWithPromotions: true,
    visitorsPerSecond: VISITORS_PER_SECOND,
    say: () => {},
  });
}, 600_000);

test("everything agrees again after promotions and a few random faults, nothing acknowledged is lost, and nothing reopens", () => {
  expect(report.recoveredMs).toHaveLength(FAULTS);
});

test("meanwhile 99.99 % of the visitors' requests are answered as they should be: of so few, every one", () => {
  const allowed = Math.floor(report.visits * (1 - AVAILABLE));
  expect(report.failures.slice(allowed)).toEqual([]);
  expect(report.visits).toBeGreaterThan(100);
  // Otherwise no fault would have come near a visitor.
  expect(report.repeated).toBeGreaterThan(0);
});
