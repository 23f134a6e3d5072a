// The gate outcome: what the gates of a request's features do to it beyond telling the upstream. Features are taken in the
// order of their ids, so that every edge decides alike when two want the same request.
import type { WhenClosed } from "../../shared/features/gate.ts";
import { isSamePage, methodAfter, pathOnSite } from "../../shared/features/redirects.ts";
import type { FeatureId } from "../../shared/ids.ts";
import { pathStart } from "../incoming-request.ts";
import type { Destination } from "../features/compile-gate.ts";
import type { CompiledFeature, FeatureList } from "../features/compiled-feature.ts";
import type { RequestEvaluation } from "../features/evaluate.ts";
import type { FindRouted } from "../features/routed-features.ts";
import type { PageEdit } from "./edit-page.ts";

export type GateOutcome = {
  /** null: the request goes where it would go without the gate. */
  readonly destination: Destination | null;
  /** Instead of asking the upstream; null: the upstream is asked. */
  readonly answer: WhenClosed | null;
  /** Of the page, if the upstream answers with one. */
  readonly edit: PageEdit | null;
};

/** Nobody is sent to the upstream: the features are not known, and the path must stay closed. */
export const CLOSED: GateOutcome = { destination: null, answer: { action: "notFound" }, edit: null };

export const NO_GATE: GateOutcome = { destination: null, answer: null, edit: null };

/** A request that a gate may answer. */
type GateRequest = { readonly path: string; readonly method: string };

/** So many redirects of the gate may follow one another. */
const MAX_REDIRECTS = 5;

const NOT_FOUND: WhenClosed = { action: "notFound" };

/** What answers a request to a path by itself; null: the upstream. Nobody is redirected to the page that they asked for. */
const answerAt = (
  gated: FeatureList,
  path: string,
  { isOpen, isSite }: { isOpen: (feature: CompiledFeature) => boolean; isSite: (host: string) => boolean },
): WhenClosed | null => {
  for (const feature of gated) {
    const whenClosed = feature.gate?.whenClosed ?? null;
    if (whenClosed === null || isOpen(feature)) continue;
    if (whenClosed.action === "notFound") return whenClosed;
    const to = pathOnSite(whenClosed, isSite);
    if (to === null || !isSamePage(to, path)) return whenClosed;
  }
  return null;
};

/**
 * The answer to a request, unless it is a redirect that leads to another and so on: then it is that there is nothing,
 * since a browser would give up too. A feature that does not concern this request counts as closed.
 */
const answerOf = (
  find: FindRouted,
  { path, method }: GateRequest,
  { url, isOpen }: { url: string; isOpen: (feature: CompiledFeature) => boolean },
): WhenClosed | null => {
  const host = url.slice(url.indexOf("//") + 2, pathStart(url));
  const site = { isOpen, isSite: (other: string) => other === host };
  const answer = answerAt(find(path, method).all, path, site);
  let next = answer;
  let methodNow = method;
  for (let redirects = 0; redirects < MAX_REDIRECTS; redirects++) {
    const to = next?.action === "redirect" ? pathOnSite(next, site.isSite) : null;
    if (next?.action !== "redirect" || to === null) return answer;
    methodNow = methodAfter(next.status, methodNow);
    next = answerAt(find(to, methodNow).all, to, site);
  }
  return NOT_FOUND;
};

/**
 * `find`: the features with a gate whose routes name a request, closed ones too. `preview`: the feature that the request
 * sees open by a preview.
 */
export const decideGate = (
  find: FindRouted,
  request: GateRequest,
  { compared }: Pick<RequestEvaluation, "compared">,
  { url, preview }: { url: string; preview: CompiledFeature | null },
): GateOutcome => {
  const { path, method } = request;
  const gated = find(path, method).all;
  if (gated.length === 0) return NO_GATE;
  const open = new Set(compared.filter((each) => each.open).map(({ feature }) => feature));
  if (preview !== null) open.add(preview);
  let destination: Destination | null = null;
  let mayAnswer = false;
  const elements = new Map<FeatureId, boolean>();
  const flags = new Map<FeatureId, boolean>();
  for (const feature of gated) {
    const { featureId, gate } = feature;
    if (gate === null) continue;
    const isOpen = open.has(feature);
    if (isOpen) destination ??= gate.destinationOf?.(path) ?? null;
    else if (gate.whenClosed !== null) mayAnswer = true;
    if (gate.elements) elements.set(featureId, isOpen);
    if (gate.flags) flags.set(featureId, isOpen);
  }
  const answer = mayAnswer ? answerOf(find, request, { url, isOpen: (feature) => open.has(feature) }) : null;
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
