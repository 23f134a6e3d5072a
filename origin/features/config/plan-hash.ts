// The name of a plan: the files, and the versions that it is based on.
import { hash } from "node:crypto";
import type { FeatureId, SegmentId } from "../../../shared/ids.ts";
import type { Config } from "./applied-fields.ts";
import { canonicalText } from "./same-value.ts";

/** The version of a feature that the plan is about; null: it is not there. */
export type Base = { readonly featureId: FeatureId; readonly version: number | null };

/** The same of a segment. */
export type SegmentBase = { readonly segmentId: SegmentId; readonly version: number | null };

const bySegmentId = <T extends { readonly segmentId: string }>(items: readonly T[]) =>
  items.toSorted((a, b) => (a.segmentId < b.segmentId ? -1 : 1));

/** A plan without segments has the hash that it had when there were none in files. */
export const hashOf = (
  config: Config,
  base: readonly Base[],
  baseSegments: readonly SegmentBase[],
): string => {
  const byId = <T extends { readonly featureId: string }>(items: readonly T[]) =>
    items.toSorted((a, b) => (a.featureId < b.featureId ? -1 : 1));
  const { features, segments, ...rest } = config;
  const ofSegments = {
    ...(segments.length === 0 ? {} : { segments: bySegmentId(segments) }),
    ...(baseSegments.length === 0 ? {} : { baseSegments: bySegmentId(baseSegments) }),
  };
  return hash(
    "sha256",
    canonicalText({ form: 1, ...rest, ...ofSegments, features: byId(features), base: byId(base) }),
    "hex",
  );
};
