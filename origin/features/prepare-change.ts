// What each kind of change does to a feature: pure, from what is stored and what is asked to the change to commit.
// Versions are compared here for the caller's answer and once more by the database, under its lock.
import type { FeatureState } from "../../shared/features/feature.ts";
import type { FeatureId } from "../../shared/ids.ts";
import { err, ok, type Result } from "../../shared/result.ts";
import type { Rule } from "../../shared/features/rule.ts";
import type { FeatureChange, NextState } from "./commit-change.ts";
import type { Family, FeatureRecord } from "./feature-record.ts";

export type FieldProblem = { readonly field: string; readonly problem: string };

export type ChangeError =
  | { readonly reason: "notFound"; readonly featureId: FeatureId }
  | { readonly reason: "alreadyExists"; readonly have: number }
  | { readonly reason: "versionConflict"; readonly have: number }
  /** The epoch that the decision is about is over: somebody opened the feature again meanwhile. */
  | { readonly reason: "epochConflict"; readonly have: number }
  | { readonly reason: "alreadyClosed"; readonly have: number }
  | { readonly reason: "alreadyOpen"; readonly have: number }
  /** Open features that it requires are missing. */
  | { readonly reason: "requirementClosed"; readonly featureIds: readonly FeatureId[] }
  /** Open features that require it stand in the way. */
  | { readonly reason: "requiredBy"; readonly featureIds: readonly FeatureId[] }
  | { readonly reason: "invalid"; readonly problems: readonly FieldProblem[] };

export type Plan = Result<FeatureChange[], ChangeError>;

/** The parts of a feature's state that an edit may name; opening and closing have their own functions. */
export type FeatureEdit = Omit<FeatureState, "featureId" | "enabled" | "epoch" | "version"> & {
  readonly tags: readonly string[];
  readonly requires: readonly FeatureId[];
};

/** A new feature in full. `newFeature` fills in what a person left out. */
export type NewFeature = FeatureEdit & {
  readonly featureId: FeatureId;
  readonly enabled: boolean;
  readonly rule: Rule | null;
};

/**
 * Closed, for nobody, with a tenth of everyone as holdout (or what a larger rollout leaves of it): making a feature
 * shows it to no one. Enable opens it.
 */
export const newFeature = (given: { featureId: FeatureId } & Partial<NewFeature>): NewFeature => ({
  enabled: false,
  rolloutBps: 0,
  holdoutBps: Math.min(1_000, 10_000 - (given.rolloutBps ?? 0)),
  failureMode: "static",
  targeting: null,
  routes: [],
  gate: null,
  activation: null,
  tags: [],
  requires: [],
  rule: null,
  ...given,
});

const invalid = (field: string, problem: string): Plan =>
  err({ reason: "invalid", problems: [{ field, problem }] });

const nextOf = (record: FeatureRecord): NextState => {
  const { featureId: _id, version: _version, ...state } = record.state;
  return {
    ...state,
    tags: record.tags,
    requires: record.requires,
    rolloutBeforeBps: record.rolloutBeforeBps,
    rollbackReason: record.rollbackReason,
    latched: record.rolledBackAt !== null,
  };
};

type Words = { readonly reason: string };

const changeOf = (
  record: FeatureRecord,
  rest: Pick<FeatureChange, "action" | "reason" | "next"> &
    Partial<Pick<FeatureChange, "details" | "rule" | "endsTrial">>,
): FeatureChange => ({
  featureId: record.state.featureId,
  expectedVersion: record.state.version,
  details: {},
  rule: null,
  ...rest,
});

/** The record, if it is there and has the version that the caller saw. */
const find = (
  family: Family,
  featureId: FeatureId,
  expectedVersion: number | undefined,
): Result<FeatureRecord, ChangeError> => {
  const record = family.get(featureId);
  if (record === undefined) return err({ reason: "notFound", featureId });
  if (expectedVersion !== undefined && record.state.version !== expectedVersion)
    return err({ reason: "versionConflict", have: record.state.version });
  return ok(record);
};

/** All features that need one of `featureIds`, directly or through others, the nearest first. */
const dependentsOf = (family: Family, featureIds: readonly FeatureId[]): FeatureRecord[] => {
  const seen = new Set<FeatureId>(featureIds);
  const found: FeatureRecord[] = [];
  for (const id of seen) {
    for (const record of family.values()) {
      if (!record.requires.includes(id) || seen.has(record.state.featureId)) continue;
      seen.add(record.state.featureId);
      found.push(record);
    }
  }
  return found;
};

const isShare = (bps: number): boolean => Number.isInteger(bps) && bps >= 0 && bps <= 10_000;

const shares = (next: { rolloutBps: number; holdoutBps: number }): Plan | undefined => {
  const wrong = (["rolloutBps", "holdoutBps"] as const).find((field) => !isShare(next[field]));
  if (wrong !== undefined) return invalid(wrong, "must be a whole number from 0 to 10000");
  return next.rolloutBps + next.holdoutBps > 10_000
    ? invalid("holdoutBps", "rolloutBps + holdoutBps must be at most 10000")
    : undefined;
};

/** A gate that answers by itself must say where: without routes it would close the whole site. */
const gateRoutes = ({ gate, routes }: Pick<FeatureState, "gate" | "routes">): Plan | undefined =>
  gate?.whenClosed !== undefined && routes.length === 0
    ? invalid("gate.whenClosed", "needs routes")
    : undefined;

/** Why the feature may not require these, if so. */
const requirements = (
  family: Family,
  featureId: FeatureId,
  next: { requires: readonly FeatureId[]; enabled: boolean },
): Plan | undefined => {
  const missing = next.requires.filter((id) => !family.has(id));
  if (missing.length > 0) return invalid("requires", `no such feature: ${missing.join(", ")}`);
  const below = new Set(dependentsOf(family, [featureId]).map((record) => record.state.featureId));
  const circular = next.requires.filter((id) => id === featureId || below.has(id));
  if (circular.length > 0) return invalid("requires", `requires ${featureId} itself: ${circular.join(", ")}`);
  const closed = next.requires.filter((id) => family.get(id)?.state.enabled !== true);
  return next.enabled && closed.length > 0
    ? err({ reason: "requirementClosed", featureIds: closed })
    : undefined;
};

export const planCreate = (family: Family, feature: NewFeature, { reason }: Words): Plan => {
  const { featureId, rule, ...edit } = feature;
  const existing = family.get(featureId);
  if (existing !== undefined) return err({ reason: "alreadyExists", have: existing.state.version });
  const next = { ...edit, epoch: 1, rolloutBeforeBps: null, rollbackReason: null, latched: false };
  return (
    shares(next) ??
    gateRoutes(next) ??
    requirements(family, featureId, next) ??
    ok([{ featureId, expectedVersion: null, action: "create", reason, details: { ...edit }, next, rule }])
  );
};

export type Target = { readonly featureId: FeatureId; readonly expectedVersion?: number | undefined };

export const planUpdate = (
  family: Family,
  target: Target,
  edit: Partial<FeatureEdit>,
  words: Words,
): Plan => {
  const found = find(family, target.featureId, target.expectedVersion);
  if (!found.ok) return found;
  const record = found.value;
  if (record.rolledBackAt !== null && (edit.rolloutBps ?? 0) > 0)
    return err({ reason: "alreadyClosed", have: record.state.version });
  const next = { ...nextOf(record), ...edit };
  return (
    shares(next) ??
    gateRoutes(next) ??
    requirements(family, target.featureId, next) ??
    ok([changeOf(record, { action: "update", ...words, details: { edit }, next })])
  );
};

/** `endsTrial`: by a trial's decision, which has had its effect then. */
export type RolloutTarget = Target & { readonly endsTrial?: boolean | undefined };

export const planRollout = (
  family: Family,
  target: RolloutTarget,
  rolloutBps: number,
  words: Words,
): Plan => {
  const found = find(family, target.featureId, target.expectedVersion);
  if (!found.ok) return found;
  const record = found.value;
  if (record.rolledBackAt !== null) return err({ reason: "alreadyClosed", have: record.state.version });
  const next = { ...nextOf(record), rolloutBps };
  const details = { from: record.state.rolloutBps, to: rolloutBps };
  const { endsTrial } = target;
  return shares(next) ?? ok([changeOf(record, { action: "rollout", ...words, details, next, endsTrial })]);
};

export const planRule = (family: Family, target: Target, rule: Rule, words: Words): Plan => {
  const found = find(family, target.featureId, target.expectedVersion);
  if (!found.ok) return found;
  if (rule.featureId !== target.featureId)
    return invalid("featureId", `must be ${target.featureId}, the feature that the rule is for`);
  // A new version of the feature too, so that a decision that was made by the old rule comes too late.
  const next = nextOf(found.value);
  return ok([changeOf(found.value, { action: "rule", ...words, details: { rule }, next, rule })]);
};

export const planDelete = (family: Family, target: Target, words: Words): Plan => {
  const found = find(family, target.featureId, target.expectedVersion);
  if (!found.ok) return found;
  const needing = [...family.values()].filter((record) => record.requires.includes(target.featureId));
  if (needing.length > 0)
    return err({ reason: "requiredBy", featureIds: needing.map((record) => record.state.featureId) });
  return ok([changeOf(found.value, { action: "delete", ...words, next: null })]);
};

/** A person opens the feature: a new epoch, so that evidence begins anew; cohorts stay who they were. */
export const planEnable = (
  family: Family,
  target: Target,
  rolloutBps: number | undefined,
  words: Words,
): Plan => {
  const found = find(family, target.featureId, target.expectedVersion);
  if (!found.ok) return found;
  const record = found.value;
  if (record.state.enabled) return err({ reason: "alreadyOpen", have: record.state.version });
  const next = {
    ...nextOf(record),
    enabled: true,
    epoch: record.state.epoch + 1,
    rolloutBps: rolloutBps ?? record.rolloutBeforeBps ?? record.state.rolloutBps,
    rolloutBeforeBps: null,
    rollbackReason: null,
    latched: false,
  };
  return (
    shares(next) ??
    requirements(family, target.featureId, next) ??
    ok([changeOf(record, { action: "enable", ...words, details: { rolloutBps: next.rolloutBps }, next })])
  );
};

export type Closing = Words & {
  /** The decision document, counts and all; kept in the audit. */
  readonly evidence?: Readonly<Record<string, unknown>> | undefined;
};

const close = (record: FeatureRecord, reason: string, details: Record<string, unknown>): FeatureChange =>
  changeOf(record, {
    action: "rollback",
    reason,
    details: { rolloutBeforeBps: record.state.rolloutBps, ...details },
    next: {
      ...nextOf(record),
      enabled: false,
      rolloutBps: 0,
      rolloutBeforeBps: record.state.rolloutBps,
      rollbackReason: reason,
      latched: true,
    },
  });

/** Closes the features and every open feature that requires one of them. */
const closeAll = (family: Family, roots: readonly FeatureRecord[], closing: Closing): FeatureChange[] => {
  const rootIds = roots.map((record) => record.state.featureId);
  const dependents = dependentsOf(family, rootIds).filter((record) => record.state.enabled);
  const evidence = closing.evidence === undefined ? {} : { evidence: closing.evidence };
  return [
    ...roots.map((record) => close(record, closing.reason, evidence)),
    ...dependents.map((record) =>
      close(record, `requires ${rootIds.join(", ")}: ${closing.reason}`, { because: rootIds }),
    ),
  ];
};

/** `epoch` is the one that the decision is about; a person who acts by hand names none. */
export const planRollback = (
  family: Family,
  target: Target & { readonly epoch?: number | undefined },
  closing: Closing,
): Plan => {
  const found = find(family, target.featureId, undefined);
  if (!found.ok) return found;
  const { enabled, version, epoch } = found.value.state;
  if (!enabled) return err({ reason: "alreadyClosed", have: version });
  if (target.epoch !== undefined && target.epoch !== epoch)
    return err({ reason: "epochConflict", have: epoch });
  if (target.expectedVersion !== undefined && target.expectedVersion !== version)
    return err({ reason: "versionConflict", have: version });
  return ok(closeAll(family, [found.value], closing));
};

/** Closes every open feature that carries the tag; none is a success with nothing to do. */
export const planTagRollback = (family: Family, tag: string, closing: Closing): FeatureChange[] =>
  closeAll(
    family,
    [...family.values()].filter((record) => record.state.enabled && record.tags.includes(tag)),
    closing,
  );
