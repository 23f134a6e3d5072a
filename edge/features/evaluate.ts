// The evaluator: what a request gets of a feature, and why. Page, OpenFeature, explain and page events all read its answer
// (test/spec/feature-evaluation.json runs over all of them).
//
// An evaluation has two halves. The first asks the request: is the feature closed, do its routes name the request, is the
// request targeted? The answer is the same for every visitor of a path. The second asks the unit for its cohort. The answer
// is the same for every path. `evaluateFeature` is both. A page takes the halves one by one (`featuresOfRequest`,
// `evaluateUnits`), since each is remembered by itself: most requests of a visitor need neither.
import { bucketOf, BUCKETS, cohortOf, type Cohort } from "../../shared/features/assign.ts";
import type { EvaluationContext } from "../../shared/features/compile-targeting.ts";
import { MAX_FEATURES_HEADER, toldAs, TOLD_SEPARATOR } from "../../shared/features/features-header.ts";
import type { FeatureId } from "../../shared/ids.ts";
import type { Preview } from "../../shared/signing/preview.ts";
import type { CompiledSnapshot } from "./compile-snapshot.ts";
import type { Assignment, CompiledFeature, FeatureList, Units } from "./compiled-feature.ts";

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

/** The request of a page, or of something on it. */
export type PageRequest = EvaluationRequest & {
  readonly path: string;
  /** The request says that it is for an asset. */
  readonly isAsset?: boolean;
};

/**
 * `noUnit`: the request is of no visitor, or for a feature of signed-in users of no user. `bucket`: the hash decided. The
 * others come first, in this order.
 */
export type Reason = "preview" | ClosedReason | "route" | "notTargeted" | "noUnit" | "bucket";
export type ClosedReason = "closed" | "stale";

export type FeatureEvaluation = Assignment & {
  /** 0 … 9999; null: the request has no unit for the feature. */
  readonly bucket: number | null;
  readonly reason: Reason;
};

/** Whether somebody may hear of the feature: of a private one holders of a server key, and of a preview link for it. */
export const mayHearOf = (
  { featureId, state }: CompiledFeature,
  { isServer, previewId }: { readonly isServer: boolean; readonly previewId: FeatureId | null },
): boolean => isServer || !state.private || featureId === previewId;

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

/**
 * Without a visitor a feature that everybody gets is open, so that an asset or a prefetched page is that of everybody. A
 * feature of signed-in users is off for all others.
 */
const cohortOfNobody = ({ state, rolloutBps }: CompiledFeature): Cohort =>
  state.unit === "visitor" && rolloutBps >= BUCKETS ? "treatment" : "off";

export const evaluateFeature = (
  feature: CompiledFeature,
  request: EvaluationRequest,
  units: Units,
): FeatureEvaluation => {
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

/**
 * The features whose activation counts for the unit: it is compared. The page and its targeting do not matter: a feature
 * on one page may lead to an activation on another. Whether the unit was exposed before, the origin knows.
 */
export const evaluateActivations = (
  features: FeatureList,
  { stale, previewId }: Pick<EvaluationRequest, "stale" | "previewId">,
  units: Units,
): FeatureEvaluation[] => {
  const request = { path: null, method: "", context: null, stale, previewId };
  return features
    .map((feature) => evaluateFeature(feature, request, units))
    .filter(({ reason, cohort }) => reason === "bucket" && cohort !== "off");
};

/** What a page request gets of all features together. */
export type RequestEvaluation = {
  /** The features that the request is told of: those of which its unit is in treatment or holdout. */
  readonly compared: readonly Assignment[];
  /** false: no feature concerns the request. */
  readonly meetsAny: boolean;
  /** Value of `Sluice-Features`; empty: there is nothing to tell the upstream. */
  readonly header: string;
};

export const NOTHING_MET: RequestEvaluation = { compared: [], meetsAny: false, header: "" };

/** The first half, for all features. */
export const featuresOfRequest = (snapshot: CompiledSnapshot, request: PageRequest): FeatureList => {
  const routed = snapshot.routed(request.path, request.method, request.isAsset);
  if (!snapshot.isTargeted && !request.stale) return routed.all;
  const routedRequest: EvaluationRequest = { ...request, path: null };
  let mask = "";
  for (const feature of routed.all) mask += exclusionOf(feature, routedRequest) === null ? "1" : "0";
  return routed.part(mask);
};

/** The second half. A bucket takes 90 ns (shared/hash.ts). */
export const evaluateUnits = (features: FeatureList, units: Units): RequestEvaluation => {
  const compared: Assignment[] = [];
  const told: string[] = [];
  let bytes = 0;
  for (const feature of features) {
    const unitId = feature.unitIdOf(units);
    const cohort =
      unitId === null ? cohortOfNobody(feature) : cohortOf(feature, bucketOf(feature.featureId, unitId));
    if (cohort === "off") continue;
    const text = toldAs(feature.featureId, cohort);
    // Opening a feature is refused where this could happen. Should it, the site keeps answering, and the features that
    // the upstream cannot be told of are closed for the request.
    if (told.length > 0) bytes += TOLD_SEPARATOR.length;
    bytes += text.length;
    if (bytes > MAX_FEATURES_HEADER) break;
    compared.push(feature.assignments[cohort]);
    told.push(text);
  }
  return { compared, meetsAny: features.length > 0, header: told.join(TOLD_SEPARATOR) };
};

/** The feature whose preview is still good: it has not been opened again since the link was made. null: none. */
export const previewedId = (
  { byId }: Pick<CompiledSnapshot, "byId">,
  preview: Preview | null,
): FeatureId | null =>
  preview !== null && byId.get(preview.featureId)?.state.epoch === preview.epoch ? preview.featureId : null;

/** The feature that the request sees by a preview; null: none. */
export const previewOf = (snapshot: CompiledSnapshot, request: PageRequest): CompiledFeature | null => {
  const feature = request.previewId === null ? undefined : snapshot.byId.get(request.previewId);
  return feature !== undefined && isPreviewed(feature, request) ? feature : null;
};

/** With the previewed feature open. It is told upstream, and not compared. */
export const withPreview = (evaluation: RequestEvaluation, preview: CompiledFeature): RequestEvaluation => {
  const compared = evaluation.compared.filter(({ feature }) => feature !== preview);
  const told = compared.map(({ feature, cohort }) => toldAs(feature.featureId, cohort));
  const header = [...told, toldAs(preview.featureId, "treatment")].join(TOLD_SEPARATOR);
  return { ...evaluation, compared, header };
};
