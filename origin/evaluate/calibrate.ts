// Calibration of a feature's thresholds on what was observed so far: when would this rule have fired, and at which
// thresholds would it not have?
import type { Queryable } from "../db/pool.ts";
import { replay, type Replay } from "../decide/replay.ts";
import { KEEP_ALPHA, sharesOf } from "../decide/signals.ts";
import { agesOf } from "../../shared/ages.ts";
import type { FeatureId } from "../../shared/ids.ts";
import { Rule } from "../../shared/rule.ts";
import { readOutcomes } from "./buckets.ts";
import { settledUpTo } from "./settled.ts";

const RATIOS = [0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1, 1.1, 1.2, 1.5] as const;

export type SignalCalibration = {
  readonly signal: "activation" | "retention";
  /** Mature treatment units and how many succeeded. */
  readonly mature: { readonly n: number; readonly s: number };
  readonly current: Replay;
  readonly others: readonly Replay[];
  /** The highest of the replayed thresholds at which nothing would have been rolled back; null: all would. */
  readonly highestQuiet: number | null;
};

export type Calibration = {
  readonly featureId: FeatureId;
  readonly epoch: number;
  readonly ruleVersion: number;
  readonly mode: Rule["mode"];
  readonly signals: readonly SignalCalibration[];
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
  const ages = agesOf(rule);
  const shares = sharesOf(rule);
  const asked = (
    [
      { signal: "activation", threshold: rule.activationThreshold, ageSeconds: rule.activationWindowSeconds },
      { signal: "retention", threshold: rule.retentionThreshold, ageSeconds: rule.retentionWindowSeconds },
    ] as const
  ).filter(({ signal }) => shares[signal] > 0);
  const found = await readOutcomes(
    db,
    asked.map(({ signal, ageSeconds }) => ({
      featureId,
      epoch: row.epoch,
      signal,
      ageSeconds,
      earlierAgeSeconds: null,
      from: 0,
      upTo: settledUpTo(ages, ageSeconds, { now, lagSeconds: 0 }),
    })),
  );
  const signals = asked.map(({ signal, threshold, ageSeconds }, index): SignalCalibration => {
    const buckets = found[index] ?? [];
    const at = (other: number): Replay =>
      replay(buckets, {
        threshold: other,
        logBar: -Math.log(rule.falseRollbackRate * shares[signal]),
        keepLogBar: -Math.log(KEEP_ALPHA),
        minCohortSize: rule.minCohortSize,
        matureAfter: ages.bucketSeconds + ageSeconds,
      });
    const others = RATIOS.map((ratio) => ratio * threshold)
      .filter((other) => other < 1)
      .map(at);
    return {
      signal,
      mature: {
        n: buckets.reduce((sum, { treatment }) => sum + treatment.n, 0),
        s: buckets.reduce((sum, { treatment }) => sum + treatment.s, 0),
      },
      current: at(threshold),
      others,
      highestQuiet: others.findLast(({ rolledBack }) => rolledBack === null)?.threshold ?? null,
    };
  });
  return { featureId, epoch: row.epoch, ruleVersion: row.version, mode: rule.mode, signals };
};
