// Which exposure buckets may be counted. A bucket is mature at an age once its last unit has reached the age and its
// telemetry has had time to arrive and be aggregated; counting it earlier would take "not yet" for "no".
import type { Ages } from "../../shared/features/outcome-ages.ts";

/**
 * Time that spans need from a visitor's request to the origin and through the fold, whose lag is known to within two
 * seconds: at least 4 s, for buckets of half a minute and more 30 s (exporters batch for 5 s by default).
 */
const allowedLatenessSeconds = (bucketSeconds: number): number => Math.min(30, Math.max(4, bucketSeconds));

/** Unix seconds: the time, and up to when telemetry has arrived; `lagSeconds`: how far its aggregation is behind. */
export type MaturityClock = {
  readonly now: number;
  readonly watermark?: number;
  readonly lagSeconds: number;
};

/** Buckets that begin before this (unix seconds) are mature at `ageSeconds`. */
export const matureUpTo = (
  { bucketSeconds }: Ages,
  ageSeconds: number,
  { now, watermark = now, lagSeconds }: MaturityClock,
): number =>
  Math.floor(
    (Math.min(now - lagSeconds, watermark) - allowedLatenessSeconds(bucketSeconds) - ageSeconds) /
      bucketSeconds,
  ) * bucketSeconds;

/** Unix seconds at which the bucket that begins at `bucketS` is mature, if telemetry is neither late nor behind. */
export const matureAt = ({ bucketSeconds }: Ages, ageSeconds: number, bucketS: number): number =>
  bucketS + bucketSeconds + ageSeconds + allowedLatenessSeconds(bucketSeconds);
