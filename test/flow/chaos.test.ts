// A few minutes of `npm run chaos` are too long for every change; a few faults are not.
import { expect, test } from "vitest";
import { runChaos } from "../chaos/run.ts";

const SEED = 20_261_122;
/** Two promotions, and three that the seed draws. */
const FAULTS = 5;

test("everything agrees again after promotions and a few random faults, nothing acknowledged is lost, and nothing reopens", async () => {
  const report = await runChaos({
    seed: SEED,
    faults: FAULTS,
    beginsWithPromotions: true,
    say: () => {},
  });
  expect(report.recoveredMs).toHaveLength(FAULTS);
}, 600_000);
