// The pattern's promise, 45 minutes: how long after launch a feature that halves activation is rolled back, when treatment
// and holdout each get 1,000 new users a minute and only 15 % of the activations come within the first hour. Whole
// evaluations: mature buckets, accumulate, decide.
import { agesOf } from "../../shared/features/outcome-ages.ts";
import { decide } from "../../origin/decide/decide.ts";
import { emptyEvidence, type OutcomeEvidence } from "../../origin/decide/evidence.ts";
import { accumulateExposures } from "../../origin/decide/accumulate-exposures.ts";
import { accumulateOutcomes } from "../../origin/decide/accumulate-outcomes.ts";
import { matureUpTo } from "../../origin/decide/maturity.ts";
import type { Rule } from "../../shared/features/rule.ts";
import { drawBinomial, type Random } from "./binomial.ts";
import { ACTIVATED_BY_AGE, outcomeBuckets } from "./delays.ts";

const PER_MINUTE = 1_000;

/** Minutes from launch to the rollback; Infinity when not within `minutes`. `ratio` is treatment's rate over holdout's. */
export const minutesToRollback = (
  rule: Rule,
  { ratio, minutes }: { ratio: number; minutes: number },
  random: Random,
): number => {
  const ages = agesOf(rule);
  const rollout = { rolloutBps: 5000, holdoutBps: 5000 };
  const units = (PER_MINUTE * ages.bucketSeconds) / 60;
  const rate = rule.activationThreshold;
  const cohort = { units, rate, byAge: ACTIVATED_BY_AGE };
  const life = outcomeBuckets(
    { treatment: { ...cohort, rate: rate * ratio }, holdout: cohort },
    { bucketSeconds: ages.bucketSeconds, buckets: Math.ceil((minutes * 60) / ages.bucketSeconds) },
    random,
  );
  const state = { evidence: emptyEvidence(ages, 0, rollout) };
  const terms = { threshold: rate, against: "holdout", isKept: false } as const;
  for (let now = 0; now <= minutes * 60; now += 30) {
    const accumulate = (part: OutcomeEvidence, age: number): OutcomeEvidence => {
      const upTo = matureUpTo(ages, part.ageSeconds, { now, lagSeconds: 0 });
      const buckets = life
        .slice(part.accumulatedTo / ages.bucketSeconds, Math.max(0, upTo / ages.bucketSeconds))
        .flatMap((bucket) => bucket[age] ?? []);
      return accumulateOutcomes(part, buckets, upTo, terms);
    };
    const exposed = matureUpTo(ages, 0, { now, lagSeconds: 0 });
    const before = state.evidence;
    state.evidence = {
      ...before,
      ...accumulateExposures(
        before,
        life.slice(0, Math.max(0, exposed / ages.bucketSeconds)).flatMap((bucket) => bucket[0] ?? []),
        exposed,
        { rollout, now },
      ),
      activation: before.activation.map(accumulate),
    };
    const { action } = decide({
      evidence: state.evidence,
      rule,
      history: { epoch: 1, ruleVersion: 1, decided: null, cause: [] },
      telemetry: { lagSeconds: 0, activationIsMeasured: true },
      now,
    });
    if (action === "ROLLBACK") return now / 60;
  }
  return Infinity;
};

/** Steps a minute at which the best test looks. */
const STEPS = 10;

/**
 * The same for the best test there can be: it knows rates and effect beforehand, sees every activation the moment it happens
 * and weighs it by its likelihood ratio alone. `bar` is the evidence it needs; activations come evenly in the first hour.
 */
export const minutesOfBestTest = (
  { rate, ratio, bar, minutes }: { rate: number; ratio: number; bar: number; minutes: number },
  random: Random,
): number => {
  const [, , byHour] = ACTIVATED_BY_AGE;
  const [ofTreatment, ofHoldout] = [Math.log((2 * ratio) / (1 + ratio)), Math.log(2 / (1 + ratio))];
  let logEvidence = 0;
  for (let step = 1; step <= minutes * STEPS; step++) {
    // Of those who came in the last `step` steps each acts at the same pace.
    const expected = (PER_MINUTE * rate * byHour * step) / 60 / STEPS ** 2;
    const draw = (mean: number) => drawBinomial(PER_MINUTE, mean / PER_MINUTE, random);
    logEvidence += ofTreatment * draw(expected * ratio) + ofHoldout * draw(expected);
    if (logEvidence >= Math.log(bar)) return step / STEPS;
  }
  return Infinity;
};
