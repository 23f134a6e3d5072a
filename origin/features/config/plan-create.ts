// A feature of the files that is not stored yet.
import { checkGate, checkRule, checkShares } from "../check-feature.ts";
import type { NextState } from "../commit-change.ts";
import { newFeature, newFeatureWarnings } from "../new-feature.ts";
import { behaviourOf, type ConfigFeature } from "./applied-fields.ts";
import { differences, ruleDifferences, type Difference } from "./difference.ts";
import type { SegmentWorld } from "./plan-segments.ts";
import { errorsOf, ruleErrors, shown, targetingOf, type OnePlanned } from "./planned-feature.ts";
import { visitorsNotice } from "./visitors-notice.ts";

export const planCreate = (given: ConfigFeature, world: SegmentWorld): OnePlanned => {
  const { featureId, file, enabled = false, rolloutBps, holdoutBps, rule: fields } = given;
  const shares = {
    ...(rolloutBps === undefined ? {} : { rolloutBps }),
    ...(holdoutBps === undefined ? {} : { holdoutBps }),
  };
  const feature = newFeature({ featureId, enabled, ...behaviourOf(featureId, given), ...shares });
  const rule = fields === undefined ? null : { featureId, ...fields };
  const { featureId: _id, rule: _rule, ...edit } = feature;
  const { targeting, uses, errors } = targetingOf(edit.targeting, world);
  const next: NextState = {
    ...edit,
    ...targeting,
    epoch: 1,
    rolloutBeforeBps: null,
    rollbackReason: null,
    latched: false,
  };
  const { featureId: _none, rule: _noRule, enabled: _closed, ...defaults } = newFeature({ featureId });
  const changes: Difference[] = [
    { field: "enabled", from: null, to: enabled },
    { field: "rolloutBps", from: null, to: feature.rolloutBps },
    { field: "holdoutBps", from: null, to: feature.holdoutBps },
    ...differences(defaults, edit)
      .filter(({ field }) => field in defaults && field !== "rolloutBps" && field !== "holdoutBps")
      .map(({ field, to }) => ({ field, from: null, to })),
    ...(rule === null ? [] : ruleDifferences(null, rule)),
  ];
  return {
    planned: {
      featureId,
      file,
      action: "create",
      changes: changes.map(({ field, from, to }) => ({ field, from, to, by: "file" })),
      notes: [],
      warnings: newFeatureWarnings({ featureId, ...shares }, feature),
      visitors: visitorsNotice(null, shown(next), []),
      epoch: null,
      rules: { before: null, after: rule },
      holdouts: { before: next.holdoutBps, after: next.holdoutBps },
    },
    change: { featureId, expectedVersion: null, kind: "create", reason: "", details: {}, next, rule, uses },
    isNamed: true,
    errors: [
      ...errors,
      ...errorsOf(checkShares(next, holdoutBps !== undefined), checkGate(next)),
      ...(rule === null ? [] : ruleErrors(checkRule(rule, next))),
    ],
  };
};
