// What must hold of a feature after a change. Each check returns the refusal, or undefined where it finds nothing wrong.
import type { FeatureState } from "../../shared/features/feature.ts";
import type { FeatureId } from "../../shared/ids.ts";
import { err, type Err } from "../../shared/result.ts";
import type { ChangeError } from "./change-error.ts";
import { dependentsOf, type RelatedFeatures } from "./related-features.ts";

export type Refusal = Err<ChangeError>;

export const invalid = (field: string, reason: string): Refusal =>
  err({ reason: "invalid", errors: [{ field, reason }] });

const isShare = (bps: number): boolean => Number.isInteger(bps) && bps >= 0 && bps <= 10_000;

export const checkShares = (next: { rolloutBps: number; holdoutBps: number }): Refusal | undefined => {
  const wrong = (["rolloutBps", "holdoutBps"] as const).find((field) => !isShare(next[field]));
  if (wrong !== undefined) return invalid(wrong, "must be a whole number from 0 to 10000");
  return next.rolloutBps + next.holdoutBps > 10_000
    ? invalid("holdoutBps", "rolloutBps + holdoutBps must be at most 10000")
    : undefined;
};

/** A gate that answers by itself must say where: without routes it would close the whole site. */
export const checkGate = ({ gate, routes }: Pick<FeatureState, "gate" | "routes">): Refusal | undefined =>
  gate?.whenClosed !== undefined && routes.length === 0
    ? invalid("gate.whenClosed", "needs routes")
    : undefined;

export const checkRequirements = (
  related: RelatedFeatures,
  featureId: FeatureId,
  next: { requires: readonly FeatureId[]; enabled: boolean },
): Refusal | undefined => {
  const missing = next.requires.filter((id) => !related.has(id));
  if (missing.length > 0) return invalid("requires", `no such feature: ${missing.join(", ")}`);
  const dependents = new Set(dependentsOf(related, [featureId]).map((record) => record.state.featureId));
  const circular = next.requires.filter((id) => id === featureId || dependents.has(id));
  if (circular.length > 0) return invalid("requires", `requires ${featureId} itself: ${circular.join(", ")}`);
  const closed = next.requires.filter((id) => related.get(id)?.state.enabled !== true);
  return next.enabled && closed.length > 0
    ? err({ reason: "requirementClosed", featureIds: closed })
    : undefined;
};
