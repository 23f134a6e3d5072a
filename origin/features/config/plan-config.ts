// What configuration files would change, feature by feature. Pure: from the stored features and the files to the changes to
// commit, with what they do in words. The plan's hash names the files and the versions that it is based on.
import { hash } from "node:crypto";
import type { FeatureId, SegmentId } from "../../../shared/ids.ts";
import type { Rule } from "../../../shared/features/rule.ts";
import type { WrittenCondition } from "../../../shared/features/written-targeting.ts";
import { err, ok, type Err, type Result } from "../../../shared/result.ts";
import type { ChangeError } from "../change-error.ts";
import { checkGate, checkHoldout, checkRule, checkShares, checkUnit } from "../check-feature.ts";
import type { ChangeKind, FeatureChange, NextState, SegmentChange } from "../commit-change.ts";
import { newFeature, newFeatureWarnings } from "../new-feature.ts";
import { changeOf, nextState, targetedBy } from "../prepare-change.ts";
import { closureOf, expandErrorText } from "../segments/expand-targeting.ts";
import type { Segments } from "../segments/read-segments.ts";
import type { SegmentOwners } from "../segments/segment-owners.ts";
import type { RelatedFeature, RelatedFeatures } from "../related-features.ts";
import { behaviourOf, type Config, type ConfigFeature } from "./applied-fields.ts";
import { checkPlannedRequirements, type Planned } from "./check-requirements.ts";
import { differences, fullRule, isRamped, ruleDifferences, type Difference } from "./difference.ts";
import {
  planGivenSegment,
  planLeavingSegments,
  segmentErrors,
  segmentWorld,
  tooManySegments,
  versionsBefore,
  type OneSegment,
  type PlannedDifference,
  type PlannedSegment,
  type SegmentWorld,
} from "./plan-segments.ts";
import { canonicalText, isSame } from "./same-value.ts";
import { visitorsNotice } from "./visitors-notice.ts";

export type PlannedFeature = {
  readonly featureId: FeatureId;
  /** null: it is in no file any more. */
  readonly file: string | null;
  /** `adopt`: only its owner changes. `keep`: nothing does, and there is something to know. */
  readonly action: "create" | "update" | "delete" | "adopt" | "release" | "keep";
  readonly changes: readonly PlannedDifference[];
  /** What the file does not change, and why. */
  readonly notes: readonly string[];
  readonly warnings: readonly string[];
  readonly visitors: string | null;
  /** Of a feature that is open before and after, in the same epoch; null: it has no trial that goes on. */
  readonly epoch: number | null;
  readonly rules: { readonly before: Rule | null; readonly after: Rule | null };
  readonly holdouts: { readonly before: number; readonly after: number };
};

/** The version of a feature that the plan is about; null: it is not there. */
export type Base = { readonly featureId: FeatureId; readonly version: number | null };

/** The same of a segment. */
export type SegmentBase = { readonly segmentId: SegmentId; readonly version: number | null };

export type ConfigPlan = {
  readonly hash: string;
  readonly config: Config;
  readonly base: readonly Base[];
  /** Segments of the files, those that left them, and those that the files' features are made of. */
  readonly baseSegments: readonly SegmentBase[];
  readonly segments: readonly PlannedSegment[];
  readonly features: readonly PlannedFeature[];
  /** How many features of the files stay as they are. */
  readonly unchanged: number;
  readonly changes: readonly FeatureChange[];
  readonly segmentChanges: readonly SegmentChange[];
  /** The stored features that it was planned from. */
  readonly related: RelatedFeatures;
};

export type PlanInput = {
  /** Also all that use a segment of the files, or one that left them. */
  readonly related: RelatedFeatures;
  /** Features that the source owns already. */
  readonly owned: readonly FeatureId[];
  /** All of them. */
  readonly segments: Segments;
  readonly owners: SegmentOwners;
};

type FieldErrors = readonly { readonly field: string; readonly reason: string }[];
type OnePlanned = {
  readonly planned: PlannedFeature;
  readonly change: FeatureChange | null;
  readonly isNamed: boolean;
  readonly errors: FieldErrors;
};

const bySegmentId = <T extends { readonly segmentId: string }>(items: readonly T[]) =>
  items.toSorted((a, b) => (a.segmentId < b.segmentId ? -1 : 1));

/** A plan without segments has the hash that it had when there were none in files. */
export const hashOf = (
  config: Config,
  base: readonly Base[],
  baseSegments: readonly SegmentBase[],
): string => {
  const byId = <T extends { readonly featureId: string }>(items: readonly T[]) =>
    items.toSorted((a, b) => (a.featureId < b.featureId ? -1 : 1));
  const { features, segments, ...rest } = config;
  const ofSegments = {
    ...(segments.length === 0 ? {} : { segments: bySegmentId(segments) }),
    ...(baseSegments.length === 0 ? {} : { baseSegments: bySegmentId(baseSegments) }),
  };
  return hash(
    "sha256",
    canonicalText({ form: 1, ...rest, ...ofSegments, features: byId(features), base: byId(base) }),
    "hex",
  );
};

const errorsOf = (...found: readonly (Err<ChangeError> | undefined)[]): FieldErrors =>
  found.flatMap((one) => (one?.error.reason === "invalid" ? one.error.errors : []));

const ruleErrors = (found: Err<ChangeError> | undefined): FieldErrors =>
  errorsOf(found).map(({ field, reason }) => ({ field: `rule.${field}`, reason }));

const shown = ({ enabled, rolloutBps }: { enabled: boolean; rolloutBps: number }) => ({
  enabled,
  rolloutBps,
});
const restartsEvidence = "it opens in a new epoch: its evidence starts from nothing";

/** The targeting of a file, made of the segments that it names. */
const targetingOf = (written: WrittenCondition | null, world: SegmentWorld) => {
  const targeted = targetedBy(written, world.after);
  if (targeted.ok) {
    const { uses: _after, ...targeting } = targeted.value;
    const uses = versionsBefore(targeting.segments, world);
    return { targeting, uses, errors: [] };
  }
  const reason = expandErrorText(targeted.error);
  const none = { targeting: null, writtenTargeting: null, segments: [] };
  return { targeting: none, uses: [], errors: [{ field: "targeting", reason }] };
};

const planCreate = (given: ConfigFeature, world: SegmentWorld): OnePlanned => {
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

/** Whether the feature is open after the plan, and why it is not as the file has it. */
const openness = (record: RelatedFeature, { featureId, enabled, reopenEpoch }: ConfigFeature) => {
  const { state, rolledBackAt, rollbackReason } = record;
  if (rolledBackAt === null) {
    const isOpen = enabled ?? state.enabled;
    return { isOpen, opens: isOpen && !state.enabled, notes: [] };
  }
  if (enabled === true && reopenEpoch === state.epoch) return { isOpen: true, opens: true, notes: [] };
  const since = rolledBackAt.toISOString().slice(0, 16).replace("T", " ");
  const note =
    `stays rolled back since ${since} UTC (${rollbackReason ?? "no reason was given"}): ` +
    `\`sluice enable ${featureId}\` opens it, or \`reopenEpoch: ${state.epoch}\` in the file`;
  return { isOpen: false, opens: false, notes: enabled === true ? [note] : [] };
};

const kindOf = (opens: boolean, fields: readonly string[]): ChangeKind => {
  if (opens) return "enable";
  if (fields.length > 0 && fields.every((field) => field.startsWith("rule"))) return "rule";
  const isShare = (field: string) => field === "rolloutBps" || field === "holdoutBps";
  return fields.length > 0 && fields.every(isShare) ? "rollout" : "update";
};

/** Segments whose condition changes and that the feature's targeting is made of. */
const movedOf = ({ segments }: RelatedFeature, { moved }: SegmentWorld): readonly SegmentId[] =>
  segments.filter((segmentId) => moved.has(segmentId));

const noteOfMoved = (moves: readonly SegmentId[]): string[] =>
  moves.length === 0
    ? []
    : [`its targeting changes with ${moves.length === 1 ? "segment" : "the segments"} ${moves.join(", ")}`];

/** A feature that changes only because a segment does: the plan's source need not own it. */
const planMoved = (record: RelatedFeature, world: SegmentWorld): OnePlanned => {
  const { state } = record;
  const rule = fullRule(state.featureId, record.rule);
  const { targeting, uses, errors } = targetingOf(record.targeting, world);
  return {
    planned: {
      featureId: state.featureId,
      file: record.managedBy?.file ?? null,
      action: "update",
      changes: [],
      notes: noteOfMoved(movedOf(record, world)),
      warnings: [],
      visitors: visitorsNotice(shown(state), shown(state), ["targeting"]),
      epoch: state.enabled ? state.epoch : null,
      rules: { before: rule, after: rule },
      holdouts: { before: state.holdoutBps, after: state.holdoutBps },
    },
    change: changeOf(record, {
      kind: "update",
      reason: "",
      next: { ...nextState(record), ...targeting },
      uses,
    }),
    isNamed: false,
    errors,
  };
};

const planUpdate = (
  record: RelatedFeature,
  given: ConfigFeature,
  config: Config,
  world: SegmentWorld,
): OnePlanned => {
  const { featureId, file, rolloutBps, holdoutBps, rule: fields } = given;
  const { state, managedBy } = record;
  const before = nextState(record);
  const ruleBefore = fullRule(featureId, record.rule);
  const rule = fields === undefined ? ruleBefore : { featureId, ...fields };
  const { isOpen, opens, notes: opennessNotes } = openness(record, given);
  const isLatched = record.rolledBackAt !== null && !opens;
  const isMoved = state.enabled && isOpen && isRamped(rule);
  const { targeting: written, ...behaviour } = behaviourOf(featureId, given);
  const { targeting, uses, errors } = targetingOf(written, world);
  const next: NextState = {
    ...before,
    ...behaviour,
    ...targeting,
    enabled: isOpen,
    epoch: opens ? state.epoch + 1 : state.epoch,
    rolloutBps:
      isLatched || isMoved
        ? state.rolloutBps
        : (rolloutBps ?? (opens ? record.rolloutBeforeBps : null) ?? state.rolloutBps),
    holdoutBps: holdoutBps ?? state.holdoutBps,
    ...(opens ? { rolloutBeforeBps: null, rollbackReason: null, latched: false } : {}),
  };
  const compared = { enabled: next.enabled, rolloutBps: next.rolloutBps, holdoutBps: next.holdoutBps };
  const found: Difference[] = [
    ...differences(
      { ...before, targeting: record.targeting },
      { ...compared, ...behaviour, targeting: written },
    ),
    ...(fields === undefined || rule === null ? [] : ruleDifferences(ruleBefore, rule)),
  ];
  const drift = managedBy?.source === config.source ? managedBy.drift : [];
  const changes = found.map(({ field, from, to }): PlannedDifference => {
    const isByHand = drift.some((one) => one.field === field && isSame(field, one.file, to));
    return { field, from, to, by: isByHand ? "hand" : "file" };
  });
  const moves = movedOf(record, world);
  const names = [...changes.map(({ field }) => field), ...(moves.length === 0 ? [] : ["targeting"])];
  const isOwner = managedBy?.source === config.source && managedBy.file === file;
  const notes = [
    ...opennessNotes,
    ...noteOfMoved(moves),
    ...(isMoved && rolloutBps !== undefined && rolloutBps !== state.rolloutBps
      ? [
          `its rollout stays at ${state.rolloutBps} bps: the rule's ramp moves it, and the file's ${rolloutBps} is where it begins`,
        ]
      : []),
    ...(isOwner || managedBy === null
      ? []
      : [
          `moves here from ${managedBy.source === config.source ? "" : `${managedBy.source}, `}${managedBy.file}`,
        ]),
  ];
  const setsRule = names.some((name) => name.startsWith("rule"));
  const isForeign = managedBy !== null && managedBy.source !== config.source;
  const changed = names.length > 0 ? "update" : "adopt";
  const action = names.length === 0 && isOwner ? "keep" : changed;
  return {
    planned: {
      featureId,
      file,
      action,
      changes,
      notes,
      warnings: opens ? [restartsEvidence] : [],
      visitors: visitorsNotice(shown(state), shown(next), names),
      epoch: state.enabled && isOpen ? state.epoch : null,
      rules: { before: ruleBefore, after: rule },
      holdouts: { before: state.holdoutBps, after: next.holdoutBps },
    },
    change:
      action === "keep"
        ? null
        : changeOf(record, {
            kind: kindOf(opens, names),
            reason: "",
            next,
            rule: setsRule ? rule : null,
            uses,
          }),
    isNamed: true,
    errors:
      isForeign && !config.takeOver
        ? [
            {
              field: "featureId",
              reason: `${managedBy.source} owns it (${managedBy.file}): take it out there first, or apply with --take-over`,
            },
          ]
        : [
            ...errors,
            ...errorsOf(
              checkUnit(state, next.unit),
              checkShares(next, holdoutBps !== undefined),
              checkGate(next),
              setsRule ? undefined : checkHoldout(record, next),
            ),
            ...(setsRule && rule !== null ? ruleErrors(checkRule(rule, next)) : []),
          ],
  };
};

const planRemoval = (record: RelatedFeature, { removed }: Config, world: SegmentWorld): OnePlanned => {
  const { featureId } = record.state;
  const isDeleted = removed === "delete";
  const rule = fullRule(featureId, record.rule);
  const { holdoutBps } = record.state;
  const moves = isDeleted ? [] : movedOf(record, world);
  const { targeting, uses, errors } =
    moves.length === 0
      ? { targeting: {}, uses: undefined, errors: [] }
      : targetingOf(record.targeting, world);
  return {
    planned: {
      featureId,
      file: null,
      action: isDeleted ? "delete" : "release",
      changes: [],
      notes: [`it left ${record.managedBy?.file ?? "its file"}`, ...noteOfMoved(moves)],
      warnings: isDeleted && record.state.enabled ? ["it is open"] : [],
      visitors: isDeleted ? visitorsNotice(shown(record.state), null, []) : null,
      epoch: null,
      rules: { before: rule, after: rule },
      holdouts: { before: holdoutBps, after: holdoutBps },
    },
    change: changeOf(
      record,
      isDeleted
        ? { kind: "delete", reason: "", next: null }
        : { kind: "update", reason: "", next: { ...nextState(record), ...targeting }, uses },
    ),
    isNamed: false,
    errors,
  };
};

/** Changes as they go into the audit: with what differs, and the files that wanted it. */
const withDetails = (
  { planned, change }: OnePlanned,
  planHash: string,
  { source }: Config,
): FeatureChange[] => {
  if (change === null) return [];
  const differing = planned.changes.map(({ field, from, to }) => [field, { from, to }]);
  const config = { source, file: planned.file, action: planned.action, plan: planHash };
  return [{ ...change, details: { changes: Object.fromEntries(differing), config } }];
};

const worldAfter = (
  related: RelatedFeatures,
  all: readonly OnePlanned[],
): ReadonlyMap<FeatureId, Planned> => {
  const world = new Map<FeatureId, Planned>(
    [...related].map(([id, { state, requires }]) => [id, { enabled: state.enabled, requires }]),
  );
  for (const { planned, change } of all) {
    if (change === null) continue;
    if (change.next === null) world.delete(planned.featureId);
    else world.set(planned.featureId, change.next);
  }
  return world;
};

/** Each feature after the plan that a segment is part of, by the segment. */
const usedSegments = (
  related: RelatedFeatures,
  all: readonly OnePlanned[],
): ReadonlyMap<SegmentId, FeatureId> => {
  const after = new Map<FeatureId, readonly SegmentId[]>(
    [...related].map(([id, { segments }]) => [id, segments]),
  );
  for (const { planned, change } of all)
    if (change !== null) after.set(planned.featureId, change.next?.segments ?? []);
  return new Map(
    [...after].flatMap(([featureId, segments]) =>
      segments.map((segmentId): [SegmentId, FeatureId] => [segmentId, featureId]),
    ),
  );
};

const planSegments = (
  { related, segments, owners }: PlanInput,
  all: readonly OnePlanned[],
  config: Config,
  world: SegmentWorld,
): OneSegment[] => {
  const named = new Set(config.segments.map(({ segmentId }) => segmentId));
  const leaving = [...owners].flatMap(([id, { source }]) =>
    source === config.source && !named.has(id) && segments.has(id) ? [id] : [],
  );
  const usersOf = (segmentId: SegmentId) => {
    const users = [...related.values()].filter((record) => record.segments.includes(segmentId));
    const onTrial = users.filter(({ state, ruleVersion }) => state.enabled && ruleVersion !== null);
    const idsOf = (records: readonly RelatedFeature[]) => records.map(({ state }) => state.featureId);
    return { changed: idsOf(users), onTrial: idsOf(onTrial) };
  };
  return [
    ...config.segments.map((given) => planGivenSegment(given, world, { owners, config, usersOf })),
    ...planLeavingSegments(leaving, world, { owners, config, used: usedSegments(related, all) }),
  ];
};

const withPlan = ({ planned, change }: OneSegment, plan: string, { source }: Config): SegmentChange[] => {
  if (change === null) return [];
  const config = { source, file: planned.file, action: planned.action, plan };
  return [{ ...change, details: { ...change.details, config } }];
};

/** Errors name a feature by its place in `features`, and a segment by its place in `segments`. */
export const planConfig = (input: PlanInput, config: Config): Result<ConfigPlan, ChangeError> => {
  const { related, owned, segments } = input;
  const world = segmentWorld(segments, config.segments);
  const placeOf = new Map(config.features.map(({ featureId }, at) => [featureId, at]));
  const leaving = owned.flatMap((id) => {
    const record = placeOf.has(id) ? undefined : related.get(id);
    return record === undefined ? [] : [record];
  });
  const all = [
    ...config.features.map((given) => {
      const record = related.get(given.featureId);
      return record === undefined ? planCreate(given, world) : planUpdate(record, given, config, world);
    }),
    ...leaving.map((record) => planRemoval(record, config, world)),
  ];
  const own = new Set(all.map(({ planned }) => planned.featureId));
  const carried = [...related.values()].filter(
    (record) => !own.has(record.state.featureId) && movedOf(record, world).length > 0,
  );
  all.push(...carried.map((record) => planMoved(record, world)));
  const plannedSegments = planSegments(input, all, config, world);
  const idOf = ({ planned }: OnePlanned): FeatureId => planned.featureId;
  const closes = ({ change }: OnePlanned): boolean =>
    change !== null && (change.next === null || !change.next.enabled) && change.kind !== "create";
  const wrong = [
    ...all.flatMap(({ planned, errors }) =>
      errors.map(({ field, reason }) => ({ featureId: planned.featureId, field, reason })),
    ),
    ...checkPlannedRequirements(
      worldAfter(related, all),
      all.filter(({ isNamed }) => isNamed).map(idOf),
      all.filter(closes).map(idOf),
    ).map(({ featureId, reason }) => ({ featureId, reason, field: "requires" })),
  ];
  const wrongSegments = [
    ...segmentErrors(world, input.owners, config),
    ...tooManySegments(world, plannedSegments),
  ];
  if (wrong.length + wrongSegments.length > 0)
    return err({
      reason: "invalid",
      errors: wrongSegments.concat(
        wrong.map(({ featureId, field, reason }) => {
          const at = placeOf.get(featureId);
          const record = at === undefined ? related.get(featureId) : undefined;
          const [segmentId] = record === undefined ? [] : movedOf(record, world);
          if (segmentId !== undefined && field === "targeting") {
            const place = config.segments.findIndex((one) => one.segmentId === segmentId);
            return {
              field: `segments.${place}.condition`,
              reason: `${segmentId}: feature ${featureId}: ${reason}`,
            };
          }
          return at === undefined
            ? { field: "features", reason: `${featureId} left its file: ${reason}` }
            : { field: `features.${at}.${field}`, reason: `${featureId}: ${reason}` };
        }),
      ),
    });
  const base = all.map(({ planned, change }): Base => ({
    featureId: planned.featureId,
    version: related.get(planned.featureId)?.state.version ?? change?.expectedVersion ?? null,
  }));
  const madeOf = closureOf(
    all.flatMap(({ change }) => change?.next?.segments ?? []),
    world.after,
  );
  const inPlan = new Set([...plannedSegments.map(({ planned }) => planned.segmentId), ...madeOf]);
  const baseSegments = [...inPlan]
    .toSorted()
    .map((segmentId) => ({ segmentId, version: segments.get(segmentId)?.version ?? null }));
  const planHash = hashOf(config, base, baseSegments);
  const isWorthTelling = ({ action, notes }: PlannedFeature | PlannedSegment) =>
    action !== "keep" || notes.length > 0;
  return ok({
    hash: planHash,
    config,
    base,
    baseSegments,
    segments: plannedSegments.map(({ planned }) => planned).filter(isWorthTelling),
    features: all.map(({ planned }) => planned).filter(isWorthTelling),
    unchanged: all.filter(({ change }) => change === null).length,
    changes: all.flatMap((one) => withDetails(one, planHash, config)),
    segmentChanges: plannedSegments.flatMap((one) => withPlan(one, planHash, config)),
    related,
  });
};
