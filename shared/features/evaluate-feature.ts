// What a request gets of one feature, and why. Every edge asks this for explain, OpenFeature and events, and the origin for a
// person who wants to know who would get a feature. A page takes its two halves one by one (edge/features/evaluate.ts).
import type { FeatureId, UnitId } from "../ids.ts";
import { bucketOf, BUCKETS, cohortOf, type Assignable, type Cohort } from "./assign.ts";
import { isAssetPath } from "./asset-path.ts";
import type { EvaluationContext, TargetingPredicate } from "./compile-targeting.ts";
import type { FeatureState } from "./feature.ts";
import type { Gate } from "./gate.ts";
import { compilePath, type Route } from "./route.ts";
import type { PathReading } from "./canonical-path.ts";

/** Whom a request is from, as far as cohorts depend on it; null: nobody. */
export type Units = { readonly visitorId: UnitId | null; readonly userId: UnitId | null };

/** A feature that can be evaluated: its state, and its routes and targeting made ready. */
export type EvaluableFeature = Assignable & {
  readonly featureId: FeatureId;
  readonly state: Pick<FeatureState, "enabled" | "failureMode" | "unit">;
  /** The feature's unit among those of a request; null: it has none. */
  readonly unitIdOf: (units: Units) => UnitId | null;
  /** Whether the feature concerns the request. */
  readonly appliesTo: (path: string, method: string) => boolean;
  /** null: every request is targeted. */
  readonly isTargeted: TargetingPredicate | null;
};

/** What an evaluation asks of a request. */
export type EvaluationRequest = {
  /** null: any page of the site. Then routes do not limit features. */
  readonly path: string | null;
  readonly method: string;
  /** null: the request is no page. Then targeting does not limit features. */
  readonly context: EvaluationContext | null;
  /** The snapshot is stale. */
  readonly stale: boolean;
  /** The feature that the visitor previews; null: none. */
  readonly previewId: FeatureId | null;
};

/**
 * `noUnit`: the request is of no visitor, or for a feature of signed-in users of no user. `bucket`: the hash decided. The
 * others come first, in this order.
 */
export type Reason = "preview" | ClosedReason | "route" | "notTargeted" | "noUnit" | "bucket";
export type ClosedReason = "closed" | "stale";

export type FeatureEvaluation<Feature extends EvaluableFeature = EvaluableFeature> = {
  readonly feature: Feature;
  readonly cohort: Cohort;
  /** The unit gets the feature. */
  readonly open: boolean;
  /** 0 … 9999; null: the request has no unit for the feature. */
  readonly bucket: number | null;
  readonly reason: Reason;
};

export const unitIdOf = (unit: FeatureState["unit"], { visitorId, userId }: Units): UnitId | null =>
  unit === "user" ? userId : visitorId;

/** Why the feature is closed here; null: it is open. A closed feature wins over everything but a preview. */
export const closedReason = (
  { state }: Pick<EvaluableFeature, "state">,
  stale: boolean,
): ClosedReason | null => {
  if (!state.enabled) return "closed";
  return stale && state.failureMode === "closed" ? "stale" : null;
};

/** The first half: why no unit gets the feature with this request; null: the unit decides. */
export const exclusionOf = (
  feature: EvaluableFeature,
  { path, method, context, stale }: EvaluationRequest,
): ClosedReason | "route" | "notTargeted" | null => {
  const closed = closedReason(feature, stale);
  if (closed !== null) return closed;
  if (path !== null && !feature.appliesTo(path, method)) return "route";
  if (context === null || feature.isTargeted === null) return null;
  return feature.isTargeted(context) ? null : "notTargeted";
};

export const isPreviewed = (
  feature: EvaluableFeature,
  { previewId, path, method }: EvaluationRequest,
): boolean => previewId === feature.featureId && (path === null || feature.appliesTo(path, method));

/**
 * Without a visitor a feature that everybody gets is open, so that an asset or a prefetched page is that of everybody. A
 * feature of signed-in users is off for all others.
 */
export const cohortOfNobody = ({
  state,
  rolloutBps,
}: Pick<EvaluableFeature, "state" | "rolloutBps">): Cohort =>
  state.unit === "visitor" && rolloutBps >= BUCKETS ? "treatment" : "off";

export const evaluateFeature = <Feature extends EvaluableFeature>(
  feature: Feature,
  request: EvaluationRequest,
  units: Units,
): FeatureEvaluation<Feature> => {
  const unitId = feature.unitIdOf(units);
  const bucket = unitId === null ? null : bucketOf(feature.featureId, unitId);
  const cohort = bucket === null ? cohortOfNobody(feature) : cohortOf(feature, bucket);
  if (isPreviewed(feature, request)) return { feature, bucket, cohort, open: true, reason: "preview" };
  const exclusion = exclusionOf(feature, request);
  if (exclusion === "route" || exclusion === "notTargeted")
    return { feature, bucket, cohort: "off", open: false, reason: exclusion };
  if (exclusion !== null) return { feature, bucket, cohort, open: false, reason: exclusion };
  return {
    feature,
    bucket,
    cohort,
    open: cohort === "treatment",
    reason: bucket === null ? "noUnit" : "bucket",
  };
};

/** `path` is canonical, or its readings. */
export type RequestPredicate = (path: string | readonly PathReading[], method: string) => boolean;

export const compileRoutes = (routes: readonly Route[]): RequestPredicate => {
  if (routes.length === 0) return () => true;
  const compiled = routes.map((route) => ({
    test: compilePath(route.path, route).test,
    methods: route.methods === undefined ? null : new Set(route.methods),
  }));
  return (path, method) =>
    compiled.some((route) => (route.methods === null || route.methods.has(method)) && route.test(path));
};

/**
 * Whether the feature concerns assets on its routes too: its gate sends requests elsewhere or answers them, or a route
 * names a file. Any other feature is about pages, and a page's pictures, styles and scripts stay everybody's.
 */
export const namesAssets = (gate: Gate | null, routes: readonly Route[]): boolean => {
  const sends = gate !== null && (gate.upstream !== undefined || gate.path !== undefined);
  // Without routes there is no answer: it would close the whole site, which nobody can have meant.
  const answers = gate?.whenClosed !== undefined && routes.length > 0;
  return sends || answers || routes.some(({ path }) => isAssetPath(path));
};
