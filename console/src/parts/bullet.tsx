import { formatRate } from "../format.ts";
import { SIGNALS } from "../words.ts";

type BulletSignal = {
  readonly signal: keyof typeof SIGNALS;
  readonly rate: number | null;
  readonly threshold: number;
  readonly interval?: { readonly lower: number; readonly upper: number } | null;
};

const percent = (part: number): string => `${(100 * Math.min(1, Math.max(0, part))).toFixed(2)}%`;

/** A rate with its interval against its threshold, on a scale that ends a little behind the greatest of them. */
export const Bullet = ({ signal, rate, threshold, interval = null }: BulletSignal) => {
  const end = Math.min(1, 1.25 * Math.max(threshold, rate ?? 0, interval?.upper ?? 0, 0.01));
  const { isGoodWhenHigh, name } = SIGNALS[signal];
  const isGood = rate === null ? null : isGoodWhenHigh ? rate >= threshold : rate <= threshold;
  const tone = isGood === null ? "off" : isGood ? "good" : "bad";
  const side = isGoodWhenHigh ? "at least" : "at most";
  const text = `${name}: ${formatRate(rate)}, ${side} ${formatRate(threshold)}`;
  return (
    <span class="bullet" role="img" aria-label={text} title={text}>
      {interval === null ? null : (
        <i
          class="band"
          style={{ left: percent(interval.lower / end), right: percent(1 - interval.upper / end) }}
        />
      )}
      {rate === null ? null : <i class={`rate ${tone}`} style={{ width: percent(rate / end) }} />}
      <i class="threshold" style={{ left: percent(threshold / end) }} />
    </span>
  );
};
