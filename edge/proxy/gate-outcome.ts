// The gate outcome: what the gates of a request's features do to it beyond telling the upstream. Features are taken in the
// order of their ids, so that every edge decides alike when two want the same request.
import type { WhenClosed } from "../../shared/features/gate.ts";
import type { FeatureId } from "../../shared/ids.ts";
import type { Destination } from "../features/compile-gate.ts";
import type { CompiledFeature, FeatureList } from "../features/compiled-feature.ts";
import type { RequestEvaluation } from "../features/evaluate.ts";
import type { PageEdit } from "./edit-page.ts";

export type GateOutcome = {
  /** null: the request goes where it would go without the gate. */
  readonly destination: Destination | null;
  /** Instead of asking the upstream; null: the upstream is asked. */
  readonly answer: WhenClosed | null;
  /** Of the page, if the upstream answers with one. */
  readonly edit: PageEdit | null;
};

export const NO_GATE: GateOutcome = { destination: null, answer: null, edit: null };

/** A redirect to the page that was asked for would never end. */
const answersFor = (whenClosed: WhenClosed, path: string): boolean =>
  whenClosed.action === "notFound" || whenClosed.to !== path;

/**
 * `gated`: the features with a gate whose routes name the request, closed ones too. `preview`: the feature that the
 * request sees open by a preview.
 */
export const decideGate = (
  gated: FeatureList,
  { path }: { path: string },
  { compared }: Pick<RequestEvaluation, "compared">,
  preview: CompiledFeature | null,
): GateOutcome => {
  if (gated.length === 0) return NO_GATE;
  const open = new Set(compared.filter((each) => each.open).map(({ feature }) => feature));
  if (preview !== null) open.add(preview);
  let destination: Destination | null = null;
  let answer: WhenClosed | null = null;
  const elements = new Map<FeatureId, boolean>();
  const flags = new Map<FeatureId, boolean>();
  for (const feature of gated) {
    const { featureId, gate } = feature;
    if (gate === null) continue;
    const isOpen = open.has(feature);
    if (isOpen) destination ??= gate.destinationOf?.(path) ?? null;
    else if (gate.whenClosed !== null && answersFor(gate.whenClosed, path)) answer ??= gate.whenClosed;
    if (gate.elements) elements.set(featureId, isOpen);
    if (gate.flags) flags.set(featureId, isOpen);
  }
  const edit = elements.size + flags.size === 0 ? null : { elements, flags };
  return { destination, answer, edit };
};

/** No cache may keep it: the feature may open any time. */
export const answerWhenClosed = (whenClosed: WhenClosed): Response => {
  const headers = new Headers({ "Cache-Control": "private, no-store" });
  if (whenClosed.action === "redirect") {
    headers.set("Location", whenClosed.to);
    return new Response(null, { status: whenClosed.status, headers });
  }
  headers.set("Content-Type", "text/plain; charset=utf-8");
  return new Response("Not Found\n", { status: 404, headers });
};
