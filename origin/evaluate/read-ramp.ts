// Where a feature stands on its ramp, and what its next step waits for: what the evaluator would do now, told and not done.
import type { Queryable } from "../db/pool.ts";
import { nextRampStep, type RampDecision } from "../decide/ramp.ts";
import type { FeatureId } from "../../shared/ids.ts";
import type { Rule } from "../../shared/features/rule.ts";

type Row = { readonly rollout_bps: number; readonly since: number; readonly paused: boolean };

type RampFeature = {
  readonly featureId: FeatureId;
  readonly enabled: boolean;
  readonly rolloutBps: number;
  readonly rule: Rule | null;
};

/** null: its rule has no ramp. `deciding`: its newest decision, which is read at the same time. `now`: unix seconds. */
export const readRamp = async (
  db: Queryable,
  { featureId, enabled, rolloutBps, rule }: RampFeature,
  deciding: Promise<RampDecision | null>,
  now: number,
) => {
  if (rule?.ramp === undefined) return null;
  const { stagesBps, minStageSeconds } = rule.ramp;
  const [{ rows }, decision] = await Promise.all([
    db.query<Row>(
      "select rollout_bps, extract(epoch from since)::float8 as since, paused from pmf_ramps where feature_id = $1",
      [featureId],
    ),
    deciding,
  ]);
  const row = rows[0];
  const since = row?.rollout_bps === rolloutBps ? row.since : null;
  const paused = row?.paused ?? false;
  const nextBps = stagesBps.find((bps) => bps > rolloutBps) ?? null;
  const why = (): string => {
    if (!enabled) return "the feature is closed";
    if (rule.mode === "shadow") return "the rule is in shadow mode: nothing moves by itself";
    if (decision === null) return "it was not evaluated yet";
    const step = nextRampStep(rule, { rolloutBps, since: since ?? now, paused }, decision, now);
    return step.kind === "close" ? "the feature is about to be closed" : step.reason;
  };
  return {
    stagesBps,
    minStageSeconds,
    paused,
    since: since === null ? null : new Date(since * 1_000),
    nextBps,
    readyAt: since === null || nextBps === null ? null : new Date((since + minStageSeconds) * 1_000),
    reason: why(),
  };
};
