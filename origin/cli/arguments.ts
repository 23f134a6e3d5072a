// Arguments that several commands take.
import { FeatureId, SegmentId } from "../../shared/ids.ts";
import { UsageError } from "./errors.ts";

export const featureIdArgument = (text: string): FeatureId => {
  const parsed = FeatureId.safeParse(text);
  if (parsed.success) return parsed.data;
  throw new UsageError(`FEATURE ${parsed.error.issues.map(({ message }) => message).join("; ")}`);
};

export const segmentIdArgument = (text: string): SegmentId => {
  const parsed = SegmentId.safeParse(text);
  if (parsed.success) return parsed.data;
  throw new UsageError(`SEGMENT ${parsed.error.issues.map(({ message }) => message).join("; ")}`);
};

/** `name` is what the error calls it. undefined stays undefined. */
export const jsonText = (text: string | undefined, name: string): unknown => {
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new UsageError(`${name} is not JSON`, { cause });
  }
};

const SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400 };

/** "90s", "10m", "2h", "1d" in seconds. */
export const durationArgument = (text: string, name: string): number => {
  const [, amount, unit] = /^(\d+(?:\.\d+)?)([smhd])$/.exec(text) ?? [];
  const seconds = Number(amount) * (SECONDS[unit ?? ""] ?? Number.NaN);
  if (seconds > 0) return seconds;
  throw new UsageError(`--${name} must be a time such as 90s, 10m, 2h or 1d`);
};

/** "25%" in basis points. */
export const bpsArgument = (text: string, name: string): number => {
  const [, percent] = /^(\d+(?:\.\d{1,2})?)\s?%$/.exec(text) ?? [];
  const bps = Math.round(Number(percent) * 100);
  if (bps >= 0 && bps <= 10_000) return bps;
  throw new UsageError(`--${name} must be a share such as 25% or 0.5%`);
};
