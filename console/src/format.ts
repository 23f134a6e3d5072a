// Numbers, shares and times as the reader's language writes them.

const whole = new Intl.NumberFormat(undefined, { maximumFractionDigits: 0 });
const tenths = new Intl.NumberFormat(undefined, { maximumFractionDigits: 1 });
const share = new Intl.NumberFormat(undefined, {
  style: "percent",
  minimumFractionDigits: 1,
  maximumFractionDigits: 1,
});
const wholeShare = new Intl.NumberFormat(undefined, { style: "percent", maximumFractionDigits: 2 });
const clock = new Intl.DateTimeFormat(undefined, { timeStyle: "medium" });
const time = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
const relative = {
  long: new Intl.RelativeTimeFormat(undefined, { numeric: "auto", style: "long" }),
  narrow: new Intl.RelativeTimeFormat(undefined, { numeric: "auto", style: "narrow" }),
} as const;

const compact = new Intl.NumberFormat(undefined, { notation: "compact", maximumSignificantDigits: 3 });
const SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹";
/** From here on nobody reads the digits, only how many there are. */
const MANY_DIGITS = 9;

const powerOfTen = (power: number): string => {
  if (power < MANY_DIGITS) return compact.format(10 ** power);
  return `10${String(Math.floor(power)).replaceAll(/\d/g, (digit) => SUPERSCRIPTS[Number(digit)] ?? "")}`;
};

/** Odds as a power of ten: `100 : 1`, `10¹⁴ : 1`, or `1 : 100` where the bet has lost. */
export const formatOdds = (power: number): string =>
  power >= 0 ? `${powerOfTen(power)} : 1` : `1 : ${powerOfTen(-power)}`;
/** Evidence as the API tells it, a natural logarithm; null: it refutes outright. */
export const formatEvidence = (log: number | null): string =>
  log === null ? "–" : formatOdds(log / Math.LN10);

export const formatCount = (count: number): string => whole.format(count);
/** `rate` from 0 to 1. */
export const formatRate = (rate: number | null): string => (rate === null ? "–" : share.format(rate));
export const formatBps = (bps: number): string => wholeShare.format(bps / 10_000);
export const formatTime = (iso: string): string => time.format(new Date(iso));
/** The time of day, to the second. */
export const formatClock = (iso: string): string => clock.format(new Date(iso));
export const formatUtc = (iso: string): string => `${iso.slice(0, 19).replace("T", " ")} UTC`;

const STEPS = [
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
  ["second", 1],
] as const;

export const formatAgo = (iso: string, nowMs: number, style: "long" | "narrow" = "long"): string => {
  const seconds = Math.round((Date.parse(iso) - nowMs) / 1_000);
  const [unit, length] = STEPS.find(([, size]) => Math.abs(seconds) >= size) ?? ["second", 1];
  return relative[style].format(Math.trunc(seconds / length), unit);
};

/** A span of time in its largest unit: `about 3 h`. */
export const formatDuration = (seconds: number): string => {
  if (seconds < 90) return `${Math.round(seconds)} s`;
  if (seconds < 5_400) return `${Math.round(seconds / 60)} min`;
  if (seconds < 172_800) return `${Math.round(seconds / 3_600)} h`;
  return `${whole.format(seconds / 86_400)} days`;
};

/** A short time as it was measured: `14 ms`, `2.3 s`. */
export const formatMs = (ms: number): string => {
  if (ms < 1_000) return `${whole.format(Math.max(0, ms))} ms`;
  return ms < 90_000 ? `${tenths.format(ms / 1_000)} s` : formatDuration(ms / 1_000);
};
