// Calibrates a feature's thresholds on the data so far: when would this rule have fired, and at which thresholds would it not
// have?
import { setImmediate } from "node:timers/promises";
import type { Queryable } from "../db/pool.ts";
import { SLOW_SHARE } from "../decide/accumulate-requests.ts";
import { alphaShares, KEEP_LOG_BAR, rollbackLogBar } from "../decide/alpha-shares.ts";
import { emptyEvidence } from "../decide/evidence.ts";
import { matureUpTo } from "../decide/maturity.ts";
import {
  concludeCalibration,
  type Calibration,
  type SignalCalibration,
} from "../decide/planning/calibration.ts";
import { replayComparison, replayThreshold, replayTraffic, type Replay } from "../decide/planning/replay.ts";
import {
  bucketsNeeded,
  requestsNeeded,
  usersNeeded,
  type Sufficiency,
} from "../decide/planning/sufficiency.ts";
import { addByCohort, EMPTY_TALLIES, type ByCohort, type Tally } from "../decide/statistics/tally.ts";
import { agesOf, type Ages } from "../../shared/features/outcome-ages.ts";
import type { FeatureId } from "../../shared/ids.ts";
import { Rule } from "../../shared/features/rule.ts";
import { readOutcomes } from "./read-outcomes.ts";
import { readTraffic, trafficBuckets, type TrafficPart } from "./read-traffic.ts";

/** What the threshold is multiplied with; beside a holdout an outcome's threshold rolls nothing back. */
const RATE_RATIOS = [0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1, 1.1, 1.2, 1.5] as const;
const REQUEST_RATIOS = [0.25, 0.5, 0.75, 0.9, 1, 1.1, 1.25, 1.5, 2, 3] as const;

type Epoch = {
  readonly featureId: FeatureId;
  readonly epoch: number;
  readonly rule: Rule;
  readonly ages: Ages;
};

const total = (buckets: readonly ByCohort<Tally>[]): ByCohort<Tally> =>
  buckets.reduce<ByCohort<Tally>>((sum, bucket) => addByCohort(sum, bucket), EMPTY_TALLIES);

const calibrateOutcome = async (
  db: Queryable,
  { featureId, epoch, rule, ages }: Epoch,
  signal: "activation" | "retention",
  now: number,
): Promise<SignalCalibration> => {
  const against = rule.compare[signal] ?? "threshold";
  const isCompared = against === "holdout";
  const tested = isCompared ? ages[signal] : ages[signal].slice(-1);
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
  const settings = {
    logBar: rollbackLogBar(rule, signal),
    keepLogBar: KEEP_LOG_BAR,
    threshold: signal === "activation" ? rule.activationThreshold : rule.retentionThreshold,
    minCohortSize: rule.minCohortSize,
    bucketSeconds: ages.bucketSeconds,
  };
  const [window, buckets] = [tested.at(-1) ?? 0, found.at(-1) ?? []];
  const empty = emptyEvidence(ages, 0, { rolloutBps: 0, holdoutBps: 0 })[signal];
  const replayAt = (threshold: number): Replay =>
    isCompared
      ? replayComparison(
          empty.map((one, index) => ({ empty: one, buckets: found[index] ?? [] })),
          { ...settings, threshold },
        )
      : replayThreshold({ ageSeconds: window, buckets }, { ...settings, threshold });
  const seen = total(buckets);
  const holdoutPerUnit = isCompared ? seen.holdout.n / Math.max(1, seen.treatment.n) : undefined;
  return concludeCalibration({
    signal,
    against,
    seen: seen.treatment,
    sufficiency: {
      unit: "users",
      have: seen.treatment.n,
      needed: usersNeeded({ ...settings, holdoutPerUnit }, rule.minCohortSize),
    },
    current: replayAt(settings.threshold),
    replays: (isCompared ? [1] : RATE_RATIOS)
      .map((ratio) => ratio * settings.threshold)
      .filter((threshold) => threshold < 1)
      .map(replayAt),
  });
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
  const present = signal === "latency" ? rule.latencyP95Threshold : (rule.errorRateThreshold ?? 1);
  const boundAt = (threshold: number): number => (signal === "latency" ? SLOW_SHARE : threshold);
  const bucketsAt = (latencyThresholdMs: number) =>
    trafficBuckets(parts, latencyThresholdMs).map(({ bucketS, latency, errors }) => {
      const { treatment, holdout } = signal === "latency" ? latency : errors;
      return { bucketS, treatment, holdout };
    });
  const presentBuckets = bucketsAt(rule.latencyP95Threshold);
  const logBar = rollbackLogBar(rule, signal);
  const replayAt = (threshold: number): Replay =>
    replayTraffic(signal === "latency" && threshold !== present ? bucketsAt(threshold) : presentBuckets, {
      logBar,
      keepLogBar: KEEP_LOG_BAR,
      threshold,
      bound: boundAt(threshold),
      against,
      bucketSeconds: ages.bucketSeconds,
      countsFrom,
    });
  // Beside a holdout the bound of an error rate rolls nothing back; the latency that counts as slow does.
  const thresholds = (against === "holdout" && signal === "errorRate" ? [1] : REQUEST_RATIOS)
    .map((ratio) => ratio * present)
    .filter((threshold) => signal === "latency" || threshold < 1);
  const replays: Replay[] = [];
  for (const threshold of thresholds) {
    replays.push(replayAt(threshold));
    // A month of buckets takes about 0.2 s for each threshold; the service has other work meanwhile.
    await setImmediate();
  }
  const seen = total(presentBuckets);
  const bound = boundAt(present);
  const sufficiency: Sufficiency =
    against === "holdout"
      ? {
          unit: "requests",
          have: seen.treatment.n,
          needed: requestsNeeded(bound, logBar, seen.holdout.n / Math.max(1, seen.treatment.n)),
        }
      : {
          unit: "buckets",
          have: presentBuckets.filter(({ treatment }) => treatment.n > 0).length,
          needed: bucketsNeeded(bound, logBar),
        };
  return concludeCalibration({
    signal,
    against,
    seen: seen.treatment,
    sufficiency,
    current: replayAt(present),
    replays,
  });
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
