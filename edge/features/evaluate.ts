// The evaluator: what a request gets of a feature, and why. Page, OpenFeature, explain and page events all read its answer
// (test/spec/feature-evaluation.json runs over all of them).
//
// An evaluation has two halves. The first asks the request: is the feature closed, do its routes name the request, is the
// request targeted? The answer is the same for every visitor of a path. The second asks the unit for its cohort. The answer
// is the same for every path. `evaluateFeature` is both. A page takes the halves one by one (`featuresOfRequest`,
// `evaluateUnit`), since each is remembered by itself: most requests of a visitor need neither.
import { bucketOf, BUCKETS, cohortOf, type Cohort, type StickyCohort } from "../../shared/features/assign.ts";
import type { EvaluationContext } from "../../shared/features/compile-targeting.ts";
import type { FeatureId } from "../../shared/ids.ts";
import type { Identity } from "../visitor/identity.ts";
import type { CompiledSnapshot } from "./compile-snapshot.ts";
import type { Assignment, CompiledFeature, FeatureList } from "./compiled-feature.ts";

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

/** The request of a page. */
export type PageRequest = EvaluationRequest & { readonly path: string };

/** `held`: by a sticky cohort. `bucket`: by the hash. The others come first, in this order. */
export type Reason = "preview" | ClosedReason | "route" | "notTargeted" | "held" | "bucket";
export type ClosedReason = "closed" | "stale";

export type FeatureEvaluation = Assignment & {
  /** 0 … 9999 */
  readonly bucket: number;
  readonly reason: Reason;
};

/** A unit, as far as its cohorts depend on it. */
export type Unit = Pick<Identity, "unitId" | "sticky">;

/** Why the feature is closed here; null: it is open. A closed feature wins over everything but a preview. */
export const closedReason = ({ state }: CompiledFeature, stale: boolean): ClosedReason | null => {
  if (!state.enabled) return "closed";
  return stale && state.failureMode === "closed" ? "stale" : null;
};

/** The first half: why no unit gets the feature with this request; null: the unit decides. */
const exclusionOf = (
  feature: CompiledFeature,
  { path, method, context, stale }: EvaluationRequest,
): ClosedReason | "route" | "notTargeted" | null => {
  const closed = closedReason(feature, stale);
  if (closed !== null) return closed;
  if (path !== null && !feature.appliesTo(path, method)) return "route";
  if (context === null || feature.isTargeted === null) return null;
  return feature.isTargeted(context) ? null : "notTargeted";
};

const isPreviewed = (feature: CompiledFeature, { previewId, path, method }: EvaluationRequest): boolean =>
  previewId === feature.featureId && (path === null || feature.appliesTo(path, method));

export const evaluateFeature = (
  feature: CompiledFeature,
  request: EvaluationRequest,
  { unitId, sticky }: Unit,
): FeatureEvaluation => {
  const bucket = bucketOf(feature.featureId, unitId);
  const stickyCohort = sticky.get(feature.stickyKey);
  const cohort = cohortOf(feature, bucket, stickyCohort);
  if (isPreviewed(feature, request)) return { feature, bucket, cohort, open: true, reason: "preview" };
  const exclusion = exclusionOf(feature, request);
  if (exclusion === "route" || exclusion === "notTargeted")
    return { feature, bucket, cohort: "off", open: false, reason: exclusion };
  if (exclusion !== null) return { feature, bucket, cohort, open: false, reason: exclusion };
  const reason = stickyCohort === undefined ? "bucket" : "held";
  return { feature, bucket, cohort, open: cohort === "treatment", reason };
};

/**
 * The features whose activation counts for the unit: it holds a sticky cohort of them. A unit that was never exposed
 * cannot activate. The page and its targeting do not matter: a feature on one page may lead to an activation on another.
 */
export const evaluateActivations = (
  features: FeatureList,
  { stale, previewId }: Pick<EvaluationRequest, "stale" | "previewId">,
  unit: Unit,
): FeatureEvaluation[] => {
  const request = { path: null, method: "", context: null, stale, previewId };
  return features
    .map((feature) => evaluateFeature(feature, request, unit))
    .filter(({ reason }) => reason === "held");
};

/** What a page request gets of all features together. */
export type RequestEvaluation = {
  /** The features whose cohort is compared: treatment or holdout. */
  readonly compared: readonly Assignment[];
  /** false: no feature concerns the request. */
  readonly meetsAny: boolean;
  /** Value of `Sluice-Features`; empty: there is nothing to tell the upstream. */
  readonly header: string;
  /** Cohorts that the cookie does not hold yet. */
  readonly newSticky: ReadonlyMap<number, StickyCohort>;
};

const NO_STICKY: RequestEvaluation["newSticky"] = new Map();
export const NOTHING_MET: RequestEvaluation = {
  compared: [],
  meetsAny: false,
  header: "",
  newSticky: NO_STICKY,
};

/** The first half, for all features. */
export const featuresOfRequest = (snapshot: CompiledSnapshot, request: PageRequest): FeatureList => {
  const routed = snapshot.routed(request.path, request.method);
  if (!snapshot.isTargeted && !request.stale) return routed.all;
  const routedRequest: EvaluationRequest = { ...request, path: null };
  let mask = "";
  for (const feature of routed.all) mask += exclusionOf(feature, routedRequest) === null ? "1" : "0";
  return routed.part(mask);
};

/** The second half. A bucket takes 90 ns (shared/hash.ts), so none is computed where a sticky cohort decides. */
export const evaluateUnit = (features: FeatureList, { unitId, sticky }: Unit): RequestEvaluation => {
  const compared: Assignment[] = [];
  const newSticky = new Map<number, StickyCohort>();
  const told: string[] = [];
  for (const feature of features) {
    const stickyCohort = sticky.get(feature.stickyKey);
    const bucket = stickyCohort === undefined ? bucketOf(feature.featureId, unitId) : 0;
    const cohort: Cohort = cohortOf(feature, bucket, stickyCohort);
    if (cohort === "off") continue;
    compared.push(feature.assignments[cohort]);
    told.push(`${feature.featureId}=${cohort}`);
    if (stickyCohort === undefined) newSticky.set(feature.stickyKey, cohort);
  }
  return {
    compared,
    meetsAny: features.length > 0,
    header: told.join(", "),
    newSticky: newSticky.size > 0 ? newSticky : NO_STICKY,
  };
};

/** A request that is nobody's gets the features that everybody gets. The others are off, and nothing is compared. */
export const evaluateNobody = (features: FeatureList): RequestEvaluation => {
  const open = features.filter(({ state }) => state.rolloutBps >= BUCKETS);
  return {
    compared: open.map(({ assignments }) => assignments.treatment),
    meetsAny: features.length > 0,
    header: open.map(({ featureId }) => `${featureId}=treatment`).join(", "),
    newSticky: NO_STICKY,
  };
};

/** The feature that the request sees by a preview; null: none. */
export const previewOf = (snapshot: CompiledSnapshot, request: PageRequest): CompiledFeature | null => {
  const feature = request.previewId === null ? undefined : snapshot.byId.get(request.previewId);
  return feature !== undefined && isPreviewed(feature, request) ? feature : null;
};

/** With the previewed feature open. It is told upstream, but neither compared nor held by the cookie. */
export const withPreview = (evaluation: RequestEvaluation, preview: CompiledFeature): RequestEvaluation => {
  const compared = evaluation.compared.filter(({ feature }) => feature !== preview);
  const told = compared.map(({ feature, cohort }) => `${feature.featureId}=${cohort}`);
  const newSticky = new Map([...evaluation.newSticky].filter(([key]) => key !== preview.stickyKey));
  const header = [...told, `${preview.featureId}=treatment`].join(", ");
  return { ...evaluation, compared, newSticky, header };
};
