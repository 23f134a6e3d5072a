// The fields of a feature that every edge of any version reads alike, checked without the schema.
import { isFeatureId } from "../ids.ts";
import { FeatureState } from "./feature.ts";

/** The fields that say what a feature does, which an edge stores as text. */
export const BEHAVIOUR_FIELDS = ["targeting", "routes", "gate", "activation"] as const;
export type BehaviourField = (typeof BEHAVIOUR_FIELDS)[number];
export type BaseFields = Omit<FeatureState, BehaviourField>;

export const FEATURE_FIELDS: readonly string[] = Object.keys(FeatureState.shape);

const isWithin = (value: unknown, from: number, to: number): value is number =>
  typeof value === "number" && Number.isSafeInteger(value) && value >= from && value <= to;

/**
 * Whether all base fields are there and valid. It checks what FeatureState checks at a twentieth of the cost: a snapshot
 * of a thousand features must not hold up an isolate. The schema decides about everything that is not valid here: it
 * knows the defaults and the messages.
 */
export const hasBaseFields = (
  fields: Readonly<Record<string, unknown>>,
): fields is BaseFields & Record<string, unknown> => {
  const { featureId, enabled, rolloutBps, holdoutBps, epoch, version, unit, failureMode } = fields;
  const { private: isPrivate } = fields;
  return (
    isFeatureId(featureId) &&
    typeof enabled === "boolean" &&
    isWithin(rolloutBps, 0, 10_000) &&
    isWithin(holdoutBps, 0, 10_000 - rolloutBps) &&
    isWithin(epoch, 1, Number.MAX_SAFE_INTEGER) &&
    isWithin(version, 1, Number.MAX_SAFE_INTEGER) &&
    (unit === "visitor" || unit === "user") &&
    (failureMode === "static" || failureMode === "closed") &&
    typeof isPrivate === "boolean"
  );
};

export const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null;
