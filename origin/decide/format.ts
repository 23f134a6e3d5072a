// How numbers are written in sentences for people: the operator's reason, the ramp's log line, the CLI's tables.
import type { SignalName } from "./decision.ts";

/** 1,234,567. (Intl.NumberFormat took a fifth of an evaluation's time.) */
export const formatCount = (value: number): string =>
  String(Math.round(value)).replace(/\B(?=(\d{3})+$)/g, ",");

/** "11.2 %", "0.040 %": always the same number of digits, so that two rates in one sentence compare at a glance. */
export const formatRate = (rate: number): string => {
  const value = rate * 100;
  return `${value >= 9.95 ? value.toFixed(1) : value.toPrecision(2)} %`;
};

/** "11 %", "0.04 %": three digits at most and no zeros at the end, for thresholds that a person has chosen. */
export const formatThreshold = (rate: number): string => `${Number((rate * 100).toPrecision(3))} %`;

/** A share in basis points, exactly: "12.34 %". */
export const formatBps = (bps: number): string => `${bps / 100} %`;

/** exp(logOdds) to 1, also where the number itself would overflow. */
export const formatOdds = (logOdds: number): string => {
  if (logOdds < Math.log(100_000)) {
    const value = Math.exp(logOdds);
    return `${value >= 100 ? formatCount(value) : Number(value.toPrecision(2))} : 1`;
  }
  const exponent = Math.floor(logOdds / Math.LN10);
  const mantissa = Math.exp(logOdds - exponent * Math.LN10).toFixed(1);
  // The logarithm of 1e6 is a little less than 6 ln 10.
  return mantissa === "10.0" ? `1.0e${exponent + 1} : 1` : `${mantissa}e${exponent} : 1`;
};

const UNITS = [
  { size: 86_400, unit: "d" },
  { size: 3_600, unit: "h" },
  { size: 60, unit: "min" },
] as const;
const SECOND = { size: 1, unit: "s" } as const;

/** The largest unit of which there is at least one: "1 d", "15 min", "8 s". */
export const formatDuration = (seconds: number): string => {
  const { size, unit } = UNITS.find((one) => seconds >= one.size) ?? SECOND;
  return `${Number((seconds / size).toFixed(1))} ${unit}`;
};

/** Unix seconds as "2027-01-15 08:00:00 UTC". */
export const formatInstant = (seconds: number): string =>
  `${new Date(seconds * 1_000).toISOString().slice(0, 19).replace("T", " ")} UTC`;

export const SIGNAL_TITLE: Record<SignalName, string> = {
  activation: "activation",
  retention: "retention",
  latency: "latency",
  errorRate: "error rate",
};

/** "activation, retention and latency" */
export const formatList = (words: readonly string[]): string =>
  words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} and ${words.at(-1)}`;

export const capitalise = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
