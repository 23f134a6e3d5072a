// What the gate decides about a visitor's request: read the snapshot, identify the visitor, evaluate the features, decide
// the gate outcome.
import { evaluationContextOf } from "../features/evaluation-context.ts";
import type { CompiledFeature, FeatureList } from "../features/compiled-feature.ts";
import {
  evaluateNobody,
  featuresOfRequest,
  NOTHING_MET,
  previewOf,
  withPreview,
  type PageRequest,
  type RequestEvaluation,
} from "../features/evaluate.ts";
import type { EvaluationCache } from "../features/evaluation-cache.ts";
import type { IncomingRequest } from "../incoming-request.ts";
import type { SnapshotCache, SnapshotView, WaitUntil } from "../snapshot/cache.ts";
import type { ReadClaims } from "../visitor/claims.ts";
import type { Identify } from "../visitor/identify.ts";
import { isKnown, type Identity } from "../visitor/identity.ts";
import type { Previews } from "../visitor/preview.ts";
import { requestKind } from "../visitor/request-kind.ts";
import { decideGate, type GateOutcome } from "./gate-outcome.ts";

type Dependencies = {
  readonly cache: SnapshotCache;
  readonly identify: Identify;
  readonly evaluations: EvaluationCache;
  readonly readClaims: ReadClaims;
  readonly previews: Previews;
};

export type GatedRequest = {
  readonly incoming: IncomingRequest;
  readonly view: SnapshotView;
  readonly page: PageRequest;
  /** null: no feature concerns the request, or it is nobody's. */
  readonly identity: Identity | null;
  /** Whether the request counts for the unit: only what a person waits for does. */
  readonly isCounted: boolean;
  readonly evaluation: RequestEvaluation;
  /** The feature that this request sees open by a preview; null: none. */
  readonly preview: CompiledFeature | null;
  readonly outcome: GateOutcome;
};

type CountedUnit = Pick<GatedRequest, "identity" | "isCounted">;

/** A request that makes no unit is its visitor's where it says who that is, and else nobody's. */
const unitOf = ({ request }: IncomingRequest, identity: Identity | null): CountedUnit => {
  if (identity === null) return { identity, isCounted: false };
  const kind = requestKind(request);
  const isVisitors = kind === "visit" || isKnown(identity) || identity.isEphemeral;
  return { identity: isVisitors ? identity : null, isCounted: isVisitors && kind !== "aside" };
};

export type GateRequest = (incoming: IncomingRequest, waitUntil: WaitUntil) => Promise<GatedRequest>;

export const makeGateRequest = (dependencies: Dependencies): GateRequest => {
  const { cache, identify, evaluations, readClaims, previews } = dependencies;

  const gateRequest: GateRequest = async (incoming, waitUntil) => {
    const view = await cache.read(waitUntil);
    const { snapshot } = view;
    const page = await readPage(view, incoming);
    const features = featuresOfRequest(snapshot, page);
    const preview = previewOf(snapshot, page);
    const isConcerned = features.length > 0 || preview !== null || snapshot.mayActivate(page.method);
    const unit = unitOf(incoming, isConcerned ? await identify(incoming) : null);
    const usual = evaluate(features, unit, isConcerned);
    const evaluation = preview === null ? usual : withPreview(usual, preview);
    const outcome = decideGate(snapshot.gated, page, evaluation, preview);
    return { incoming, view, page, ...unit, evaluation, preview, outcome };
  };

  const evaluate = (features: FeatureList, { identity }: CountedUnit, isConcerned: boolean) => {
    if (identity !== null) return evaluations.evaluate(features, identity);
    return isConcerned ? evaluateNobody(features) : NOTHING_MET;
  };

  /** The request as features are evaluated for it. Claims and previews are the parts that have to be verified. */
  const readPage = async (
    { snapshot, stale }: SnapshotView,
    incoming: IncomingRequest,
  ): Promise<PageRequest> => {
    const { request, path } = incoming;
    const claims = snapshot.asksForClaims ? await readClaims(request) : null;
    const context = snapshot.isTargeted ? evaluationContextOf(incoming, path, claims) : null;
    return { path, method: request.method, context, stale, previewId: await previews.read(incoming) };
  };

  return gateRequest;
};
