// The features whose routes name a request. They are found once for each path and method, and the same features are
// always the same list, so that a visitor's evaluation can be remembered by the list.
import { readPath } from "../../shared/features/canonical-path.ts";
import { makeMayName } from "../../shared/features/encoded-feature.ts";
import { isAssetPath } from "../../shared/features/asset-path.ts";
import type { FeatureList } from "./compiled-feature.ts";

/** Paths, lists and parts of lists that one snapshot remembers; beyond, it begins anew. */
const MANY = 2_000;
const MANY_PARTS = 256;

export class RoutedFeatures {
  readonly all: FeatureList;
  readonly #parts = new Map<string, FeatureList>();
  #fingerprint: string | undefined;

  constructor(all: FeatureList) {
    this.all = all;
  }

  /** Of the states of all of them, in their order. */
  get fingerprint(): string {
    return (this.#fingerprint ??= this.all.map(({ fingerprint }) => fingerprint).join(""));
  }

  /** The features that stay: `mask` has a "1" at the place of each, and a "0" at the places of the others. */
  part(mask: string): FeatureList {
    if (!mask.includes("0")) return this.all;
    const known = this.#parts.get(mask);
    if (known !== undefined) return known;
    if (this.#parts.size >= MANY_PARTS) this.#parts.clear();
    const part = this.all.filter((_, at) => mask[at] === "1");
    this.#parts.set(mask, part);
    return part;
  }
}

export type FindRouted = (path: string, method: string) => RoutedFeatures;

export const makeFindRouted = (features: FeatureList): FindRouted => {
  const everywhere = new RoutedFeatures(features);
  if (features.every(({ state }) => state.routes === null)) return () => everywhere;
  const byIds = new Map<string, RoutedFeatures>();
  // One key of both would be a new text for each request, whose hash has to be computed.
  let byMethod = new Map<string, Map<string, RoutedFeatures>>();
  let size = 0;

  const remember = (path: string, method: string, routed: RoutedFeatures): void => {
    if (size >= MANY) {
      byMethod = new Map();
      size = 0;
    }
    size++;
    const byPath = byMethod.get(method);
    if (byPath === undefined) byMethod.set(method, new Map([[path, routed]]));
    else byPath.set(path, routed);
  };

  return (path, method) => {
    const known = byMethod.get(method)?.get(path);
    if (known !== undefined) return known;
    const readings = readPath(path);
    const mayName = makeMayName(readings);
    const found = features.filter(
      (feature) =>
        (feature.state.routes === null || mayName(feature.state.routes)) &&
        feature.isOnRoute(readings, method),
    );
    const ids = found.map(({ featureId }) => featureId).join(" ");
    const routed = byIds.get(ids) ?? new RoutedFeatures(found);
    remember(path, method, routed);
    if (byIds.size < MANY) byIds.set(ids, routed);
    return routed;
  };
};

/** `isAsset`: the request says that it is for an asset. An asset's path says it too. */
export type FindConcerned = (path: string, method: string, isAsset?: boolean) => RoutedFeatures;

/** The features that concern a request: those on whose routes it is, but of an asset only those that name it. */
export const makeFindConcerned = (features: FeatureList): FindConcerned => {
  const find = makeFindRouted(features);
  let findForAsset: FindRouted | null = null;
  let findForFile: FindRouted | null = null;
  return (path, method, isAsset = false) => {
    if (isAssetPath(path))
      return (findForFile ??= makeFindRouted(features.filter((each) => each.namesAssets)))(path, method);
    if (!isAsset) return find(path, method);
    // A request's own word takes it away only from features that name no place of the site.
    return (findForAsset ??= makeFindRouted(
      features.filter((each) => each.namesAssets || each.state.routes !== null),
    ))(path, method);
  };
};
