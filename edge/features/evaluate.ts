// The evaluator: what a request gets of a feature, and why. Page, OpenFeature, explain and page events all read its answer
// (test/spec/feature-evaluation.json runs over all of them).
//
// An evaluation has two halves. The first asks the request: is the feature closed, do its routes name the request, is the
// request targeted? The answer is the same for every visitor of a path. The second asks the unit for its cohort. The answer
// is the same for every path. `evaluateFeature` (shared/features/evaluate-feature.ts) is both. A page takes the halves one by one (`featuresOfRequest`,
// `evaluateUnits`), since each is remembered by itself: most requests of a visitor need neither.
import { bucketOf, cohortOf } from "../../shared/features/assign.ts";
import {
  cohortOfNobody,
  evaluateFeature,
  exclusionOf,
  isPreviewed,
  type EvaluationRequest,
  type FeatureEvaluation,
  type Units,
} from "../../shared/features/evaluate-feature.ts";
import { MAX_FEATURES_HEADER, toldAs, TOLD_SEPARATOR } from "../../shared/features/features-header.ts";
import type { FeatureId } from "../../shared/ids.ts";
import type { Preview } from "../../shared/signing/preview.ts";
import type { CompiledSnapshot } from "./compile-snapshot.ts";
import type { Assignment, CompiledFeature, FeatureList } from "./compiled-feature.ts";

/** The request of a page, or of something on it. */
export type PageRequest = EvaluationRequest & {
  readonly path: string;
  /** The request says that it is for an asset. */
  readonly isAsset?: boolean;
};

/** Whether somebody may hear of the feature: of a private one holders of a server key, and of a preview link for it. */
export const mayHearOf = (
  { featureId, state }: CompiledFeature,
  { isServer, previewId }: { readonly isServer: boolean; readonly previewId: FeatureId | null },
): boolean => isServer || !state.private || featureId === previewId;

/**
 * The features whose activation counts for the unit: it is compared. The page and its targeting do not matter: a feature
 * on one page may lead to an activation on another. Whether the unit was exposed before, the origin knows.
 */
export const evaluateActivations = (
  features: FeatureList,
  { stale, previewId }: Pick<EvaluationRequest, "stale" | "previewId">,
  units: Units,
): FeatureEvaluation<CompiledFeature>[] => {
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
