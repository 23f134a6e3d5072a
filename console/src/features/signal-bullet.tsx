import type { ListedFeature } from "../client.gen.ts";
import { formatRate } from "../format.ts";
import { SIGNALS } from "../words.ts";

type ListedSignal = NonNullable<ListedFeature["standing"]>["signals"][number];

const percent = (part: number): string => `${(100 * Math.min(1, Math.max(0, part))).toFixed(2)}%`;
const share = new Intl.NumberFormat(undefined, { style: "percent" });

/** Good or bad only where the whole interval is on one side. */
const toneOf = (isGoodWhenHigh: boolean, bound: number, interval: ListedSignal["interval"]): string => {
  if (interval === null) return "off";
  const isAbove = interval.lower >= bound;
  const isBelow = interval.upper <= bound;
  if (!isAbove && !isBelow) return "calm";
  return isAbove === isGoodWhenHigh ? "good" : "bad";
};

/** A signal's rate with its interval, against its threshold; against the holdout alone, the holdout's rate is the bound. */
export const SignalBullet = ({ signal }: { signal: ListedSignal }) => {
  const { rate, interval, against, holdoutRate } = signal;
  const { name, short, isGoodWhenHigh } = SIGNALS[signal.signal];
  const bound = against === "holdout" ? holdoutRate : signal.threshold;
  const end = Math.min(1, 1.25 * Math.max(bound ?? 0, rate ?? 0, interval?.upper ?? 0, 0.01));
  const side =
    against === "holdout" ? "in the holdout" : isGoodWhenHigh ? "wanted at least" : "wanted at most";
  const way =
    signal.keep === null
      ? `${share.format(signal.rollback)} of the way to a rollback`
      : `${share.format(signal.rollback)} of the way to a rollback, ${share.format(signal.keep)} to its proof`;
  const text = `${name} ${formatRate(rate)}, ${side} ${formatRate(bound)}; ${way}`;
  return (
    <li title={text}>
      <span aria-hidden="true">{short}</span>
      <span class="number" aria-hidden="true">
        {formatRate(rate)}
      </span>
      <span class="bullet" role="img" aria-label={text}>
        {interval === null ? null : (
          <i
            class="band"
            style={{ left: percent(interval.lower / end), right: percent(1 - interval.upper / end) }}
          />
        )}
        {rate === null ? null : (
          <i
            class={`rate ${toneOf(isGoodWhenHigh, bound ?? 0, bound === null ? null : interval)}`}
            style={{ width: percent(rate / end) }}
          />
        )}
        {bound === null ? null : <i class="threshold" style={{ left: percent(bound / end) }} />}
      </span>
    </li>
  );
};
