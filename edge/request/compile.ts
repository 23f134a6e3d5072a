// A snapshot made ready for requests, once when it arrives: what can be known of a feature before a request is seen.
import type { Assignable, Cohort } from "../../shared/assign.ts";
import { asksForClaims, compileTargeting, type Targets } from "../../shared/compile-targeting.ts";
import { holdKey } from "../../shared/cookie.ts";
import type { Activation, FeatureState } from "../../shared/feature.ts";
import type { FeatureId, Revision } from "../../shared/ids.ts";
import { compilePath, type Route } from "../../shared/route.ts";
import { compileGate, type CompiledGate } from "./compile-gate.ts";
import type { Assigned } from "./gate.ts";

export type CompiledFeature = Assignable & {
  readonly featureId: FeatureId;
  readonly state: FeatureState;
  readonly holdKey: number;
  /** Whether the feature has anything to do with a request. */
  readonly appliesTo: (path: string, method: string) => boolean;
  /** null: only the upstream is told. */
  readonly gate: CompiledGate | null;
  /** Whether a request is one that the feature is for; null: all are. */
  readonly targets: Targets | null;
  /** Whether a request is one by which units activate, given the status that the upstream answered. */
  readonly activatedBy: ((path: string, method: string, status: number) => boolean) | null;
  /** Every unit's assignment is one of these: nothing is made for a request. */
  readonly as: Readonly<Record<Cohort, Assigned>>;
};

/** One per snapshot: its identity keys whatever is remembered about the snapshot. */
export type CompiledSnapshot = {
  readonly revision: Revision;
  readonly features: readonly CompiledFeature[];
  /** Those that a person or a decision has not closed: the only ones a request can meet. */
  readonly enabled: readonly CompiledFeature[];
  /** An enabled feature asks for more of a request than its route. */
  readonly isTargeted: boolean;
  /** Enabled features whose routes name a request: the same list for the same ones, so that what follows from it keeps. */
  readonly routed: (path: string, method: string) => readonly CompiledFeature[];
  /** enabled, and named by an activation route */
  readonly activatable: readonly CompiledFeature[];
  /** Those with a gate, closed ones too, in the order of their ids. */
  readonly gated: readonly CompiledFeature[];
  /** Whether a request's token has to be verified, because an enabled feature asks for one of its claims. */
  readonly asksForClaims: boolean;
  readonly byId: ReadonlyMap<FeatureId, CompiledFeature>;
  readonly holdKeys: ReadonlySet<number>;
};

const compileRoutes = (routes: readonly Route[]): CompiledFeature["appliesTo"] => {
  if (routes.length === 0) return () => true;
  const compiled = routes.map((route) => ({
    test: compilePath(route.path).test,
    methods: route.methods === undefined ? null : new Set(route.methods),
  }));
  return (path, method) =>
    compiled.some((route) => (route.methods === null || route.methods.has(method)) && route.test(path));
};

const compileActivation = (activation: Activation | null): CompiledFeature["activatedBy"] => {
  if (activation === null) return null;
  const { test } = compilePath(activation.path);
  const wanted = activation.status;
  return (path, method, status) =>
    method === activation.method && (wanted === undefined ? status < 400 : status === wanted) && test(path);
};

const compileFeature = (state: FeatureState): CompiledFeature => {
  const feature: CompiledFeature = {
    featureId: state.featureId,
    rolloutBps: state.rolloutBps,
    holdoutBps: state.holdoutBps,
    state,
    holdKey: holdKey(state.featureId, state.epoch),
    appliesTo: compileRoutes(state.routes),
    gate: compileGate(state),
    targets: state.targeting === null ? null : compileTargeting(state.targeting),
    activatedBy: compileActivation(state.activation),
    get as() {
      return as;
    },
  };
  const as = {
    treatment: { feature, cohort: "treatment", open: true },
    holdout: { feature, cohort: "holdout", open: false },
    off: { feature, cohort: "off", open: false },
  } as const;
  return feature;
};

const MANY_PATHS = 2_000;

const makeRouted = (enabled: readonly CompiledFeature[]): CompiledSnapshot["routed"] => {
  if (enabled.every(({ state }) => state.routes.length === 0)) return () => enabled;
  const lists = new Map<string, readonly CompiledFeature[]>();
  let byRequest = new Map<string, readonly CompiledFeature[]>();
  return (path, method) => {
    const request = `${method} ${path}`;
    const known = byRequest.get(request);
    if (known !== undefined) return known;
    const found = enabled.filter((feature) => feature.appliesTo(path, method));
    const name = found.map(({ featureId }) => featureId).join(" ");
    const list = lists.get(name) ?? found;
    if (byRequest.size >= MANY_PATHS) byRequest = new Map();
    byRequest.set(request, list);
    if (lists.size < MANY_PATHS) lists.set(name, list);
    return list;
  };
};

export const compile = (revision: Revision, states: readonly FeatureState[]): CompiledSnapshot => {
  const features = states.map(compileFeature);
  const enabled = features.filter((feature) => feature.state.enabled);
  return {
    revision,
    features,
    enabled,
    routed: makeRouted(enabled),
    isTargeted: enabled.some(({ targets }) => targets !== null),
    activatable: enabled.filter((feature) => feature.activatedBy !== null),
    gated: features
      .filter((feature) => feature.gate !== null)
      .toSorted((a, b) => (a.featureId < b.featureId ? -1 : 1)),
    asksForClaims: enabled.some(({ state }) => state.targeting !== null && asksForClaims(state.targeting)),
    byId: new Map(features.map((feature) => [feature.featureId, feature])),
    holdKeys: new Set(features.map((feature) => feature.holdKey)),
  };
};
