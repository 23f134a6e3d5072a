// Calibrates the threshold of an outcome.
import { setImmediate } from "node:timers/promises";
import { KEEP_LOG_BAR, rollbackLogBar } from "../decide/alpha-shares.ts";
import { emptyEvidence } from "../decide/evidence.ts";
import { matureUpTo } from "../decide/maturity.ts";
import { concludeCalibration, type SignalCalibration } from "../decide/planning/calibration.ts";
import { againstOf, type JudgedRule } from "../decide/judged-rule.ts";
import { replayOutcome, walkOutcomes, type Replay } from "../decide/planning/replay.ts";
import { usersNeeded } from "../decide/planning/sufficiency.ts";
import { totalByCohort } from "../decide/statistics/tally.ts";
import type { OutcomeBucket } from "../decide/accumulate-outcomes.ts";
import type { Ages } from "../../shared/features/outcome-ages.ts";
import type { FeatureId } from "../../shared/ids.ts";
import type { OutcomeRange } from "./read-outcomes.ts";

/** The factors by which the threshold is multiplied; beside a holdout alone an outcome's threshold rolls nothing back. */
const RATE_RATIOS = [0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1, 1.1, 1.2, 1.5] as const;

/** An epoch of a feature, by its present rule. */
export type CalibratedEpoch = {
  readonly featureId: FeatureId;
  readonly epoch: number;
  readonly rule: JudgedRule;
  readonly ages: Ages;
};

export type OutcomeName = "activation" | "retention";

/** Without a comparison only the whole window of a signal is tested. */
const testedAges = ({ rule, ages }: CalibratedEpoch, signal: OutcomeName): readonly number[] =>
  againstOf(rule, signal) === "threshold" ? ages[signal].slice(-1) : ages[signal];

/** What `calibrateOutcome` needs, a range for each age. `now`: unix seconds. */
export const outcomeRanges = (
  calibrated: CalibratedEpoch,
  signal: OutcomeName,
  now: number,
): OutcomeRange[] => {
  const { featureId, epoch, ages } = calibrated;
  const tested = testedAges(calibrated, signal);
  return tested.map((ageSeconds, index) => ({
    featureId,
    epoch,
    signal,
    ageSeconds,
    earlierAgeSeconds: tested[index - 1] ?? null,
    from: 0,
    upTo: matureUpTo(ages, ageSeconds, { now, lagSeconds: 0 }),
  }));
};

/** `found`: the buckets of each of its ranges. */
export const calibrateOutcome = async (
  calibrated: CalibratedEpoch,
  signal: OutcomeName,
  found: readonly (readonly OutcomeBucket[])[],
): Promise<SignalCalibration> => {
  const { rule, ages } = calibrated;
  const against = againstOf(rule, signal);
  const isCompared = against !== "threshold";
  const tested = testedAges(calibrated, signal);
  const settings = {
    signal,
    against,
    prior: signal === "activation" ? rule.prior : undefined,
    logBar: rollbackLogBar(rule, signal),
    keepLogBar: KEEP_LOG_BAR,
    threshold: signal === "activation" ? rule.activationThreshold : rule.retentionThreshold,
  };
  const empty = emptyEvidence(ages, 0, { rolloutBps: 0, holdoutBps: 0 })[signal].slice(-tested.length);
  const moments = walkOutcomes(
    empty.map((one, index) => ({ empty: one, buckets: found[index] ?? [] })),
    { against, minCohortSize: rule.minCohortSize, bucketSeconds: ages.bucketSeconds },
  );
  const replayAt = async (threshold: number): Promise<Replay> => {
    // Three months of buckets take some 20 ms for each threshold; the service has other work meanwhile.
    await setImmediate();
    return replayOutcome(moments, { ...settings, threshold });
  };
  const current = await replayAt(settings.threshold);
  const replays: Replay[] = [];
  for (const ratio of against === "holdout" ? [1] : RATE_RATIOS) {
    const threshold = ratio * settings.threshold;
    if (threshold < 1) replays.push(ratio === 1 ? current : await replayAt(threshold));
  }
  const seen = totalByCohort(found.at(-1) ?? []);
  const holdoutPerUnit = isCompared ? seen.holdout.n / Math.max(1, seen.treatment.n) : undefined;
  const secondLogBar = against === "both" ? settings.logBar : undefined;
  return concludeCalibration({
    signal,
    against,
    seen: seen.treatment,
    sufficiency: {
      unit: "users",
      have: seen.treatment.n,
      needed: usersNeeded({ ...settings, holdoutPerUnit, secondLogBar }, rule.minCohortSize),
    },
    current,
    replays,
  });
};
