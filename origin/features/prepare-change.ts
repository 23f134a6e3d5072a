// What each kind of change does to a feature: pure, from the stored features and the request to the changes to commit.
// Versions are compared here for the caller's answer and once more by the database, under its lock.
import type { FeatureId } from "../../shared/ids.ts";
import type { WrittenCondition } from "../../shared/features/written-targeting.ts";
import { err, ok, type Err, type Result } from "../../shared/result.ts";
import type { Rule } from "../../shared/features/rule.ts";
import type { ChangeError } from "./change-error.ts";
import {
  checkGate,
  checkHoldout,
  checkRequirements,
  checkRule,
  checkShares,
  checkUnit,
  invalid,
} from "./check-feature.ts";
import type { FeatureChange, NextState, SegmentVersion } from "./commit-change.ts";
import type { FeatureRecord } from "./feature-record.ts";
import type { FeatureEdit, NewFeature } from "./new-feature.ts";
import { operatorFieldsOf } from "../../shared/features/operator-fields.ts";
import type { RelatedFeature, RelatedFeatures } from "./related-features.ts";
import {
  expandErrorText,
  expandTargeting,
  type ExpandError,
  type SegmentParts,
} from "./segments/expand-targeting.ts";

export type Prepared = Result<FeatureChange[], ChangeError>;

/** `expectedVersion`: the version that the caller saw; without one the change applies to any. */
export type Target = { readonly featureId: FeatureId; readonly expectedVersion?: number | undefined };

/** `endsTrial`: a trial's decision sets the rollout, and the trial ends with it. */
export type RolloutTarget = Target & { readonly endsTrial?: boolean | undefined };

/** What is not named stays as it is. */
export type Shares = { readonly rolloutBps?: number | undefined; readonly holdoutBps?: number | undefined };

/** Goes into the audit with the change. */
export type Reason = { readonly reason: string };

export const nextState = (record: FeatureRecord): NextState => {
  const { featureId: _id, version: _version, ...state } = record.state;
  return {
    ...state,
    writtenTargeting: record.segments.length === 0 ? null : record.targeting,
    segments: record.segments,
    tags: record.tags,
    requires: record.requires,
    ...operatorFieldsOf(record),
    rolloutBeforeBps: record.rolloutBeforeBps,
    rollbackReason: record.rollbackReason,
    latched: record.rolledBackAt !== null,
  };
};

type Targeted = Pick<NextState, "targeting" | "writtenTargeting" | "segments"> & {
  readonly uses: readonly SegmentVersion[];
};

/** What a feature gets for a targeting that a person wrote. */
export const targetedBy = (
  written: WrittenCondition | null,
  parts: SegmentParts,
): Result<Targeted, ExpandError> => {
  if (written === null) return ok({ targeting: null, writtenTargeting: null, segments: [], uses: [] });
  const expanded = expandTargeting(written, parts);
  if (!expanded.ok) return expanded;
  const { targeting, segments } = expanded.value;
  const uses = segments.map((segmentId) => ({
    segmentId,
    expectedVersion: parts.get(segmentId)?.version ?? null,
  }));
  return ok({ targeting, writtenTargeting: segments.length === 0 ? null : written, segments, uses });
};

const invalidTargeting = (error: ExpandError): Err<ChangeError> =>
  invalid("targeting", expandErrorText(error));

const NO_SEGMENTS: SegmentParts = new Map();

export const changeOf = (
  record: FeatureRecord,
  rest: Pick<FeatureChange, "kind" | "reason" | "next"> &
    Partial<Pick<FeatureChange, "details" | "rule" | "endsTrial" | "restartsTrial" | "pausesRamp" | "uses">>,
): FeatureChange => ({
  featureId: record.state.featureId,
  expectedVersion: record.state.version,
  details: {},
  rule: null,
  ...rest,
});

const named = (uses: readonly SegmentVersion[]) => (uses.length === 0 ? {} : { uses });

/** The target's record, if it is there and has the version that the caller saw. */
export const findTarget = (
  related: RelatedFeatures,
  { featureId, expectedVersion }: Target,
): Result<RelatedFeature, ChangeError> => {
  const record = related.get(featureId);
  if (record === undefined) return err({ reason: "notFound", featureId });
  if (expectedVersion !== undefined && record.state.version !== expectedVersion)
    return err({ reason: "versionConflict", have: record.state.version });
  return ok(record);
};

export const prepareCreate = (
  related: RelatedFeatures,
  feature: NewFeature,
  { reason }: Reason,
  segments: SegmentParts = NO_SEGMENTS,
): Prepared => {
  const { featureId, rule, ...edit } = feature;
  const existing = related.get(featureId);
  if (existing !== undefined) return err({ reason: "alreadyExists", have: existing.state.version });
  const targeted = targetedBy(edit.targeting, segments);
  if (!targeted.ok) return invalidTargeting(targeted.error);
  const { uses, ...targeting } = targeted.value;
  const next = {
    ...edit,
    ...targeting,
    epoch: 1,
    rolloutBeforeBps: null,
    rollbackReason: null,
    latched: false,
  };
  return (
    checkShares(next, true) ??
    checkGate(next) ??
    checkRequirements(related, featureId, next) ??
    (rule === null ? undefined : checkRule(rule, next)) ??
    ok([
      {
        featureId,
        expectedVersion: null,
        kind: "create",
        reason,
        details: { ...edit },
        next,
        rule,
        ...named(uses),
      },
    ])
  );
};

export const prepareUpdate = (
  related: RelatedFeatures,
  target: Target,
  edit: Partial<FeatureEdit>,
  { reason }: Reason,
  segments: SegmentParts = NO_SEGMENTS,
): Prepared => {
  const found = findTarget(related, target);
  if (!found.ok) return found;
  const record = found.value;
  const { targeting: written, ...others } = edit;
  const targeted = written === undefined ? undefined : targetedBy(written, segments);
  if (targeted !== undefined && !targeted.ok) return invalidTargeting(targeted.error);
  const { uses = [], ...targeting } = targeted?.value ?? {};
  const next = { ...nextState(record), ...others, ...targeting };
  if (record.rolledBackAt !== null && next.rolloutBps > 0)
    return err({ reason: "alreadyClosed", have: record.state.version });
  return (
    checkUnit(record.state, edit.unit) ??
    checkShares(next, edit.holdoutBps !== undefined) ??
    checkHoldout(record, next) ??
    checkGate(next) ??
    checkRequirements(related, target.featureId, next) ??
    ok([changeOf(record, { kind: "update", reason, details: { edit }, next, ...named(uses) })])
  );
};

export const prepareRollout = (
  related: RelatedFeatures,
  target: RolloutTarget,
  { rolloutBps, holdoutBps }: Shares & { readonly rolloutBps: number },
  { reason }: Reason,
): Prepared => {
  const found = findTarget(related, target);
  if (!found.ok) return found;
  const record = found.value;
  if (record.rolledBackAt !== null) return err({ reason: "alreadyClosed", have: record.state.version });
  const next = { ...nextState(record), rolloutBps, holdoutBps: holdoutBps ?? record.state.holdoutBps };
  const details = {
    from: record.state.rolloutBps,
    to: rolloutBps,
    ...(holdoutBps === undefined ? {} : { holdoutFrom: record.state.holdoutBps, holdoutTo: holdoutBps }),
  };
  const { endsTrial } = target;
  return (
    checkShares(next, holdoutBps !== undefined) ??
    checkHoldout(record, next) ??
    ok([changeOf(record, { kind: "rollout", reason, details, next, endsTrial })])
  );
};

/**
 * A person lets the feature's trial start over, with its rollout as it is: what made the telemetry untrustworthy is mended. Evidence
 * and the feature's KEEP are gone, and α may be spent once more.
 */
export const prepareRestart = (related: RelatedFeatures, target: Target, { reason }: Reason): Prepared => {
  const found = findTarget(related, target);
  if (!found.ok) return found;
  const record = found.value;
  if (!record.state.enabled) return err({ reason: "alreadyClosed", have: record.state.version });
  const details = { newTrial: true };
  return ok([
    changeOf(record, { kind: "rollout", reason, details, next: nextState(record), restartsTrial: true }),
  ]);
};

/**
 * A person holds the feature's ramp at its stage, or lets it go on. The feature gets a new version, so that a step which was decided
 * before the pause comes too late.
 */
export const prepareRamp = (
  related: RelatedFeatures,
  target: Target,
  paused: boolean,
  { reason }: Reason,
): Prepared => {
  const found = findTarget(related, target);
  if (!found.ok) return found;
  const details = { ramp: paused ? "paused" : "resumed" };
  const next = nextState(found.value);
  return ok([changeOf(found.value, { kind: "rollout", reason, details, next, pausesRamp: paused })]);
};

/** A person opens the feature: a new epoch, so that evidence begins anew; cohorts stay who they were. */
export const prepareEnable = (
  related: RelatedFeatures,
  target: Target,
  { rolloutBps, holdoutBps }: Shares,
  { reason }: Reason,
): Prepared => {
  const found = findTarget(related, target);
  if (!found.ok) return found;
  const record = found.value;
  if (record.state.enabled) return err({ reason: "alreadyOpen", have: record.state.version });
  const next = {
    ...nextState(record),
    enabled: true,
    epoch: record.state.epoch + 1,
    rolloutBps: rolloutBps ?? record.rolloutBeforeBps ?? record.state.rolloutBps,
    holdoutBps: holdoutBps ?? record.state.holdoutBps,
    rolloutBeforeBps: null,
    rollbackReason: null,
    latched: false,
  };
  const details = {
    rolloutBps: next.rolloutBps,
    ...(holdoutBps === undefined ? {} : { holdoutFrom: record.state.holdoutBps, holdoutTo: holdoutBps }),
  };
  return (
    checkShares(next, holdoutBps !== undefined) ??
    checkHoldout(record, next) ??
    checkRequirements(related, target.featureId, next) ??
    ok([changeOf(record, { kind: "enable", reason, details, next })])
  );
};

export const prepareRule = (
  related: RelatedFeatures,
  target: Target,
  rule: Rule,
  { reason }: Reason,
): Prepared => {
  const found = findTarget(related, target);
  if (!found.ok) return found;
  if (rule.featureId !== target.featureId)
    return invalid("featureId", `must be ${target.featureId}, the feature that the rule is for`);
  // The feature gets a new version too, so that a decision by the old rule comes too late.
  const next = nextState(found.value);
  return (
    checkRule(rule, next) ??
    ok([changeOf(found.value, { kind: "rule", reason, details: { rule }, next, rule })])
  );
};

export const prepareDelete = (related: RelatedFeatures, target: Target, { reason }: Reason): Prepared => {
  const found = findTarget(related, target);
  if (!found.ok) return found;
  const needing = [...related.values()].filter((record) => record.requires.includes(target.featureId));
  if (needing.length > 0)
    return err({ reason: "requiredBy", featureIds: needing.map((record) => record.state.featureId) });
  // Afterwards nothing else says which tags it had.
  const details = { tags: found.value.tags };
  return ok([changeOf(found.value, { kind: "delete", reason, details, next: null })]);
};
