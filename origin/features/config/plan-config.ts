// What configuration files would change, feature by feature. Pure: from the stored features and the files to the changes to
// commit, with what they do in words. The plan's hash names the files and the versions that it is based on.
import type { FeatureId, SegmentId } from "../../../shared/ids.ts";
import { err, ok, type Result } from "../../../shared/result.ts";
import type { ChangeError } from "../change-error.ts";
import type { FeatureChange, SegmentChange } from "../commit-change.ts";
import { closureOf } from "../segments/expand-targeting.ts";
import type { Segments } from "../segments/read-segments.ts";
import type { SegmentOwners } from "../segments/segment-owners.ts";
import type { RelatedFeature, RelatedFeatures } from "../related-features.ts";
import type { Config } from "./applied-fields.ts";
import { checkPlannedRequirements, type Planned } from "./check-requirements.ts";
import { planCreate } from "./plan-create.ts";
import { hashOf, type Base, type SegmentBase } from "./plan-hash.ts";
import {
  planGivenSegment,
  planLeavingSegments,
  segmentErrors,
  segmentWorld,
  tooManySegments,
  type OneSegment,
  type PlannedSegment,
  type SegmentWorld,
} from "./plan-segments.ts";
import { planMoved, planRemoval, planUpdate } from "./plan-update.ts";
import { movedOf, type OnePlanned, type PlannedFeature } from "./planned-feature.ts";

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
