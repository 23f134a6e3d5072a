// What a request gets of each feature. The one place where a unit's cohorts are computed.
import { bucketOf, cohortOf, type Cohort, type StickyCohort } from "../../shared/features/assign.ts";
import type { EvaluationContext } from "../../shared/features/compile-targeting.ts";
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
  readonly newSticky: ReadonlyMap<number, StickyCohort>;
};

const NONE: GateOutcome["newSticky"] = new Map();
export const NOTHING: GateOutcome = { compared: [], meetsAny: false, header: "", newSticky: NONE };

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
  {
    path,
    method,
    stale,
    facts,
  }: { path: string; method: string; stale: boolean; facts: () => EvaluationContext },
): Features => {
  const routed = snapshot.routed(path, method);
  if (!snapshot.isTargeted && !stale) return routed;
  let made: EvaluationContext | null = null;
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
  { unitId, sticky }: Pick<Identity, "unitId" | "sticky">,
): Assigned =>
  feature.as[cohortOf(feature, bucketOf(feature.featureId, unitId), sticky.get(feature.stickyKey))];

const compare = (features: readonly CompiledFeature[], { unitId, sticky }: Identity): GateOutcome => {
  const compared: Assigned[] = [];
  const newSticky = new Map<number, StickyCohort>();
  const told: string[] = [];
  for (const feature of features) {
    const stickyCohort = sticky.get(feature.stickyKey);
    const cohort = cohortOf(
      feature,
      stickyCohort === undefined ? bucketOf(feature.featureId, unitId) : 0,
      stickyCohort,
    );
    if (cohort === "off") continue;
    compared.push(feature.as[cohort]);
    told.push(`${feature.featureId}=${cohort}`);
    if (stickyCohort === undefined) newSticky.set(feature.stickyKey, cohort);
  }
  const { length } = features;
  return {
    compared,
    meetsAny: length > 0,
    header: told.join(", "),
    newSticky: newSticky.size > 0 ? newSticky : NONE,
  };
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
