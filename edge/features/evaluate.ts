// What a request gets of each feature. The one place where a unit's cohorts are computed.
import { bucketOf, cohortOf, type Cohort, type HeldCohort } from "../../shared/features/assign.ts";
import type { Facts } from "../../shared/features/compile-targeting.ts";
import type { Identity } from "../visitor/cookie.ts";
import type { CompiledFeature, CompiledSnapshot } from "./compile.ts";

export type Assigned = {
  readonly feature: CompiledFeature;
  readonly cohort: Cohort;
  /** This unit gets the feature: treatment of a feature that is not closed. */
  readonly open: boolean;
};

export type GateOutcome = {
  /** Of the features that this request meets, those whose cohort is compared: treatment or holdout. */
  readonly compared: readonly Assigned[];
  /** false: the request meets no feature and is none of Sluice's business. */
  readonly meetsAny: boolean;
  /** Value of `Sluice-Features`; empty when there is nothing to say. */
  readonly header: string;
  /** Cohorts to hold that the cookie does not hold yet. */
  readonly unheld: ReadonlyMap<number, HeldCohort>;
};

const NONE: GateOutcome["unheld"] = new Map();
export const NOTHING: GateOutcome = { compared: [], meetsAny: false, header: "", unheld: NONE };

/** A closed feature wins over everything: the switch, and `closed` as failure mode when the state is too old. */
export const isClosed = (feature: CompiledFeature, stale: boolean): boolean =>
  !feature.state.enabled || (stale && feature.state.failureMode === "closed");

type Features = readonly CompiledFeature[];

/** By the list that was selected from, and then by what was left out of it. */
const selections = new WeakMap<Features, Map<string, Features>>();
const MANY_SELECTIONS = 256;

/** The same list for the same omissions, so that what is remembered about a list serves targeted features too. */
const leaveOut = (features: Features, omitted: string): Features => {
  if (omitted === "") return features;
  const known = selections.get(features) ?? new Map<string, Features>();
  selections.set(features, known);
  const found = known.get(omitted);
  if (found !== undefined) return found;
  if (known.size >= MANY_SELECTIONS) known.clear();
  const left = features.filter((_, at) => !omitted.includes(String.fromCharCode(at)));
  known.set(omitted, left);
  return left;
};

/** The features a request meets and is targeted by, before anything is known about who sent it. */
export const applicable = (
  snapshot: CompiledSnapshot,
  { path, method, stale, facts }: { path: string; method: string; stale: boolean; facts: () => Facts },
): Features => {
  const routed = snapshot.routed(path, method);
  if (!snapshot.isTargeted && !stale) return routed;
  let made: Facts | null = null;
  let omitted = "";
  for (const [at, feature] of routed.entries()) {
    const isMet =
      !isClosed(feature, stale) && (feature.targets === null || feature.targets((made ??= facts())));
    if (!isMet) omitted += String.fromCharCode(at);
  }
  return leaveOut(routed, omitted);
};

export const assign = (
  feature: CompiledFeature,
  { unitId, held }: Pick<Identity, "unitId" | "held">,
): Assigned => feature.as[cohortOf(feature, bucketOf(feature.featureId, unitId), held.get(feature.holdKey))];

const compare = (features: readonly CompiledFeature[], { unitId, held }: Identity): GateOutcome => {
  const compared: Assigned[] = [];
  const unheld = new Map<number, HeldCohort>();
  const told: string[] = [];
  for (const feature of features) {
    const heldCohort = held.get(feature.holdKey);
    const cohort = cohortOf(
      feature,
      heldCohort === undefined ? bucketOf(feature.featureId, unitId) : 0,
      heldCohort,
    );
    if (cohort === "off") continue;
    compared.push(feature.as[cohort]);
    told.push(`${feature.featureId}=${cohort}`);
    if (heldCohort === undefined) unheld.set(feature.holdKey, cohort);
  }
  const { length } = features;
  return { compared, meetsAny: length > 0, header: told.join(", "), unheld: unheld.size > 0 ? unheld : NONE };
};

/** Compared features in all that is remembered: some 40 bytes each, and the isolate has 128 MB. */
const MANY_COMPARED = 1_000_000;
/** What a remembered answer takes beside them, counted in features. */
const ANSWER = 10;

type Memo = NonNullable<Identity["memo"]>;
const sizeOf = ({ outcome }: Memo): number => outcome.compared.length + ANSWER;

let remembering: Identity[] = [];
let remembered = 0;

/** Full, it begins anew with this one. */
const remember = (identity: Identity, memo: Memo): void => {
  remembered += sizeOf(memo) - (identity.memo === null ? 0 : sizeOf(identity.memo));
  if (remembered > MANY_COMPARED) {
    for (const each of remembering) each.memo = null;
    remembering = [];
    remembered = sizeOf(memo);
  }
  if (identity.memo === null) remembering.push(identity);
  identity.memo = memo;
};

/** The same visitor meeting the same features gets the remembered answer: a page is many requests. */
export const gate = (features: readonly CompiledFeature[], identity: Identity): GateOutcome => {
  if (identity.memo?.features === features) return identity.memo.outcome;
  const outcome = compare(features, identity);
  if (identity.signed !== null) remember(identity, { features, outcome });
  return outcome;
};
