// A few minutes of `npm run chaos` are too long for every change; a few faults are not.
import { expect, test } from "vitest";
import { runChaos } from "../chaos/run.ts";

const SEED = 20_261_122;
const FAULTS = 5;

test("everything agrees again after each of a few random faults, and nothing acknowledged is lost", async () => {
  const report = await runChaos({ seed: SEED, faults: FAULTS, say: () => {} });
  expect(report.recoveredMs).toHaveLength(FAULTS);
}, 600_000);
