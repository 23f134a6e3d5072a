// What befalls everybody: lives of features that are as good as their holdout, and better than their floors, on a site to which
// something happens. Whole evaluations as in production: mature buckets into the trial, then the decision. A false rollback is too
// rare to count, so most lives are of features that are worse than their holdout, and each is weighted with its likelihood in truth, as in
// tilted.ts.
import type { Decision } from "../../origin/decide/decision.ts";
import type { OutcomeBucket } from "../../origin/decide/accumulate-outcomes.ts";
import { judgedRule } from "../../origin/decide/judged-rule.ts";
import { evaluateTrial } from "../../origin/evaluate/evaluation.ts";
import { outcomeKey, type MatureData } from "../../origin/evaluate/read-mature.ts";
import type { OutcomeSignal } from "../../origin/evaluate/read-outcomes.ts";
import type { EvaluationTarget } from "../../origin/evaluate/targets.ts";
import { termsOf } from "../../origin/evaluate/trial-terms.ts";
import { currentTrial, type Trial } from "../../origin/evaluate/trials.ts";
import { updateTrial } from "../../origin/evaluate/update-trial.ts";
import { agesOf } from "../../shared/features/outcome-ages.ts";
import { drawBinomial, type Random } from "./binomial.ts";
import { ruleFor } from "./rules.ts";
import { estimateOf, type Estimate } from "./tilted.ts";

/** At one time: how many come, which part of them never does anything, and how likely the others are to act or return. */
export type Weather = { readonly visitors: number; readonly never: number; readonly succeed: number };
const USUAL: Weather = { visitors: 1, never: 0, succeed: 1 };

export type Misfortune = {
  readonly name: string;
  /** Buckets (of 3 minutes) that it lasts. */
  readonly lasts: number;
  readonly weather: Weather;
};

/** A cause that stays. Without a holdout nobody can tell it from the feature. */
export const FOR_EVER: Misfortune = {
  name: "everything halves, for ever",
  lasts: 1_000,
  weather: { visitors: 1, never: 0, succeed: 0.5 },
};

export const MISFORTUNES: readonly Misfortune[] = [
  { name: "outage of an hour", lasts: 20, weather: { visitors: 0.1, never: 0, succeed: 0 } },
  { name: "people leave and do not come back", lasts: 1_000, weather: { visitors: 0, never: 0, succeed: 0 } },
  { name: "night of three hours", lasts: 60, weather: { visitors: 0.1, never: 0, succeed: 0.6 } },
  {
    name: "dilution: as many that never act, an hour",
    lasts: 20,
    weather: { visitors: 2, never: 0.5, succeed: 1 },
  },
  {
    name: "campaign: five times as many, never act",
    lasts: 40,
    weather: { visitors: 5, never: 0.8, succeed: 1 },
  },
  FOR_EVER,
];

export const NOTHING: Misfortune = { name: "nothing", lasts: 0, weather: USUAL };

const BUCKETS = 160;
const BUCKETS_A_LOOK = 5;
/** Treatment units in a usual bucket. */
const UNITS = 100;
const MARGIN = 1.2;
const ACTIVATED_BY_AGE = [0.4, 0.7, 1] as const;

export type Site = {
  /** Holdout units for each of treatment's. */
  readonly holdout: number;
  readonly misfortune: Misfortune;
  /** Index of the bucket with which it begins. */
  readonly begins: number;
  /** From then on so many of the feature's own people act (1: as many as in the holdout). */
  readonly failing?: number;
};

const weatherAt = ({ misfortune: { lasts, weather }, begins }: Site, bucket: number): Weather =>
  bucket >= begins && bucket < begins + lasts ? weather : USUAL;

const makeTarget = (holdout: number): EvaluationTarget => {
  const rolloutBps = Math.round(10_000 / (1 + holdout));
  const holdoutBps = 10_000 - rolloutBps;
  const rule = judgedRule(
    ruleFor({
      activationThreshold: 0.15,
      retentionThreshold: 0.4,
      activationWindowSeconds: 3_600,
      retentionWindowSeconds: 7_200,
      returnAfterSeconds: 3_600,
      minCohortSize: 500,
    }),
    { holdoutBps },
  );
  const target = { rule, rolloutBps, holdoutBps, epochStartedAt: 0, epoch: 1, ruleVersion: 1, version: 1 };
  return {
    ...target,
    featureId: rule.featureId,
    activationConfigured: true,
    terms: termsOf(rule),
    ages: agesOf(rule),
    isCounted: true,
    trial: null,
    ramp: null,
    last: null,
  };
};

/**
 * Worlds in which one outcome of treatment is so many times as likely as the holdout's. Together they are as likely as in truth: that
 * is how chance makes treatment look worse, and where the holdout is small it is the holdout that is lucky.
 */
const TILTED_WORLDS = (["activation", "retention"] as const).flatMap((signal) =>
  [0.4, 0.55, 0.7, 0.8, 0.9].map((ratio) => ({ signal, ratio })),
);
type World = (typeof TILTED_WORLDS)[number];

/** By what a chance is multiplied in a world; `holdout`: its units for each of treatment's. */
const tiltOf = ({ ratio }: World, cohort: "treatment" | "holdout", holdout: number): number => {
  const common = holdout === 0 ? 1 : (1 + holdout) / (ratio + holdout);
  return cohort === "treatment" ? ratio * common : common;
};

const MOST_LIKELY = 0.98;

/** Part of the lives that are drawn from the truth: no weight is above its inverse. */
const TRUTH_PART = 0.1;

/** Units of a bucket that have not succeeded yet, and those that have, by cohort. */
type Cohort = { readonly n: number; readonly people: number; s: number };

type Life = {
  readonly rolledBackAt: number;
  readonly decision: Decision;
  /** ln of its likelihood in each of TILTED_WORLDS over that in truth. */
  readonly logRatios: readonly number[];
};

/** When the feature is rolled back (an index of a bucket); null: never. */
export const liveThrough = (site: Site, random: Random, world: World | null = null): Life | null => {
  const target = makeTarget(site.holdout);
  const { ages, rule } = target;
  const signals = (["activation", "retention"] as const).map((signal) => ({
    signal,
    rate: MARGIN * (signal === "activation" ? rule.activationThreshold : rule.retentionThreshold),
    byAge: signal === "activation" ? ACTIVATED_BY_AGE : [1],
    ages: ages[signal],
    exposed: [] as Record<"treatment" | "holdout", Cohort>[],
  }));
  const failingAt = (bucket: number) => (bucket >= site.begins ? (site.failing ?? 1) : 1);
  let trial: Trial = currentTrial(target, 0);
  const logRatios = TILTED_WORLDS.map(() => 0);
  const draw = (
    cohort: "treatment" | "holdout",
    signal: World["signal"],
    { units, chance }: { units: number; chance: number },
  ): number => {
    if (chance === 0) return 0;
    const chanceIn = (one: World) =>
      one.signal === signal ? Math.min(MOST_LIKELY, tiltOf(one, cohort, site.holdout) * chance) : chance;
    const successes = drawBinomial(units, world === null ? chance : chanceIn(world), random);
    for (const [index, one] of TILTED_WORLDS.entries()) {
      if (one.signal !== signal) continue;
      const tilted = chanceIn(one);
      logRatios[index] =
        (logRatios[index] ?? 0) +
        successes * Math.log(tilted / chance) +
        (units - successes) * Math.log((1 - tilted) / (1 - chance));
    }
    return successes;
  };

  for (let look = 1; look * BUCKETS_A_LOOK <= BUCKETS; look++) {
    const outcomes = new Map<string, { upTo: number; found: OutcomeBucket[] }>();
    const addBucket = (signal: OutcomeSignal, ageSeconds: number, bucket: OutcomeBucket): void => {
      const key = outcomeKey(signal, ageSeconds);
      const mature = outcomes.get(key) ?? { upTo: 0, found: [] };
      mature.found.push(bucket);
      mature.upTo = bucket.bucketS + ages.bucketSeconds;
      outcomes.set(key, mature);
    };
    for (let now = (look - 1) * BUCKETS_A_LOOK; now < look * BUCKETS_A_LOOK; now++) {
      const { visitors, never } = weatherAt(site, now);
      const cohortOf = (share: number): Cohort => {
        const n = Math.round(UNITS * visitors * share);
        return { n, people: n - drawBinomial(n, never, random), s: 0 };
      };
      for (const one of signals)
        one.exposed.push({ treatment: cohortOf(1), holdout: cohortOf(site.holdout) });
      const [treatment, holdout] = [
        Math.round(UNITS * visitors),
        Math.round(UNITS * visitors * site.holdout),
      ];
      addBucket("exposure", 0, {
        bucketS: now * ages.bucketSeconds,
        treatment: { n: treatment, s: treatment },
        holdout: { n: holdout, s: holdout },
      });
      for (const { signal, rate, byAge, ages: ofSignal, exposed } of signals)
        for (const [age, ageSeconds] of ofSignal.entries()) {
          const bucket = now - Math.ceil(ageSeconds / ages.bucketSeconds);
          const cohorts = exposed[bucket];
          if (cohorts === undefined) continue;
          const before = byAge[age - 1] ?? 0;
          const chance = (rate * ((byAge[age] ?? 1) - before)) / (1 - rate * before);
          const earlier = { treatment: cohorts.treatment.s, holdout: cohorts.holdout.s };
          // They succeed evenly between the age before and this one; a return needs an hour first.
          const from =
            age > 0 ? (ofSignal[age - 1] ?? 0) : signal === "retention" ? rule.returnAfterSeconds : 0;
          const buckets = Math.ceil((ageSeconds - from) / ages.bucketSeconds);
          let luck = 0;
          for (let ago = 0; ago < buckets; ago++) luck += weatherAt(site, now - ago).succeed / buckets;
          const open = ({ people }: Cohort, succeeded: number) => people - Math.min(people, succeeded);
          cohorts.treatment.s += draw("treatment", signal, {
            units: open(cohorts.treatment, earlier.treatment),
            chance: chance * luck * (signal === "activation" ? failingAt(now) : 1),
          });
          cohorts.holdout.s += draw("holdout", signal, {
            units: open(cohorts.holdout, earlier.holdout),
            chance: chance * luck,
          });
          addBucket(signal, ageSeconds, {
            bucketS: bucket * ages.bucketSeconds,
            treatment: { n: cohorts.treatment.n, s: cohorts.treatment.s },
            holdout: { n: cohorts.holdout.n, s: cohorts.holdout.s },
            earlier,
          });
        }
    }
    const mature: MatureData = { outcomes, traffic: undefined, away: [], late: [], share: 1 };
    const at = look * BUCKETS_A_LOOK * ages.bucketSeconds;
    const evaluated = evaluateTrial(target, updateTrial(target, trial, mature, at), {
      now: at,
      lagSeconds: 0,
    });
    trial = evaluated.trial;
    // Latency is not looked at here: the feature is kept once its outcomes are proven good.
    const proven = evaluated.decision.evidence.keep.filter(({ signal }) => signal !== "latency");
    if (
      trial.decided === null &&
      proven.every(({ counts, logEvidence, logBar }) => counts && logEvidence >= logBar)
    )
      trial = { ...trial, decided: "KEEP" };
    // Without a holdout the row is about kept features: before, nobody can tell.
    const isDue = look * BUCKETS_A_LOOK === site.begins && site.holdout === 0;
    if (isDue && trial.decided !== "KEEP") return null;
    if (evaluated.decision.action === "ROLLBACK")
      return { rolledBackAt: look * BUCKETS_A_LOOK, decision: evaluated.decision, logRatios };
  }
  return null;
};

/** How often a feature that is as good as its holdout is rolled back, from `count` weighted lives. */
export const falseRollbacks = (site: Site, count: number, random: Random): Estimate => {
  const part = (1 - TRUTH_PART) / TILTED_WORLDS.length;
  let sum = 0;
  let squares = 0;
  for (let life = 0; life < count; life++) {
    const index = Math.floor(random() * TILTED_WORLDS.length);
    const ended = liveThrough(site, random, random() < TRUTH_PART ? null : (TILTED_WORLDS[index] ?? null));
    if (ended === null) continue;
    const mixture = ended.logRatios.reduce((total, ratio) => total + part * Math.exp(ratio), TRUTH_PART);
    sum += 1 / mixture;
    squares += 1 / mixture ** 2;
  }
  return estimateOf({ sum, squares, count });
};
