// How many mature users a failing feature takes beside a holdout, simulated; what the planner forecasts without simulating.
import { emptyEvidence } from "../../origin/decide/evidence.ts";
import { accumulateOutcomes } from "../../origin/decide/accumulate-outcomes.ts";
import { logEvidenceWorseThanHoldout } from "../../origin/decide/rollback-tests.ts";
import { agesOf } from "../../shared/features/outcome-ages.ts";
import { drawBinomial, type Random } from "./binomial.ts";
import { ruleFor } from "./rules.ts";

const BATCH = 20;

export type Power = {
  /** The holdout's rate, and treatment's as a part of it. */
  readonly threshold: number;
  readonly ratio: number;
  readonly holdoutPerUnit: number;
  readonly logBar: number;
};

/** Treatment users until one feature is rolled back, at the whole window and a bucket of 20 at a time. */
export const usersToRollback = (
  { threshold, ratio, holdoutPerUnit, logBar }: Power,
  random: Random,
): number => {
  const rule = ruleFor({ activationThreshold: threshold, activationWindowSeconds: 900 });
  let parts = emptyEvidence(agesOf(rule), 0, { rolloutBps: 5000, holdoutBps: 5000 }).activation;
  const inHoldout = BATCH * holdoutPerUnit;
  const terms = { threshold, against: "holdout", isKept: false } as const;
  for (let users = BATCH; ; users += BATCH) {
    const bucket = {
      bucketS: users,
      treatment: { n: BATCH, s: drawBinomial(BATCH, ratio * threshold, random) },
      holdout: { n: inHoldout, s: drawBinomial(inHoldout, threshold, random) },
    };
    parts = parts.map((part) => accumulateOutcomes(part, [bucket], users + 1, terms));
    if (logEvidenceWorseThanHoldout(parts) >= logBar) return users;
  }
};
