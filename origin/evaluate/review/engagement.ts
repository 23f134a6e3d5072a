// How many of those who got a feature did something with it. Pure.
import { rateInterval } from "../../decide/statistics/interval.ts";

export type EngagementCounts = {
  /** Units of treatment whose activation window is over, and those of them that acted. */
  readonly activation: { readonly n: number; readonly s: number };
  /** The same for returns. */
  readonly returns: { readonly n: number; readonly s: number };
  /** A request counts as activation, or some unit was seen to act. */
  readonly activationIsKnown: boolean;
  readonly activationWindowSeconds: number;
  readonly returnWindowSeconds: number;
};

export type Engagement = {
  /** `return`: nothing tells an activation, so to come back is the sign that is left. */
  readonly by: "activation" | "return";
  readonly units: number;
  readonly engaged: number;
  readonly rate: number;
  /** What the rate is at most, at 95 %. */
  readonly atMost: number;
  readonly windowSeconds: number;
};

/** null: no unit's window is over. */
export const engagementOf = (counts: EngagementCounts): Engagement | null => {
  const by = counts.activationIsKnown ? "activation" : "return";
  const { n, s } = by === "activation" ? counts.activation : counts.returns;
  if (n === 0) return null;
  return {
    by,
    units: n,
    engaged: s,
    rate: s / n,
    atMost: rateInterval({ n, s }, { alpha: 0.05, tightAt: n }).upper,
    windowSeconds: by === "activation" ? counts.activationWindowSeconds : counts.returnWindowSeconds,
  };
};

export type EngagementVerdict = "zombie" | "tooFew" | "engaged";

/** A rate below the bound of too few units may be chance. */
export const judgeEngagement = (
  engagement: Engagement | null,
  { engagementBelow, minUnits }: { readonly engagementBelow: number; readonly minUnits: number },
): EngagementVerdict => {
  if (engagement === null || engagement.units < minUnits) return "tooFew";
  return engagement.rate < engagementBelow ? "zombie" : "engaged";
};
