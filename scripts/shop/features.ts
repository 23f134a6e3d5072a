// What the gate in front told the shop about this request: the only place where the shop knows of Sluice.

/** Feature id → cohort, in the order of the header. Empty when no gate stands in front. */
export type Cohorts = ReadonlyMap<string, string>;

export const SMART_RECOMMENDATIONS = "feat_smart_recs_v1";
export const EXPRESS_CHECKOUT = "feat_express_checkout";

/** Reads `Sluice-Features: feat_a=treatment, feat_b=holdout`; an item that is no pair is left out. */
export const readCohorts = (header: string | undefined): Cohorts => {
  const cohorts = new Map<string, string>();
  for (const item of header?.split(",") ?? []) {
    const [feature, cohort] = item.split("=", 2).map((part) => part.trim());
    if (feature && cohort) cohorts.set(feature, cohort);
  }
  return cohorts;
};

export const isTreated = (cohorts: Cohorts, feature: string): boolean => cohorts.get(feature) === "treatment";
