// Which exposure buckets may be counted. A bucket is settled at an age once its last unit has reached the age and its
// telemetry has had time to arrive and be aggregated; counting it earlier would take "not yet" for "no".
import type { Ages } from "../../shared/ages.ts";

/** Time that spans need from a visitor's request to the origin (exporters batch), in seconds. */
const settlingSeconds = (bucketSeconds: number): number => Math.min(30, Math.max(2, bucketSeconds));

/** Buckets that begin before this (unix seconds) are settled at `ageSeconds`. */
export const settledUpTo = (
  { bucketSeconds }: Ages,
  ageSeconds: number,
  { now, lagSeconds }: { now: number; lagSeconds: number },
): number =>
  Math.floor((now - lagSeconds - settlingSeconds(bucketSeconds) - ageSeconds) / bucketSeconds) *
  bucketSeconds;
