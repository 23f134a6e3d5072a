// A snapshot made ready for requests, once when it arrives.
import { decodeField, type EncodedFeature } from "../../shared/features/encoded-feature.ts";
import type { FeatureId, Revision } from "../../shared/ids.ts";
import { CompiledFeature, type FeatureList } from "./compiled-feature.ts";
import { makeFindConcerned, makeFindRouted, type FindConcerned, type FindRouted } from "./routed-features.ts";

export type CompiledSnapshot = {
  readonly revision: Revision;
  readonly features: FeatureList;
  /** The features that are not closed: a request can meet no other. */
  readonly enabled: FeatureList;
  /** An enabled feature has targeting. */
  readonly isTargeted: boolean;
  /** A request's token has to be verified: an enabled feature asks for one of its claims. */
  readonly asksForClaims: boolean;
  /** The enabled features that concern a request. */
  readonly routed: FindConcerned;
  /** The enabled features that a request can activate. */
  readonly activatable: FeatureList;
  /** Whether requests of this method can activate. */
  readonly mayActivate: (method: string) => boolean;
  /** The features with a gate whose routes name a request, closed ones too, in the order of their ids. */
  readonly gated: FindRouted;
  readonly byId: ReadonlyMap<FeatureId, CompiledFeature>;
};

const makeMayActivate = (activatable: FeatureList): CompiledSnapshot["mayActivate"] => {
  if (activatable.length === 0) return () => false;
  let methods: ReadonlySet<string | undefined> | null = null;
  return (method) => {
    methods ??= new Set(activatable.map(({ state }) => decodeField(state, "activation")?.method));
    return methods.has(method);
  };
};

/** A feature that has not changed since `before` stays the same object, with all that was compiled for it. */
export const compileSnapshot = (
  revision: Revision,
  states: readonly EncodedFeature[],
  before: CompiledSnapshot | null = null,
): CompiledSnapshot => {
  const features = states.map((state) => {
    const known = before?.byId.get(state.featureId);
    return known?.state === state ? known : new CompiledFeature(state);
  });
  const enabled = features.filter(({ state }) => state.enabled);
  const gated = features
    .filter(({ state }) => state.gate !== null)
    .toSorted((a, b) => (a.featureId < b.featureId ? -1 : 1));
  const activatable = enabled.filter(({ state }) => state.activation !== null);
  return {
    revision,
    features,
    enabled,
    isTargeted: enabled.some(({ state }) => state.targeting !== null),
    asksForClaims: enabled.some((feature) => feature.asksForClaims),
    routed: makeFindConcerned(enabled),
    activatable,
    mayActivate: makeMayActivate(activatable),
    gated: makeFindRouted(gated),
    byId: new Map(features.map((feature) => [feature.featureId, feature])),
  };
};
