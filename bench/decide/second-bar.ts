// What the second bar costs: treatment users until a failing feature is rolled back, by its floor alone and by both.
import { emptyEvidence } from "../../origin/decide/evidence.ts";
import { accumulateOutcomes } from "../../origin/decide/accumulate-outcomes.ts";
import { logEvidenceWorseThanHoldout } from "../../origin/decide/rollback-tests.ts";
import { gridLogEvidence } from "../../origin/decide/statistics/rate-evidence.ts";
import { agesOf } from "../../shared/features/outcome-ages.ts";
import { drawBinomial, type Random } from "./binomial.ts";
import { ruleFor } from "./rules.ts";

const FLOOR = 0.15;
const LOG_BAR = Math.log(6_250);
const LOOK_EVERY = 50;
const MOST_USERS = 100_000;

/** `secondBar`: evidence to 1 that is needed beside the holdout; 1: the floor alone. `ratio`: treatment's rate over the floor. */
export const usersToBoth = (
  { holdoutPerUnit, ratio, secondBar }: { holdoutPerUnit: number; ratio: number; secondBar: number },
  random: Random,
): number => {
  const rule = ruleFor({ activationThreshold: FLOOR, activationWindowSeconds: 900 });
  let parts = emptyEvidence(agesOf(rule), 0, { rolloutBps: 5000, holdoutBps: 5000 }).activation;
  let heldOut = 0;
  for (let users = LOOK_EVERY; users <= MOST_USERS; users += LOOK_EVERY) {
    const inHoldout = Math.round(users * holdoutPerUnit) - heldOut;
    heldOut += inHoldout;
    const bucket = {
      bucketS: users,
      treatment: { n: LOOK_EVERY, s: drawBinomial(LOOK_EVERY, ratio * FLOOR, random) },
      holdout: { n: inHoldout, s: drawBinomial(inHoldout, FLOOR, random) },
    };
    parts = parts.map((part) =>
      accumulateOutcomes(part, [bucket], users + 1, { threshold: FLOOR, against: "both", isKept: false }),
    );
    const seen = parts.at(-1)?.mature.treatment ?? { n: 0, s: 0 };
    const isBelow = gridLogEvidence(seen, FLOOR) >= LOG_BAR;
    if (isBelow && (secondBar === 1 || logEvidenceWorseThanHoldout(parts) >= Math.log(secondBar)))
      return users;
  }
  return Infinity;
};
