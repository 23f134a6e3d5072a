import * as fc from "fast-check";
import { test } from "vitest";
import {
  betaLogEvidence,
  betaLogEvidenceBothWays,
  betaLogKeepEvidence,
} from "../../../../origin/decide/statistics/beta-evidence.ts";
import { expectNear } from "../../../support/near.ts";

const prior = { alpha: 2, beta: 8 };

test("nothing seen is no evidence", () => {
  const nothing = { n: 0, s: 0 };
  expectNear(betaLogEvidence(nothing, 0.15, prior), 0, 1e-14);
  expectNear(betaLogKeepEvidence(nothing, 0.15, prior), 0, 1e-14);
  expectNear(betaLogEvidenceBothWays(nothing, 0.15, prior), 0, 1e-14);
});

test("one unit is a fair bet at the threshold, whichever way the evidence looks", () => {
  const share = fc.double({ min: 0.01, max: 0.99, noNaN: true });
  const weight = fc.double({ min: 0.1, max: 100, noNaN: true });
  for (const evidence of [betaLogEvidence, betaLogKeepEvidence, betaLogEvidenceBothWays])
    fc.assert(
      fc.property(share, weight, weight, (p0, alpha, beta) => {
        const after = (s: number) => Math.exp(evidence({ n: 1, s }, p0, { alpha, beta }));
        expectNear(p0 * after(1) + (1 - p0) * after(0), 1, 1e-9);
      }),
    );
});

test("evidence for keeping is evidence against the failures, with prior and threshold turned round", () => {
  // 30 of 100 succeeded where 15 % are asked for: 70 of 100 failed where at most 85 % may.
  expectNear(
    betaLogKeepEvidence({ n: 100, s: 30 }, 0.15, { alpha: 2, beta: 8 }),
    betaLogEvidence({ n: 100, s: 70 }, 0.85, { alpha: 8, beta: 2 }),
    1e-12,
  );
});
