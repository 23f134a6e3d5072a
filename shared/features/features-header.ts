// The header that tells the upstream the cohorts of a request. Servers refuse a request whose headers are too long (nginx
// and Apache at 8 kB a line, Node at 16 kB in all), so it has a budget.
import type { Cohort } from "./assign.ts";

/** Bytes that `Sluice-Features` may have. */
export const MAX_FEATURES_HEADER = 4_096;

export const TOLD_SEPARATOR = ", ";

/** A feature's part of the header. */
export const toldAs = (featureId: string, cohort: Cohort): string => `${featureId}=${cohort}`;

/** Bytes of a header that tells all of these features, at most. */
export const headerBytes = (featureIds: readonly string[]): number => {
  const bytes = featureIds.reduce(
    (sum, id) => sum + toldAs(id, "treatment").length + TOLD_SEPARATOR.length,
    0,
  );
  return Math.max(0, bytes - TOLD_SEPARATOR.length);
};
