// A feature made ready for requests. A part that only some requests need is compiled for the first of them: most
// features of a large snapshot meet few of an isolate's requests.
import type { Cohort, ComparedCohort } from "../../shared/features/assign.ts";
import { compileTargeting, type TargetingPredicate } from "../../shared/features/compile-targeting.ts";
import { decodeField, type EncodedFeature } from "../../shared/features/encoded-feature.ts";
import type { PathReading } from "../../shared/features/canonical-path.ts";
import { isAssetPath } from "../../shared/features/asset-path.ts";
import {
  compileRoutes,
  namesAssets,
  unitIdOf,
  type EvaluableFeature,
  type RequestPredicate,
  type Units,
} from "../../shared/features/evaluate-feature.ts";
import type { Activation } from "../../shared/features/feature.ts";
import { compilePath } from "../../shared/features/route.ts";
import { attributesOf } from "../../shared/features/targeting.ts";
import { h32Joined } from "../../shared/hash.ts";
import type { FeatureId, UnitId } from "../../shared/ids.ts";
import { encodeFeatureAttributes } from "../telemetry/otlp-encoding.ts";
import { compileGate, type CompiledGate } from "./compile-gate.ts";

/** A unit's cohort in a feature that is open. */
export type Assignment = {
  readonly feature: CompiledFeature;
  readonly cohort: Cohort;
  /** The unit gets the feature. */
  readonly open: boolean;
};

/** Always the same list for the same features, so that a result can be remembered by it. */
export type FeatureList = readonly CompiledFeature[];

/** Whether a request activates its unit, given the status that the upstream answered. */
type ActivationPredicate = (path: string, method: string, status: number) => boolean;

const CLAIM = "claim:";

const hex = (hash: number): string => hash.toString(16).padStart(8, "0");

export class CompiledFeature implements EvaluableFeature {
  readonly featureId: FeatureId;
  readonly rolloutBps: number;
  readonly holdoutBps: number;
  readonly state: EncodedFeature;
  #assignments: Readonly<Record<Cohort, Assignment>> | undefined;
  #isOnRoute: RequestPredicate | undefined;
  #namesAssets: boolean | undefined;
  #fingerprint: string | undefined;
  #gate: CompiledGate | null | undefined;
  #isTargeted: TargetingPredicate | null | undefined;
  #isActivation: ActivationPredicate | null | undefined;
  #spanAttributes: Readonly<Record<ComparedCohort, Uint8Array>> | undefined;

  constructor(state: EncodedFeature) {
    this.featureId = state.featureId;
    this.rolloutBps = state.rolloutBps;
    this.holdoutBps = state.holdoutBps;
    this.state = state;
  }

  /** The feature's unit among those of a request; null: it has none. */
  unitIdOf(units: Units): UnitId | null {
    return unitIdOf(this.state.unit, units);
  }

  /** The assignment of every unit is one of these three: a request makes none. */
  get assignments(): Readonly<Record<Cohort, Assignment>> {
    return (this.#assignments ??= {
      treatment: { feature: this, cohort: "treatment", open: true },
      holdout: { feature: this, cohort: "holdout", open: false },
      off: { feature: this, cohort: "off", open: false },
    });
  }

  /** Changes with every change of the feature, and is equal for equal states: 64 bits of their text. */
  get fingerprint(): string {
    if (this.#fingerprint !== undefined) return this.#fingerprint;
    const text = JSON.stringify(this.state);
    return (this.#fingerprint = `${hex(h32Joined("state", text))}${hex(h32Joined(text, "state"))}`);
  }

  /** Whether a route of the feature names the request. */
  isOnRoute(path: string | readonly PathReading[], method: string): boolean {
    return (this.#isOnRoute ??= compileRoutes(decodeField(this.state, "routes") ?? []))(path, method);
  }

  /**
   * Whether the feature concerns assets on its routes too: its gate sends requests elsewhere or answers them, or a route
   * names a file. Any other feature is about pages, and a page's pictures, styles and scripts stay everybody's.
   */
  get namesAssets(): boolean {
    if (this.#namesAssets !== undefined) return this.#namesAssets;
    const gate = decodeField(this.state, "gate");
    return (this.#namesAssets = namesAssets(gate, decodeField(this.state, "routes") ?? []));
  }

  /** Whether the feature concerns the request. */
  appliesTo(path: string, method: string): boolean {
    return (this.namesAssets || !isAssetPath(path)) && this.isOnRoute(path, method);
  }

  /** null: the feature does nothing but tell the upstream. */
  get gate(): CompiledGate | null {
    return this.#gate === undefined ? (this.#gate = compileGate(this.state)) : this.#gate;
  }

  /** null: every request is targeted. */
  get isTargeted(): TargetingPredicate | null {
    if (this.#isTargeted !== undefined) return this.#isTargeted;
    const targeting = decodeField(this.state, "targeting");
    return (this.#isTargeted = targeting === null ? null : compileTargeting(targeting));
  }

  /** Whether targeting asks for a claim. The search in the text only saves decoding what has no claim in it. */
  get asksForClaims(): boolean {
    if (this.state.targeting?.includes(CLAIM) !== true) return false;
    const targeting = decodeField(this.state, "targeting");
    return targeting !== null && attributesOf(targeting).some((attribute) => attribute.startsWith(CLAIM));
  }

  /** null: no request activates. */
  get isActivation(): ActivationPredicate | null {
    if (this.#isActivation !== undefined) return this.#isActivation;
    const activation = decodeField(this.state, "activation");
    return (this.#isActivation = activation === null ? null : compileActivation(activation));
  }

  /** The feature's part of a span, by the unit's cohort. */
  get spanAttributes(): Readonly<Record<ComparedCohort, Uint8Array>> {
    const { featureId, epoch } = this.state;
    return (this.#spanAttributes ??= {
      treatment: encodeFeatureAttributes(featureId, "treatment", epoch),
      holdout: encodeFeatureAttributes(featureId, "holdout", epoch),
    });
  }
}

const compileActivation = (activation: Activation): ActivationPredicate => {
  const { test } = compilePath(activation.path);
  const wanted = activation.status;
  return (path, method, status) =>
    method === activation.method && (wanted === undefined ? status < 400 : status === wanted) && test(path);
};
