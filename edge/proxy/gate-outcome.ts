// What the gate does to one request beyond telling the upstream: another place, an answer of its own, an edited page.
// Features are taken in the order of their ids, so that every edge decides alike when two want the same request.
import type { FeatureId } from "../../shared/ids.ts";
import type { WhenClosed } from "../../shared/features/gate.ts";
import type { CompiledFeature } from "../features/compile.ts";
import type { Place } from "../features/compile-gate.ts";
import type { PageEdit } from "./edit-page.ts";

export type Actions = {
  readonly place: Place | null;
  /** Instead of asking the upstream. */
  readonly answer: WhenClosed | null;
  /** Of the page, should the upstream answer with one. */
  readonly edit: PageEdit | null;
};

export const NO_ACTIONS: Actions = { place: null, answer: null, edit: null };

/** A redirect to the page that was asked for would never end. */
const answers = (whenClosed: WhenClosed, path: string): boolean =>
  whenClosed.action === "notFound" || whenClosed.to !== path;

/** `gated`: all features with a gate, closed ones too. `open`: those that this request's unit gets. */
export const actionsOf = (
  gated: readonly CompiledFeature[],
  { path, method, open }: { path: string; method: string; open: ReadonlySet<CompiledFeature> },
): Actions => {
  let place: Place | null = null;
  let answer: WhenClosed | null = null;
  const elements = new Map<FeatureId, boolean>();
  const flags = new Map<FeatureId, boolean>();
  for (const feature of gated) {
    if (!feature.appliesTo(path, method)) continue;
    const { featureId, gate } = feature;
    if (gate === null) continue;
    const isOpen = open.has(feature);
    if (isOpen) place ??= gate.placeOf?.(path) ?? null;
    else if (gate.whenClosed !== null && answers(gate.whenClosed, path)) answer ??= gate.whenClosed;
    if (gate.elements) elements.set(featureId, isOpen);
    if (gate.flags) flags.set(featureId, isOpen);
  }
  const edit = elements.size + flags.size === 0 ? null : { elements, flags };
  return { place, answer, edit };
};

/** Never kept by a cache: the feature may open any time. */
export const answerClosed = (whenClosed: WhenClosed): Response => {
  const headers = new Headers({ "Cache-Control": "private, no-store" });
  if (whenClosed.action === "redirect") {
    headers.set("Location", whenClosed.to);
    return new Response(null, { status: whenClosed.status, headers });
  }
  headers.set("Content-Type", "text/plain; charset=utf-8");
  return new Response("Not Found\n", { status: 404, headers });
};
