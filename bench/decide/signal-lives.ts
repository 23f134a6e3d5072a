// One signal's simulated life, bucket by bucket through the product's own accumulation, under the truth (the feature exactly meets
// its rule) or under one of some tilts (worlds in which it fails, so that rollbacks are common). While it lives, the life
// keeps how much more likely each tilt makes what has been seen than the truth does: tilted.ts turns that into the rate of
// false rollbacks.
import { gridLogEvidence } from "../../origin/decide/statistics/rate-evidence.ts";
import type { Evidence } from "../../origin/decide/evidence.ts";
import { accumulateOutcomes } from "../../origin/decide/accumulate-outcomes.ts";
import { accumulateTraffic, SLOW_SHARE } from "../../origin/decide/accumulate-requests.ts";
import { logMeanExp } from "../../origin/decide/statistics/log-sum-exp.ts";
import { logEvidenceWorseThanHoldout } from "../../origin/decide/rollback-tests.ts";
import { agesOf } from "../../shared/features/outcome-ages.ts";
import type { Rule } from "../../shared/features/rule.ts";
import { drawBinomial, type Random } from "./binomial.ts";
import { hazards } from "./delays.ts";

export type SignalLife = {
  /** Lets the bucket of time `time` (an index) pass; whether anything new became known. */
  readonly pass: (time: number) => boolean;
  /** ln evidence for a rollback, as the product's tests have it. */
  readonly logEvidence: () => number;
  /** For each tilt: ln of how much more likely it makes everything seen so far than the truth does. */
  readonly logRatios: readonly number[];
  /** Puts the signal's part into evidence to decide on. */
  readonly into: (evidence: Evidence) => Evidence;
};

export type SimulatedSignal = {
  readonly tilts: number;
  /** Buckets of time until everything is known. */
  readonly duration: number;
  /** `tilt`: an index below `tilts`, or null for the truth. */
  readonly begin: (tilt: number | null, random: Random) => SignalLife;
};

const logRatio = (n: number, s: number, tilted: number, truth: number): number =>
  s * Math.log(tilted / truth) + (n - s) * Math.log((1 - tilted) / (1 - truth));

/** Treatment's rate as a part of the rate it should have. */
const OUTCOME_TILTS = [0.5, 0.7, 0.85, 0.92, 0.96] as const;

type Chances = { readonly treatment: number; readonly holdout: number };

/**
 * Treatment at `ratio` of holdout with both together as likely to succeed as in truth, which is how a false rollback comes
 * about; without a holdout treatment alone.
 */
const tiltedChances = (truth: number, ratio: number, atRisk: Chances, compared: boolean): Chances => {
  if (!compared) return { treatment: ratio * truth, holdout: truth };
  const rate = (truth * (atRisk.treatment + atRisk.holdout)) / (ratio * atRisk.treatment + atRisk.holdout);
  const holdout = Math.min(0.97, rate);
  return { treatment: ratio * holdout, holdout };
};

export type OutcomeDesign = {
  readonly signal: "activation" | "retention";
  readonly rate: number;
  readonly byAge: readonly number[];
  /** Treatment's, where as many of it succeed but not at the same ages; there are no tilts then. */
  readonly treatedByAge?: readonly number[];
  /** Units exposed in one bucket. */
  readonly units: Chances;
  readonly buckets: number;
};

/** Outcomes at the rate that the rule asks for, in both cohorts, known as late as in production. */
export const outcomeSignal = (rule: Rule, empty: Evidence, design: OutcomeDesign): SimulatedSignal => {
  const { signal, rate, byAge, treatedByAge, units, buckets } = design;
  const ages = agesOf(rule);
  const against = rule.compare[signal] ?? "threshold";
  const compared = against === "holdout";
  const terms = { threshold: rate, against, isKept: false } as const;
  // A threshold is about the whole window alone.
  const tested = compared ? ages[signal] : ages[signal].slice(-1);
  const lags = tested.map((age) => Math.ceil(age / ages.bucketSeconds));
  const truths = hazards(compared ? byAge : [1], rate);
  const treated = hazards(treatedByAge ?? byAge, rate);
  const tilts = treatedByAge === undefined ? OUTCOME_TILTS : [];
  return {
    tilts: tilts.length,
    duration: buckets + Math.max(...lags),
    begin: (tilt, random) => {
      const parts = empty[signal].slice(-tested.length);
      const logRatios = tilts.map(() => 0);
      const done = { treatment: new Int32Array(buckets), holdout: new Int32Array(buckets) };

      const reveal = (age: number, bucket: number): void => {
        const part = parts[age];
        if (part === undefined) return;
        const earlier = { treatment: done.treatment[bucket] ?? 0, holdout: done.holdout[bucket] ?? 0 };
        const atRisk = {
          treatment: units.treatment - earlier.treatment,
          holdout: units.holdout - earlier.holdout,
        };
        const truth = truths[age] ?? 0;
        const same = { treatment: compared ? (treated[age] ?? 0) : truth, holdout: truth };
        const chances = tilt === null ? same : tiltedChances(truth, tilts[tilt] ?? 1, atRisk, compared);
        const acted = drawBinomial(atRisk.treatment, chances.treatment, random);
        const inHoldout = drawBinomial(atRisk.holdout, chances.holdout, random);
        for (const [i, ratio] of tilts.entries()) {
          const tilted = tiltedChances(truth, ratio, atRisk, compared);
          logRatios[i] =
            (logRatios[i] ?? 0) +
            logRatio(atRisk.treatment, acted, tilted.treatment, truth) +
            logRatio(atRisk.holdout, inHoldout, tilted.holdout, truth);
        }
        done.treatment[bucket] = earlier.treatment + acted;
        done.holdout[bucket] = earlier.holdout + inHoldout;
        const bucketS = bucket * ages.bucketSeconds;
        const counted = {
          bucketS,
          treatment: { n: units.treatment, s: earlier.treatment + acted },
          holdout: { n: units.holdout, s: earlier.holdout + inHoldout },
          earlier,
        };
        parts[age] = accumulateOutcomes(part, [counted], bucketS + ages.bucketSeconds, terms);
      };

      return {
        logRatios,
        pass: (time) => {
          let isNew = false;
          for (const [age, lag] of lags.entries()) {
            const bucket = time - lag;
            if (bucket < 0 || bucket >= buckets) continue;
            reveal(age, bucket);
            isNew = true;
          }
          return isNew;
        },
        logEvidence: () => {
          const last = parts.at(-1);
          if (compared || last === undefined) return logEvidenceWorseThanHoldout(parts);
          return gridLogEvidence(last.mature.treatment, rate);
        },
        into: (evidence) => ({ ...evidence, [signal]: parts }),
      };
    },
  };
};

/**
 * A site that is slow now and then: calm, 2 % of page views are slow; in a burst (60 s on average) 80 % are; over all exactly
 * 5 %. A page view is 1 to 10 requests that are all slow or none: requests come in clusters, and clusters in bursts.
 */
const CALM = 0.02;
const BURST = 0.8;
const BURST_SECONDS = 60;
const BURST_SHARE = (SLOW_SHARE - CALM) / (BURST - CALM);
const CALM_SECONDS = (BURST_SECONDS * (1 - BURST_SHARE)) / BURST_SHARE;

/** Bursts so many times as frequent and as long, and odds of a slow view in treatment so many times as high. */
type TrafficTilt = { readonly often: number; readonly long: number; readonly odds: number };

/** What deceives a threshold. */
const ABOVE_TILTS: readonly TrafficTilt[] = [
  { often: 1.2, long: 1.2, odds: 1.2 },
  { often: 1.4, long: 1.2, odds: 1.4 },
  { often: 1.4, long: 1.4, odds: 1 },
  { often: 1, long: 1, odds: 1.5 },
  { often: 1.2, long: 1.2, odds: 1.8 },
  { often: 1.7, long: 1.5, odds: 1.2 },
  { often: 2.5, long: 1.5, odds: 1 },
  { often: 2, long: 2, odds: 1.5 },
];

/** What deceives a comparison; the odds of the holdout are so many times as low. */
const WORSE_TILTS: readonly TrafficTilt[] = [
  { often: 1, long: 1, odds: 1.3 },
  { often: 1, long: 1, odds: 1.6 },
  { often: 1, long: 1, odds: 2.2 },
];

const TRUTH: TrafficTilt = { often: 1, long: 1, odds: 1 };

const drawLength = (mean: number, random: Random): number => -mean * Math.log(1 - random());

export type TrafficDesign = { readonly buckets: number; readonly pageViews: number };

/** Requests of a site that is exactly as slow as the rule allows, in both cohorts, with the error rate at its bound of 5 %. */
export const latencySignal = (
  rule: Rule,
  empty: Evidence,
  { buckets, pageViews }: TrafficDesign,
): SimulatedSignal => {
  const { bucketSeconds } = agesOf(rule);
  const compared = rule.compare.latency === "holdout";
  const tilts = compared ? WORSE_TILTS : ABOVE_TILTS;
  return {
    tilts: tilts.length,
    duration: buckets,
    begin: (tilt, random) => {
      const { often, long, odds } = tilt === null ? TRUTH : (tilts[tilt] ?? TRUTH);
      const meanOf = (inBurst: boolean) => (inBurst ? BURST_SECONDS * long : CALM_SECONDS / often);
      const logRatios = tilts.map(() => 0);
      let { traffic } = empty;
      let inBurst = random() < BURST_SHARE;
      let left = drawLength(meanOf(inBurst), random);

      /** Seconds of the next bucket that lie in a burst. */
      const drawBurst = (): number => {
        let [now, burst, starts, ends] = [0, 0, 0, 0];
        while (now + left < bucketSeconds) {
          now += left;
          if (inBurst) {
            burst += left;
            ends++;
          } else starts++;
          inBurst = !inBurst;
          left = drawLength(meanOf(inBurst), random);
        }
        const rest = bucketSeconds - now;
        if (inBurst) burst += rest;
        left -= rest;
        for (const [i, one] of tilts.entries())
          logRatios[i] =
            (logRatios[i] ?? 0) +
            starts * Math.log(one.often) -
            ((one.often - 1) * (bucketSeconds - burst)) / CALM_SECONDS -
            ends * Math.log(one.long) -
            ((1 / one.long - 1) * burst) / BURST_SECONDS;
        return burst;
      };

      const drawViews = (slowShare: number, cohort: "treatment" | "holdout"): { n: number; s: number } => {
        const tiltedOdds = (by: number) => (cohort === "treatment" ? by : 1 / by);
        const by = tiltedOdds(odds);
        const chance = (by * slowShare) / (1 - slowShare + by * slowShare);
        let [n, s, slow] = [0, 0, 0];
        for (let view = 0; view < pageViews; view++) {
          const requests = 1 + Math.floor(random() * 10);
          n += requests;
          if (random() >= chance) continue;
          slow++;
          s += requests;
        }
        for (const [i, one] of tilts.entries()) {
          if (one.odds === 1) continue;
          const other = tiltedOdds(one.odds);
          logRatios[i] =
            (logRatios[i] ?? 0) +
            slow * Math.log(other) -
            pageViews * Math.log(1 - slowShare + other * slowShare);
        }
        return { n, s };
      };

      return {
        logRatios,
        pass: (time) => {
          if (time >= buckets) return false;
          const share = drawBurst() / bucketSeconds;
          const slowShare = share * BURST + (1 - share) * CALM;
          const latency = {
            treatment: drawViews(slowShare, "treatment"),
            holdout: compared ? drawViews(slowShare, "holdout") : { n: 0, s: 0 },
          };
          const bucketS = time * bucketSeconds;
          traffic = accumulateTraffic(
            traffic,
            [{ bucketS, latency, errors: latency }],
            bucketS + bucketSeconds,
            {
              rule,
              isKept: false,
            },
          );
          return true;
        },
        logEvidence: () =>
          logMeanExp(compared ? traffic.latency.worseThanHoldout : traffic.latency.aboveBound),
        into: (evidence) => ({ ...evidence, traffic }),
      };
    },
  };
};
