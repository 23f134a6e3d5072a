// Who would get a feature: the edges' own evaluator (shared/features/evaluate-feature.ts) on the stored feature, or on one with
// fields that nobody has saved, for a unit and a request that a person names. Nothing is counted.
import { canonicalPath } from "../../../shared/features/canonical-path.ts";
import {
  compileTargeting,
  type Device,
  type EvaluationContext,
} from "../../../shared/features/compile-targeting.ts";
import {
  closedReason,
  compileRoutes,
  evaluateFeature,
  namesAssets,
  unitIdOf,
  type EvaluableFeature,
} from "../../../shared/features/evaluate-feature.ts";
import type { FeatureState } from "../../../shared/features/feature.ts";
import { isAssetPath } from "../../../shared/features/asset-path.ts";
import { reasonText } from "../../../shared/features/reason-text.ts";
import { claimValues, deviceOf } from "../../../shared/features/request-values.ts";
import type { WrittenCondition } from "../../../shared/features/written-targeting.ts";
import type { UnitId } from "../../../shared/ids.ts";
import { ok, type Result } from "../../../shared/result.ts";
import type { FeatureRecord } from "../feature-record.ts";
import { expandTargeting, type ExpandError, type SegmentParts } from "./expand-targeting.ts";
import { traceTargeting } from "./trace-targeting.ts";

type Texts = Readonly<Record<string, string>>;

/** A request as a person describes it. What is not named is not there. */
export type AskedRequest = {
  readonly visitorId: UnitId | null;
  readonly userId: UnitId | null;
  /** null: any page of the site. */
  readonly path: string | null;
  readonly method: string;
  readonly country: string | null;
  /** null: by the header User-Agent. */
  readonly device: Device | null;
  readonly headers: Texts;
  readonly cookies: Texts;
  /** Of a token that was verified. */
  readonly claims: Readonly<Record<string, unknown>>;
};

/** Fields that take the place of the stored ones. */
export type UnsavedFields = Partial<
  Pick<FeatureState, "enabled" | "rolloutBps" | "holdoutBps" | "unit" | "routes" | "gate">
> & { readonly targeting?: WrittenCondition | null };

const contextOf = (request: AskedRequest, path: string): EvaluationContext => {
  const headers = new Map(
    Object.entries(request.headers).map(([name, value]) => [name.toLowerCase(), value]),
  );
  const cookies = new Map(Object.entries(request.cookies));
  const header = (name: string): string | null => headers.get(name.toLowerCase()) ?? null;
  return {
    country: () => request.country,
    path: () => path,
    device: () => request.device ?? deviceOf(header),
    header,
    cookie: (name) => cookies.get(name) ?? null,
    claim: (name) => claimValues(request.claims, name),
  };
};

/** `segments`: those that the targeting is made of, the unsaved one if there is one. */
export const evaluateFor = (
  record: Pick<FeatureRecord, "state" | "targeting">,
  unsaved: UnsavedFields,
  request: AskedRequest,
  segments: SegmentParts,
) => {
  const { targeting: written = record.targeting, ...fields } = unsaved;
  const state = { ...record.state, ...fields };
  const expanded: Result<{ targeting: FeatureState["targeting"] }, ExpandError> =
    written === null ? ok({ targeting: null }) : expandTargeting(written, segments);
  if (!expanded.ok) return expanded;
  const { targeting } = expanded.value;
  const isOnRoute = compileRoutes(state.routes);
  const isAboutAssets = namesAssets(state.gate, state.routes);
  const feature: EvaluableFeature = {
    featureId: state.featureId,
    rolloutBps: state.rolloutBps,
    holdoutBps: state.holdoutBps,
    state,
    unitIdOf: (units) => unitIdOf(state.unit, units),
    appliesTo: (path, method) => (isAboutAssets || !isAssetPath(path)) && isOnRoute(path, method),
    isTargeted: targeting === null ? null : compileTargeting(targeting),
  };
  const path = request.path === null ? null : canonicalPath(request.path);
  const context = contextOf(request, path ?? "/");
  const asked = { path, method: request.method, context, stale: false, previewId: null };
  const evaluation = evaluateFeature(feature, asked, request);
  const { cohort, open, bucket, reason } = evaluation;
  return ok({
    featureId: state.featureId,
    version: record.state.version,
    unit: feature.unitIdOf(request),
    state: closedReason(feature, false) ?? "open",
    cohort,
    open,
    bucket,
    why: reason,
    reason: reasonText(evaluation, asked),
    targeting: written === null ? null : traceTargeting(written, segments, context),
  });
};
export type EvaluationFor = Extract<ReturnType<typeof evaluateFor>, { ok: true }>["value"];
