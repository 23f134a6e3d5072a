// Simulated lives of features where no exact computation exists: comparison with the holdout at several ages, requests that
// come in bursts. They run through the product's own fold; what is recorded is how close the evidence ever came to its bar.
import { noEvidence } from "../../origin/decide/evidence.ts";
import { foldOutcomes, foldTraffic, SLOW_SHARE, type OutcomeBucket } from "../../origin/decide/fold.ts";
import { logMeanExp } from "../../origin/decide/log-sum-exp.ts";
import { shareOfAge } from "../../origin/decide/signals.ts";
import { agesOf } from "../../shared/ages.ts";
import type { Rule } from "../../shared/rule.ts";
import { drawBinomial, type Random } from "./binomial.ts";

/** Share of all activations that have come at each of the default ages: 15 min, 1 h, 6 h, 24 h. */
export const ACTIVATED_BY_AGE = [0.0375, 0.15, 0.5, 1] as const;

const ROLLOUT = { rolloutBps: 5000, holdoutBps: 5000 };

/** Units by the first of the ages at which they had activated, as running totals. */
const activatedByAge = (units: number, rate: number, random: Random): number[] => {
  let [done, doneShare] = [0, 0];
  return ACTIVATED_BY_AGE.map((share) => {
    // Of those not yet activated at the age before, the part that is by this one.
    const chance = (rate * (share - doneShare)) / (1 - rate * doneShare);
    done += drawBinomial(units - done, chance, random);
    doneShare = share;
    return done;
  });
};

export type Arm = { readonly units: number; readonly rate: number };

/** One exposure bucket after another; each holds the tallies of every age. */
export const activationBuckets = (
  { treatment, holdout }: { treatment: Arm; holdout: Arm },
  { bucketSeconds, buckets }: { bucketSeconds: number; buckets: number },
  random: Random,
): OutcomeBucket[][] =>
  Array.from({ length: buckets }, (_, index) => {
    const treated = activatedByAge(treatment.units, treatment.rate, random);
    const held = activatedByAge(holdout.units, holdout.rate, random);
    return ACTIVATED_BY_AGE.map((_share, age) => ({
      bucketS: index * bucketSeconds,
      treatment: { n: treatment.units, s: treated[age] ?? 0 },
      holdout: { n: holdout.units, s: held[age] ?? 0 },
    }));
  });

/** The most ln evidence that any age ever showed in one life, less what the age's part of α makes the bar higher. */
export const mostWorseEvidence = (rule: Rule, life: readonly OutcomeBucket[][]): number => {
  const ages = agesOf(rule);
  const handicaps = ages.activation.map((_age, index) => Math.log(shareOfAge(index, ages.activation.length)));
  const terms = { threshold: rule.activationThreshold, against: "holdout", watching: false } as const;
  let parts = [...noEvidence(ages, 0, ROLLOUT).activation];
  let most = -Infinity;
  for (const bucket of life) {
    parts = parts.map((part, age) => {
      const one = bucket[age];
      if (one === undefined) return part;
      const folded = foldOutcomes(part, [one], one.bucketS + ages.bucketSeconds, terms);
      most = Math.max(most, logMeanExp(folded.worse) + (handicaps[age] ?? 0));
      return folded;
    });
  }
  return most;
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

const drawLength = (mean: number, random: Random): number => -mean * Math.log(1 - random());

/** Share of each bucket that lies in a burst. */
const burstShares = (buckets: number, bucketSeconds: number, random: Random): number[] => {
  const shares = Array.from({ length: buckets }, () => 0);
  let at = random() < BURST_SHARE ? 0 : drawLength(CALM_SECONDS, random);
  const end = buckets * bucketSeconds;
  while (at < end) {
    const until = Math.min(end, at + drawLength(BURST_SECONDS, random));
    for (let bucket = Math.floor(at / bucketSeconds); bucket * bucketSeconds < until; bucket++) {
      const overlap = Math.min(until, (bucket + 1) * bucketSeconds) - Math.max(at, bucket * bucketSeconds);
      shares[bucket] = (shares[bucket] ?? 0) + overlap / bucketSeconds;
    }
    at = until + drawLength(CALM_SECONDS, random);
  }
  return shares;
};

const drawRequests = (pageViews: number, slowShare: number, random: Random): { n: number; s: number } => {
  let [n, s] = [0, 0];
  for (let view = 0; view < pageViews; view++) {
    const requests = 1 + Math.floor(random() * 10);
    n += requests;
    if (random() < slowShare) s += requests;
  }
  return { n, s };
};

export type LatencyLife = {
  /** The most ln evidence by bucket shares against the bound, and by comparison with the holdout. */
  readonly mostAbove: number;
  readonly mostWorse: number;
  /** What counting every request as an independent witness would have shown. */
  readonly mostNaive: number;
};

/** `naive` is the evidence of a tally of requests against SLOW_SHARE. */
export const burstyLatency = (
  rule: Rule,
  { buckets, pageViews }: { buckets: number; pageViews: number },
  random: Random,
  naive: (tally: { n: number; s: number }) => number,
): LatencyLife => {
  const { bucketSeconds } = agesOf(rule);
  const compared: Rule = { ...rule, compare: { latency: "holdout" } };
  let traffic = noEvidence(agesOf(rule), 0, ROLLOUT).traffic;
  let besideHoldout = traffic;
  let [mostAbove, mostWorse, mostNaive] = [-Infinity, -Infinity, -Infinity];
  for (const [index, share] of burstShares(buckets, bucketSeconds, random).entries()) {
    const slowShare = share * BURST + (1 - share) * CALM;
    const latency = {
      treatment: drawRequests(pageViews, slowShare, random),
      holdout: drawRequests(pageViews, slowShare, random),
    };
    const bucketS = index * bucketSeconds;
    const bucket = [{ bucketS, latency, errors: latency }];
    const upTo = bucketS + bucketSeconds;
    traffic = foldTraffic(traffic, bucket, upTo, { rule, watching: false });
    besideHoldout = foldTraffic(besideHoldout, bucket, upTo, { rule: compared, watching: false });
    mostAbove = Math.max(mostAbove, logMeanExp(traffic.latency.above));
    mostWorse = Math.max(mostWorse, logMeanExp(besideHoldout.latency.worse));
    mostNaive = Math.max(mostNaive, naive(traffic.latency.requests.treatment));
  }
  return { mostAbove, mostWorse, mostNaive };
};
