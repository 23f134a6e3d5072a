// How long requests take, as a distribution: treatment as bars, the holdout as an outline, and the threshold between.
import type { Latency } from "../client.gen.ts";
import { formatCount, formatMs, formatRate } from "../format.ts";
import { TableView } from "./table-view.tsx";

const WIDTH = 100;
const HEIGHT = 50;

type Bucket = Latency["buckets"][number];

const shareOf = (count: number, all: number): number => (all === 0 ? 0 : count / all);

const summary = (name: string, cohort: Latency["treatment"]): string | null => {
  if (cohort === null || cohort.requests === 0) return null;
  const { requests, above, p95Ms } = cohort;
  const slow =
    above === null
      ? ""
      : `, ${formatRate(above / requests)} of ${formatCount(requests)} requests are above it`;
  return `${name}: 95 % within ${p95Ms === null ? "–" : formatMs(p95Ms)}${slow}`;
};

/** Where a latency lies on the scale of the buckets, from 0 to 1. */
const placeOf = (ms: number, buckets: readonly Bucket[]): number => {
  const from = Math.log(buckets[0]?.fromMs ?? 1);
  const to = Math.log(buckets.at(-1)?.toMs ?? 2);
  return (Math.log(ms) - from) / (to - from);
};

export const LatencyChart = ({ latency }: { latency: Latency }) => {
  const { buckets, thresholdMs, treatment, holdout } = latency;
  const [first, last] = [buckets[0], buckets.at(-1)];
  if (first === undefined || last === undefined || treatment === null) return null;
  const bars = buckets.map((bucket) => ({
    treatment: shareOf(bucket.treatment, treatment.requests),
    holdout: shareOf(bucket.holdout, holdout?.requests ?? 0),
  }));
  const most = Math.max(...bars.flatMap((bar) => [bar.treatment, bar.holdout]));
  const step = WIDTH / buckets.length;
  const y = (share: number): number => HEIGHT * (1 - (0.95 * share) / most);
  const outline = bars.map(
    (bar, i) => `L ${i * step} ${y(bar.holdout)} L ${(i + 1) * step} ${y(bar.holdout)}`,
  );
  const place = thresholdMs === null ? -1 : placeOf(thresholdMs, buckets);
  const texts = [summary("Treatment", treatment), summary("Holdout", holdout)].filter(
    (text) => text !== null,
  );
  return (
    <figure>
      <figcaption>How long requests take</figcaption>
      <svg
        class="distribution"
        viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={`Distribution of latencies. ${texts.join(". ")}.`}
      >
        {bars.map((bar, i) => (
          <rect
            key={buckets[i]?.fromMs}
            class="treatment"
            x={i * step + step * 0.08}
            width={step * 0.84}
            y={y(bar.treatment)}
            height={HEIGHT - y(bar.treatment)}
          />
        ))}
        {holdout === null || holdout.requests === 0 ? null : (
          <path class="holdout" d={`M 0 ${HEIGHT} ${outline.join(" ")} L ${WIDTH} ${HEIGHT}`} />
        )}
        {place < 0 || place > 1 ? null : (
          <line class="threshold" x1={place * WIDTH} x2={place * WIDTH} y1={0} y2={HEIGHT} />
        )}
      </svg>
      <div class="scale" aria-hidden="true">
        <span>{formatMs(first.fromMs)}</span>
        {thresholdMs === null ? null : <span>threshold {formatMs(thresholdMs)}</span>}
        <span>{formatMs(last.toMs)}</span>
      </div>
      <p class="key">
        {texts.map((text) => (
          <span key={text}>{text}</span>
        ))}
      </p>
      <TableView
        name="latency"
        rows={buckets}
        csv={buckets}
        keyOf={({ fromMs }) => String(fromMs)}
        columns={[
          { name: "From", cell: ({ fromMs }) => formatMs(fromMs) },
          { name: "To", cell: ({ toMs }) => formatMs(toMs) },
          { name: "Treatment", cell: (bucket) => formatCount(bucket.treatment) },
          { name: "Holdout", cell: (bucket) => formatCount(bucket.holdout) },
        ]}
      />
    </figure>
  );
};
