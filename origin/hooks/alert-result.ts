// What became of one alert.
import type { FeatureId, Revision } from "../../shared/ids.ts";

export const OUTCOMES = [
  "rolledBack",
  "wouldRollBack",
  "alreadyClosed",
  "repeated",
  "beganBefore",
  "resolved",
  "ignored",
  "noTarget",
  "notAllowed",
  "unknownFeature",
  "unreadable",
  "leftOut",
  "failed",
] as const;
export type Outcome = (typeof OUTCOMES)[number];

export type AlertResult = {
  /** null: it could not be read. */
  readonly key: string | null;
  readonly title: string;
  readonly outcome: Outcome;
  /** The same in a sentence. */
  readonly detail: string;
  /** What was closed, or would be. */
  readonly featureIds: readonly FeatureId[];
  readonly revision: Revision | null;
};
