// Calibration of a feature's thresholds on what was observed so far: when would this rule have fired, and at which
// thresholds would it not have?
import { setImmediate } from "node:timers/promises";
import type { Queryable } from "../db/pool.ts";
import type { SignalName } from "../decide/decision.ts";
import { emptyEvidence } from "../decide/evidence.ts";
import { SLOW_SHARE } from "../decide/accumulate-requests.ts";
import type { Tally } from "../decide/statistics/tally.ts";
import { replayComparison, replayThreshold, replayTraffic, type Replay } from "../decide/planning/replay.ts";
import { KEEP_ALPHA, alphaShares } from "../decide/alpha-shares.ts";
import { agesOf, type Ages } from "../../shared/features/outcome-ages.ts";
import type { FeatureId } from "../../shared/ids.ts";
import { Rule } from "../../shared/features/rule.ts";
import { readOutcomes, readTraffic, trafficBuckets, type TrafficPart } from "./read-buckets.ts";
import { matureUpTo } from "../decide/maturity.ts";

/** What the threshold is multiplied with; beside a holdout an outcome's threshold rolls nothing back. */
const RATE_RATIOS = [0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1, 1.1, 1.2, 1.5] as const;
const REQUEST_RATIOS = [0.25, 0.5, 0.75, 0.9, 1, 1.1, 1.25, 1.5, 2, 3] as const;

export type SignalCalibration = {
  readonly signal: SignalName;
  readonly against: "threshold" | "holdout";
  /** Mature treatment units and how many succeeded; for latency and errorRate requests and how many were bad. */
  readonly seen: Tally;
  readonly current: Replay;
  /** Thresholds in rising order: rates, for latency ms. */
  readonly replays: readonly Replay[];
  /** The strictest of the replayed thresholds at which nothing would have been rolled back; null: all would. */
  readonly strictestQuiet: number | null;
};

export type Calibration = {
  readonly featureId: FeatureId;
  readonly epoch: number;
  readonly ruleVersion: number;
  readonly mode: Rule["mode"];
  readonly signals: readonly SignalCalibration[];
};

type Epoch = {
  readonly featureId: FeatureId;
  readonly epoch: number;
  readonly rule: Rule;
  readonly ages: Ages;
};

const barsOf = (rule: Rule, signal: SignalName) => ({
  logBar: -Math.log(rule.falseRollbackRate * alphaShares(rule)[signal]),
  keepLogBar: -Math.log(KEEP_ALPHA),
});

const total = (tallies: readonly Tally[]): Tally =>
  tallies.reduce((sum, { n, s }) => ({ n: sum.n + n, s: sum.s + s }), { n: 0, s: 0 });

const calibrateOutcome = async (
  db: Queryable,
  { featureId, epoch, rule, ages }: Epoch,
  signal: "activation" | "retention",
  now: number,
): Promise<SignalCalibration> => {
  const against = rule.compare[signal] ?? "threshold";
  const compared = against === "holdout";
  const tested = compared ? ages[signal] : ages[signal].slice(-1);
  const found = await readOutcomes(
    db,
    tested.map((ageSeconds, index) => ({
      featureId,
      epoch,
      signal,
      ageSeconds,
      earlierAgeSeconds: tested[index - 1] ?? null,
      from: 0,
      upTo: matureUpTo(ages, ageSeconds, { now, lagSeconds: 0 }),
    })),
  );
  const terms = {
    ...barsOf(rule, signal),
    threshold: signal === "activation" ? rule.activationThreshold : rule.retentionThreshold,
    minCohortSize: rule.minCohortSize,
    bucketSeconds: ages.bucketSeconds,
  };
  const [window, buckets] = [tested.at(-1) ?? 0, found.at(-1) ?? []];
  const empty = emptyEvidence(ages, 0, { rolloutBps: 0, holdoutBps: 0 })[signal];
  const at = (threshold: number): Replay =>
    compared
      ? replayComparison(
          empty.map((one, index) => ({ empty: one, buckets: found[index] ?? [] })),
          { ...terms, threshold },
        )
      : replayThreshold({ ageSeconds: window, buckets }, { ...terms, threshold });
  const replays = (compared ? [1] : RATE_RATIOS)
    .map((ratio) => ratio * terms.threshold)
    .filter((threshold) => threshold < 1)
    .map(at);
  return {
    signal,
    against,
    seen: total(buckets.map(({ treatment }) => treatment)),
    current: at(terms.threshold),
    replays,
    strictestQuiet: replays.findLast(({ rolledBack }) => rolledBack === null)?.threshold ?? null,
  };
};

/** Requests of an epoch, and the time from which on there were enough exposed units for them to count. */
type Requests = { readonly parts: readonly TrafficPart[]; readonly countsFrom: number };

const readRequests = async (
  db: Queryable,
  { featureId, epoch, rule, ages }: Epoch,
  now: number,
): Promise<Requests> => {
  const range = { featureId, epoch, from: 0, upTo: matureUpTo(ages, 0, { now, lagSeconds: 0 }) };
  const [[parts = []], [exposures = []]] = await Promise.all([
    readTraffic(db, [range]),
    readOutcomes(db, [{ ...range, signal: "exposure", ageSeconds: 0, earlierAgeSeconds: null }]),
  ]);
  let exposed = 0;
  const enough = exposures.find(({ treatment }) => (exposed += treatment.n) >= rule.minCohortSize);
  return { parts, countsFrom: enough?.bucketS ?? Infinity };
};

const calibrateTraffic = async (
  { rule, ages }: Epoch,
  { parts, countsFrom }: Requests,
  signal: "latency" | "errorRate",
): Promise<SignalCalibration> => {
  const against = rule.compare[signal] ?? "threshold";
  const set = signal === "latency" ? rule.latencyP95Threshold : (rule.errorRateThreshold ?? 1);
  const bucketsAt = (latencyThresholdMs: number) =>
    trafficBuckets(parts, latencyThresholdMs).map(({ bucketS, latency, errors }) => {
      const { treatment, holdout } = signal === "latency" ? latency : errors;
      return { bucketS, treatment, holdout };
    });
  const asSet = bucketsAt(rule.latencyP95Threshold);
  const at = (threshold: number): Replay =>
    replayTraffic(signal === "latency" && threshold !== set ? bucketsAt(threshold) : asSet, {
      ...barsOf(rule, signal),
      threshold,
      bound: signal === "latency" ? SLOW_SHARE : threshold,
      against,
      bucketSeconds: ages.bucketSeconds,
      countsFrom,
    });
  // Beside a holdout the bound of an error rate rolls nothing back; what counts as slow does.
  const thresholds = (against === "holdout" && signal === "errorRate" ? [1] : REQUEST_RATIOS)
    .map((ratio) => ratio * set)
    .filter((threshold) => signal === "latency" || threshold < 1);
  const replays: Replay[] = [];
  for (const threshold of thresholds) {
    replays.push(at(threshold));
    // A month of buckets takes about 0.2 s for each threshold; the service has other work meanwhile.
    await setImmediate();
  }
  return {
    signal,
    against,
    seen: total(asSet.map(({ treatment }) => treatment)),
    current: at(set),
    replays,
    strictestQuiet: replays.find(({ rolledBack }) => rolledBack === null)?.threshold ?? null,
  };
};

/** null when there is no such feature or it has no rule. `now` in unix seconds. */
export const calibrate = async (
  db: Queryable,
  featureId: FeatureId,
  now: number,
): Promise<Calibration | null> => {
  const { rows } = await db.query<{ epoch: number; rule: unknown; version: number }>(
    `select f.epoch, r.rule, r.version from feature_flags f join pmf_rules r using (feature_id)
     where f.feature_id = $1`,
    [featureId],
  );
  const [row] = rows;
  if (row === undefined) return null;
  const rule = Rule.parse(row.rule);
  const epoch = { featureId, epoch: row.epoch, rule, ages: agesOf(rule) };
  const shares = alphaShares(rule);
  const outcomes = (["activation", "retention"] as const).filter((signal) => shares[signal] > 0);
  const traffic = (["latency", "errorRate"] as const).filter((signal) => shares[signal] > 0);
  const requests = await readRequests(db, epoch, now);
  const signals: SignalCalibration[] = [];
  for (const signal of outcomes) signals.push(await calibrateOutcome(db, epoch, signal, now));
  for (const signal of traffic) signals.push(await calibrateTraffic(epoch, requests, signal));
  return { featureId, epoch: row.epoch, ruleVersion: row.version, mode: rule.mode, signals };
};
