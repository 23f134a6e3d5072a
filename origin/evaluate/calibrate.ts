// Calibrates a feature's thresholds on the data so far: when would this rule have fired, and at which thresholds would it not
// have?
import type { Queryable } from "../db/pool.ts";
import { alphaShares } from "../decide/alpha-shares.ts";
import { againstOf, errorTestsOf, judgedRule } from "../decide/judged-rule.ts";
import type { Calibration, SignalCalibration } from "../decide/planning/calibration.ts";
import { agesOf } from "../../shared/features/outcome-ages.ts";
import type { FeatureId } from "../../shared/ids.ts";
import { Rule } from "../../shared/features/rule.ts";
import type { AggregatePart } from "./aggregates.ts";
import { calibrateOutcome, outcomeRanges } from "./calibrate-outcome.ts";
import { calibrateTraffic, requestRanges, requestsOf } from "./calibrate-traffic.ts";
import { readOutcomesOf, readTrafficOf } from "./read-parts.ts";

/** null when there is no such feature or it has no rule. `now` in unix seconds. */
export const calibrate = async (
  db: Queryable,
  parts: readonly AggregatePart[],
  featureId: FeatureId,
  now: number,
): Promise<Calibration | null> => {
  const { rows } = await db.query<{ epoch: number; holdout_bps: number; rule: unknown; version: number }>(
    `select f.epoch, f.holdout_bps, r.rule, r.version from feature_flags f join pmf_rules r using (feature_id)
     where f.feature_id = $1`,
    [featureId],
  );
  const [row] = rows;
  if (row === undefined) return null;
  const rule = judgedRule(Rule.parse(row.rule), { holdoutBps: row.holdout_bps });
  const epoch = { featureId, epoch: row.epoch, rule, ages: agesOf(rule) };
  const shares = alphaShares(rule);
  const outcomes = (["activation", "retention"] as const).filter((signal) => shares[signal] > 0);
  const tests = [
    { signal: "latency", against: againstOf(rule, "latency") } as const,
    ...errorTestsOf(rule).map((against) => ({ signal: "errorRate", against }) as const),
  ];
  const ofRequests = requestRanges(epoch, now);
  const ofOutcomes = outcomes.map((signal) => outcomeRanges(epoch, signal, now));
  // Three months of counts are some hundred thousand rows: they are read once for all signals.
  const [[traffic = []], [exposures = [], ...found]] = await Promise.all([
    readTrafficOf(parts, [ofRequests.traffic]),
    readOutcomesOf(parts, [ofRequests.exposures, ...ofOutcomes.flat()]),
  ]);
  const requests = requestsOf(epoch, traffic, exposures);
  const signals: SignalCalibration[] = [];
  for (const [at, signal] of outcomes.entries())
    signals.push(await calibrateOutcome(epoch, signal, found.splice(0, ofOutcomes[at]?.length ?? 0)));
  for (const test of tests) signals.push(await calibrateTraffic(epoch, requests, test));
  return { featureId, epoch: row.epoch, ruleVersion: row.version, mode: rule.mode, signals };
};
