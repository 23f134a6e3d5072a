// What the gate decides about a visitor's request: read the snapshot, identify the visitor, evaluate the features, decide
// the gate outcome.
import type { FeatureId } from "../../shared/ids.ts";
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
import type { Claims, ReadClaims } from "../visitor/claims.ts";
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

/** It waits for promises only: most requests have everything in memory, and each wait costs them 0.1 µs (measured). */
export const makeGateRequest = (dependencies: Dependencies): GateRequest => {
  const { cache, identify, evaluations, readClaims, previews } = dependencies;

  const gateRequest: GateRequest = async (incoming, waitUntil) => {
    const reading = cache.read(waitUntil);
    const view = reading instanceof Promise ? await reading : reading;
    const verifying = readVerified(view, incoming);
    const page = pageOf(view, incoming, verifying === null ? NOTHING_VERIFIED : await verifying);
    const { snapshot } = view;
    const features = featuresOfRequest(snapshot, page);
    const preview = previewOf(snapshot, page);
    const isConcerned = features.length > 0 || preview !== null || snapshot.mayActivate(page.method);
    const identifying = isConcerned ? identify(incoming) : null;
    const identity = identifying instanceof Promise ? await identifying : identifying;
    const unit = unitOf(incoming, identity);
    const usual = evaluate(features, unit, isConcerned);
    const evaluation = preview === null ? usual : withPreview(usual, preview);
    const outcome = decideGate(snapshot.gated, page, evaluation, preview);
    return { incoming, view, page, ...unit, evaluation, preview, outcome };
  };

  const evaluate = (features: FeatureList, { identity }: CountedUnit, isConcerned: boolean) => {
    if (identity !== null) return evaluations.evaluate(features, identity);
    return isConcerned ? evaluateNobody(features) : NOTHING_MET;
  };

  /** null: the request has nothing to verify. */
  const readVerified = ({ snapshot }: SnapshotView, incoming: IncomingRequest): Promise<Verified> | null => {
    const previewing = previews.read(incoming);
    if (previewing === null && !snapshot.asksForClaims) return null;
    return (async () => ({
      previewId: await previewing,
      claims: snapshot.asksForClaims ? await readClaims(incoming.request) : null,
    }))();
  };

  return gateRequest;
};

/** The parts of a request that count only once their signature is verified. */
type Verified = { readonly claims: Claims | null; readonly previewId: FeatureId | null };
const NOTHING_VERIFIED: Verified = { claims: null, previewId: null };

const pageOf = (
  { snapshot, stale }: SnapshotView,
  incoming: IncomingRequest,
  { claims, previewId }: Verified,
): PageRequest => {
  const { request, path } = incoming;
  const context = snapshot.isTargeted ? evaluationContextOf(incoming, path, claims) : null;
  return { path, method: request.method, context, stale, previewId };
};
