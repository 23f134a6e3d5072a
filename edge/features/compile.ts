// A snapshot made ready for requests, once when it arrives: what can be known of a feature before a request is seen.
import type { Assignable, Cohort, StickyCohort } from "../../shared/features/assign.ts";
import { compileTargeting, type TargetingPredicate } from "../../shared/features/compile-targeting.ts";
import { stickyKey } from "../../shared/signing/cookie.ts";
import { decodeField, type EncodedFeature } from "../../shared/features/encoded-feature.ts";
import type { Activation } from "../../shared/features/feature.ts";
import type { FeatureId, Revision } from "../../shared/ids.ts";
import { compilePath, type Route } from "../../shared/features/route.ts";
import { encodeSubject, type ReportedFeature } from "../telemetry/span-writer.ts";
import { compileGate, type CompiledGate } from "./compile-gate.ts";
import type { Assigned } from "./evaluate.ts";

/**
 * A feature made ready for requests. What only some requests ask for is made when the first one does: most features of
 * a large snapshot meet few of an isolate's requests.
 */
export class CompiledFeature implements Assignable {
  readonly featureId: FeatureId;
  readonly rolloutBps: number;
  readonly holdoutBps: number;
  readonly state: EncodedFeature;
  #as: Readonly<Record<Cohort, Assigned>> | undefined;
  #stickyKey: number | undefined;
  #applies: ((path: string, method: string) => boolean) | undefined;
  #gate: CompiledGate | null | undefined;
  #targets: TargetingPredicate | null | undefined;
  #activatedBy: ActivatedBy | null | undefined;
  #reports: Readonly<Record<StickyCohort, Reports>> | undefined;

  constructor(state: EncodedFeature) {
    this.featureId = state.featureId;
    this.rolloutBps = state.rolloutBps;
    this.holdoutBps = state.holdoutBps;
    this.state = state;
  }

  /** Every unit's assignment is one of these: nothing is made for a request. */
  get as(): Readonly<Record<Cohort, Assigned>> {
    return (this.#as ??= {
      treatment: { feature: this, cohort: "treatment", open: true },
      holdout: { feature: this, cohort: "holdout", open: false },
      off: { feature: this, cohort: "off", open: false },
    });
  }

  /** Under which a cookie holds the unit's cohort. */
  get stickyKey(): number {
    return (this.#stickyKey ??= stickyKey(this.state.featureId, this.state.epoch));
  }

  /** Whether the feature has anything to do with a request. */
  appliesTo(path: string, method: string): boolean {
    return (this.#applies ??= compileRoutes(decodeField(this.state, "routes") ?? []))(path, method);
  }

  /** null: only the upstream is told. */
  get gate(): CompiledGate | null {
    return this.#gate === undefined ? (this.#gate = compileGate(this.state)) : this.#gate;
  }

  /** Whether a request is one that the feature is for; null: all are. */
  get targets(): TargetingPredicate | null {
    if (this.#targets !== undefined) return this.#targets;
    const targeting = decodeField(this.state, "targeting");
    return (this.#targets = targeting === null ? null : compileTargeting(targeting));
  }

  /** Whether a request is one by which units activate, given the status that the upstream answered. */
  get activatedBy(): ActivatedBy | null {
    if (this.#activatedBy !== undefined) return this.#activatedBy;
    const activation = decodeField(this.state, "activation");
    return (this.#activatedBy = activation === null ? null : compileActivation(activation));
  }

  /** What a report says of a unit of a cohort that met the feature, or acted on it. */
  get reports(): Readonly<Record<StickyCohort, Reports>> {
    return (this.#reports ??= {
      treatment: compileReports(this.state, "treatment"),
      holdout: compileReports(this.state, "holdout"),
    });
  }
}

type Reports = { readonly exposure: ReportedFeature; readonly action: ReportedFeature };

const compileReports = ({ featureId, epoch }: EncodedFeature, cohort: StickyCohort): Reports => {
  const subject = encodeSubject(featureId, cohort, epoch);
  return { exposure: { subject, actionTaken: false }, action: { subject, actionTaken: true } };
};

type Keys = { readonly has: (key: number) => boolean };

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
  /** Whether units activate by requests of this method. */
  readonly mayActivate: (method: string) => boolean;
  /** Those with a gate, closed ones too, in the order of their ids. */
  readonly gated: readonly CompiledFeature[];
  /** Whether a request's token has to be verified, because an enabled feature asks for one of its claims. */
  readonly asksForClaims: boolean;
  readonly byId: ReadonlyMap<FeatureId, CompiledFeature>;
  /** Those of its features. */
  readonly stickyKeys: Keys;
  /** Those of the enabled ones. */
  readonly enabledStickyKeys: Keys;
};

const compileRoutes = (routes: readonly Route[]): ((path: string, method: string) => boolean) => {
  if (routes.length === 0) return () => true;
  const compiled = routes.map((route) => ({
    test: compilePath(route.path).test,
    methods: route.methods === undefined ? null : new Set(route.methods),
  }));
  return (path, method) =>
    compiled.some((route) => (route.methods === null || route.methods.has(method)) && route.test(path));
};

type ActivatedBy = (path: string, method: string, status: number) => boolean;

const compileActivation = (activation: Activation): ActivatedBy => {
  const { test } = compilePath(activation.path);
  const wanted = activation.status;
  return (path, method, status) =>
    method === activation.method && (wanted === undefined ? status < 400 : status === wanted) && test(path);
};

const MANY_PATHS = 2_000;

const makeRouted = (enabled: readonly CompiledFeature[]): CompiledSnapshot["routed"] => {
  if (enabled.every(({ state }) => state.routes === null)) return () => enabled;
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

const makeMayActivate = (activatable: readonly CompiledFeature[]): CompiledSnapshot["mayActivate"] => {
  if (activatable.length === 0) return () => false;
  let methods: ReadonlySet<string | undefined> | null = null;
  return (method) => {
    methods ??= new Set(activatable.map(({ state }) => decodeField(state, "activation")?.method));
    return methods.has(method);
  };
};

/** A condition on a claim, as sealed targeting has it: within a value these quotes would be escaped. */
const ASKS_FOR_CLAIM = '"attribute":"claim:';

/** Asked only for a cookie that holds too much. */
const makeHoldKeys = (features: readonly CompiledFeature[]): Keys => {
  let keys: ReadonlySet<number> | null = null;
  return { has: (key) => (keys ??= new Set(features.map((feature) => feature.stickyKey))).has(key) };
};

/** A feature that is as it was in `before` stays the object that it was, with all that was made for it. */
export const compile = (
  revision: Revision,
  states: readonly EncodedFeature[],
  before: CompiledSnapshot | null = null,
): CompiledSnapshot => {
  const features = states.map((state) => {
    const known = before?.byId.get(state.featureId);
    return known?.state === state ? known : new CompiledFeature(state);
  });
  const enabled = features.filter(({ state }) => state.enabled);
  const activatable = enabled.filter(({ state }) => state.activation !== null);
  return {
    revision,
    features,
    enabled,
    routed: makeRouted(enabled),
    isTargeted: enabled.some(({ state }) => state.targeting !== null),
    activatable,
    mayActivate: makeMayActivate(activatable),
    gated: features
      .filter(({ state }) => state.gate !== null)
      .toSorted((a, b) => (a.featureId < b.featureId ? -1 : 1)),
    asksForClaims: enabled.some(({ state }) => state.targeting?.includes(ASKS_FOR_CLAIM) === true),
    byId: new Map(features.map((feature) => [feature.featureId, feature])),
    stickyKeys: makeHoldKeys(features),
    enabledStickyKeys: makeHoldKeys(enabled),
  };
};
