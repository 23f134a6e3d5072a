// A trial as the fold weighs it and the evaluator decides it, from simulated arrivals and without a clock: people, and whoever would
// like another verdict.
import { accumulateExposures } from "../../origin/decide/accumulate-exposures.ts";
import { accumulateOutcomes, type OutcomeBucket } from "../../origin/decide/accumulate-outcomes.ts";
import { accumulateTraffic, type TrafficBucket } from "../../origin/decide/accumulate-requests.ts";
import { decide } from "../../origin/decide/decide.ts";
import type { Decision } from "../../origin/decide/decision.ts";
import { emptyEvidence } from "../../origin/decide/evidence.ts";
import { againstOf, judgedRule, type JudgedRule } from "../../origin/decide/judged-rule.ts";
import { matureUpTo } from "../../origin/decide/maturity.ts";
import { EMPTY_TALLIES, type ByCohort, type Tally } from "../../origin/decide/statistics/tally.ts";
import { admitRequest, admitUnit, emptyWeights } from "../../origin/aggregate/weights/feature-weights.ts";
import { seededRandom } from "../../scripts/demo/random.ts";
import { agesOf } from "../../shared/features/outcome-ages.ts";
import { Rule } from "../../shared/features/rule.ts";

export type Random = () => number;

/** Who sends requests, and from where. A unit's cohort is not its own choice. */
export type Unit = { readonly key: number; readonly network: number; readonly isTreated: boolean };

/** At a time in seconds. A request may be slow or failed: bad. */
export type Arrival = { readonly at: number; readonly unit: Unit } & (
  | { readonly what: "exposure"; readonly acts: boolean }
  | { readonly what: "request"; readonly isBad: boolean }
);

export type Arrivals = (random: Random, seconds: number) => Iterable<Arrival>;

export const makeUnit = (random: Random, network: number): Unit => ({
  key: Math.floor(random() * 2 ** 32),
  network,
  isTreated: random() < 0.5,
});

const untilEnd = (perSecond: number, seconds: number, random: Random): number[] => {
  const times: number[] = [];
  for (let at = -Math.log(1 - random()) / perSecond; at < seconds; at -= Math.log(1 - random()) / perSecond)
    times.push(at);
  return times;
};

/** Each comes once and may act; each sends `requests`, of which treatment's are bad with a chance. */
export const visitors =
  (options: {
    readonly perSecond: number;
    readonly acts: { readonly treatment: number; readonly holdout: number };
    readonly bad?: { readonly treatment: number; readonly holdout: number };
    readonly requests?: (random: Random) => number;
    readonly network: (random: Random) => number;
  }): Arrivals =>
  (random, seconds) =>
    untilEnd(options.perSecond, seconds, random).flatMap((at): Arrival[] => {
      const { acts, bad = { treatment: 0.005, holdout: 0.005 }, requests = () => 2 } = options;
      const unit = makeUnit(random, options.network(random));
      const cohort = unit.isTreated ? "treatment" : "holdout";
      const arrivals: Arrival[] = [{ at, unit, what: "exposure", acts: random() < acts[cohort] }];
      return arrivals.concat(
        Array.from({ length: requests(random) }, (_, n): Arrival => {
          return { at: at + n / 4, unit, what: "request", isBad: random() < bad[cohort] };
        }),
      );
    });

export const RULE = judgedRule(
  Rule.parse({
    featureId: "feat_weighed",
    activationThreshold: 0.25,
    retentionThreshold: 0,
    latencyP95Threshold: 1_000,
    minCohortSize: 60,
    activationWindowSeconds: 3,
    retentionWindowSeconds: 6,
    returnAfterSeconds: 2,
    evaluationWindowSeconds: 100_000,
  }),
  { holdoutBps: 5_000 },
);

type Counts = { outcomes: Map<number, ByCohort<Tally>>; traffic: Map<number, ByCohort<Tally>> };

/** `isWeighed`: else everything counts. */
const count = (arrivals: readonly Arrival[], bucketSeconds: number, isWeighed: boolean): Counts => {
  const counts: Counts = { outcomes: new Map(), traffic: new Map() };
  const weights = emptyWeights();
  /** false: it is left out; else its requests so far */
  const units = new Map<number, false | { bucketS: number; inBucket: number; inTrial: number }>();
  const add = (to: Map<number, ByCohort<Tally>>, bucketS: number, { isTreated }: Unit, s: boolean): void => {
    const before = to.get(bucketS) ?? EMPTY_TALLIES;
    const cohort = isTreated ? "treatment" : "holdout";
    const { n, s: successes } = before[cohort];
    to.set(bucketS, { ...before, [cohort]: { n: n + 1, s: successes + Number(s) } });
  };
  for (const arrival of arrivals) {
    const { at, unit } = arrival;
    const bucketS = Math.floor(at / bucketSeconds) * bucketSeconds;
    const sender = { bucketS, bucketWidthS: bucketSeconds, network: unit.network, unitHigh: unit.key };
    if (arrival.what === "exposure") {
      const isCounted = !isWeighed || admitUnit(weights, sender);
      units.set(unit.key, isCounted && { bucketS: -1, inBucket: 0, inTrial: 0 });
      if (isCounted) add(counts.outcomes, bucketS, unit, arrival.acts);
      continue;
    }
    const requests = units.get(unit.key);
    if (requests === undefined || requests === false) continue;
    if (requests.bucketS !== bucketS) Object.assign(requests, { bucketS, inBucket: 0 });
    if (isWeighed && admitRequest(weights, sender, unit.isTreated ? 0 : 1, requests) !== "counted") continue;
    requests.inBucket++;
    requests.inTrial++;
    add(counts.traffic, bucketS, unit, arrival.isBad);
  }
  return counts;
};

const between = <T>(
  found: ReadonlyMap<number, T>,
  { from, upTo, step }: { from: number; upTo: number; step: number },
): [number, T][] => {
  const some: [number, T][] = [];
  for (let bucketS = from; bucketS < upTo; bucketS += step) {
    const one = found.get(bucketS);
    if (one !== undefined) some.push([bucketS, one]);
  }
  return some;
};

export type LifeEnd = { readonly seconds: number; readonly decision: Decision };

/** Until KEEP or ROLLBACK, or for so long. */
export const liveTrial = (
  all: readonly Arrivals[],
  {
    seconds,
    seed,
    isWeighed = true,
    rule = RULE,
  }: {
    readonly seconds: number;
    readonly seed: number;
    readonly isWeighed?: boolean;
    readonly rule?: JudgedRule;
  },
): LifeEnd => {
  const arrivals = all
    .flatMap((each, n) => [...each(seededRandom(seed * 1_000 + n), seconds)])
    .toSorted((one, other) => one.at - other.at);
  const ages = agesOf(rule);
  const { outcomes, traffic } = count(arrivals, ages.bucketSeconds, isWeighed);
  const rollout = { rolloutBps: 5_000, holdoutBps: 5_000 };
  const terms = {
    threshold: rule.activationThreshold,
    against: againstOf(rule, "activation"),
    isKept: false,
  };

  const asBucket = ([bucketS, tallies]: [number, ByCohort<Tally>]): OutcomeBucket => ({
    bucketS,
    ...tallies,
  });
  const asTraffic = ([bucketS, latency]: [number, ByCohort<Tally>]): TrafficBucket => ({
    bucketS,
    latency,
    errors: { treatment: { n: latency.treatment.n, s: 0 }, holdout: { n: latency.holdout.n, s: 0 } },
  });
  const state = { evidence: emptyEvidence(ages, 0, rollout) };
  for (let now = ages.bucketSeconds; ; now += ages.bucketSeconds) {
    const upTo = (age: number) => Math.max(0, matureUpTo(ages, age, { now, lagSeconds: 0 }));
    const { evidence } = state;
    const { exposed, activation } = evidence;
    state.evidence = {
      ...evidence,
      ...accumulateExposures(
        evidence,
        between(outcomes, { from: exposed.accumulatedTo, upTo: upTo(0), step: ages.bucketSeconds }).map(
          asBucket,
        ),
        upTo(0),
        { rollout, now },
      ),
      activation: activation.map((part) => {
        const to = upTo(part.ageSeconds);
        return accumulateOutcomes(
          part,
          between(outcomes, { from: part.accumulatedTo, upTo: to, step: ages.bucketSeconds }).map(asBucket),
          to,
          terms,
        );
      }),
      traffic: accumulateTraffic(
        evidence.traffic,
        between(traffic, {
          from: evidence.traffic.accumulatedTo,
          upTo: upTo(0),
          step: ages.bucketSeconds,
        }).map(asTraffic),
        upTo(0),
        { rule, isKept: false },
      ),
    };
    const decision = decide({
      evidence: state.evidence,
      rule,
      history: { epoch: 1, ruleVersion: 1, decided: null, cause: [] },
      telemetry: { lagSeconds: 0, activationIsMeasured: true },
      now,
    });
    if (decision.action !== "WAIT" || now >= seconds) return { seconds: now, decision };
  }
};
