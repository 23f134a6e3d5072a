// What a request gets of each feature. The one place where a unit's cohorts are computed.
import { bucketOf, cohortOf, type Cohort, type HeldCohort } from "../../shared/assign.ts";
import type { Facts } from "../../shared/compile-targeting.ts";
import type { Identity } from "./identify.ts";
import type { CompiledFeature, CompiledSnapshot } from "./compile.ts";

export type Assigned = {
  readonly feature: CompiledFeature;
  readonly cohort: Cohort;
  /** This unit gets the feature: treatment of a feature that is not closed. */
  readonly open: boolean;
};

export type GateOutcome = {
  /** Enabled features that this request meets, every cohort. Empty: the request is none of Sluice's business. */
  readonly assigned: readonly Assigned[];
  /** Value of `Sluice-Features`; empty when there is nothing to say. */
  readonly header: string;
  /** Cohorts to hold that the cookie does not hold yet. */
  readonly unheld: ReadonlyMap<number, HeldCohort>;
};

export const NOTHING: GateOutcome = { assigned: [], header: "", unheld: new Map() };

/** A closed feature wins over everything: the switch, and `closed` as failure mode when the state is too old. */
export const isClosed = (feature: CompiledFeature, stale: boolean): boolean =>
  !feature.state.enabled || (stale && feature.state.failureMode === "closed");

/** The features a request meets and is targeted by, before anything is known about who sent it. */
export const applicable = (
  snapshot: CompiledSnapshot,
  { path, method, stale, facts }: { path: string; method: string; stale: boolean; facts: Facts },
): readonly CompiledFeature[] =>
  snapshot.enabled.filter(
    (feature) =>
      !isClosed(feature, stale) &&
      feature.appliesTo(path, method) &&
      (feature.targets === null || feature.targets(facts)),
  );

export const assign = (feature: CompiledFeature, { unitId, held }: Identity): Assigned => {
  const cohort = cohortOf(feature, bucketOf(feature.featureId, unitId), held.get(feature.holdKey));
  return { feature, cohort, open: cohort === "treatment" };
};

export const gate = (features: readonly CompiledFeature[], identity: Identity): GateOutcome => {
  const assigned = features.map((feature) => assign(feature, identity));
  const unheld = new Map<number, HeldCohort>();
  let header = "";
  for (const { feature, cohort } of assigned) {
    if (cohort === "off") continue;
    header += `${header === "" ? "" : ", "}${feature.featureId}=${cohort}`;
    if (!identity.held.has(feature.holdKey)) unheld.set(feature.holdKey, cohort);
  }
  return { assigned, header, unheld };
};
