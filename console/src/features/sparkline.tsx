const WIDTH = 84;
const HEIGHT = 24;
const score = new Intl.NumberFormat(undefined, { minimumFractionDigits: 2, maximumFractionDigits: 2 });

/** The course of the score over the newest evaluations, on a scale of its own. */
export const Sparkline = ({ scores }: { scores: readonly number[] }) => {
  const last = scores.at(-1);
  const [first] = scores;
  if (last === undefined || first === undefined) return <span class="none">–</span>;
  const least = Math.min(...scores);
  const span = Math.max(...scores) - least;
  const at = (value: number): string =>
    (span === 0 ? HEIGHT / 2 : HEIGHT - 3 - ((value - least) / span) * (HEIGHT - 6)).toFixed(1);
  const step = (WIDTH - 6) / Math.max(1, scores.length - 1);
  const points = scores.map((value, i) => `${(3 + i * step).toFixed(1)},${at(value)}`).join(" ");
  const text = `Score ${score.format(last)}; over the last ${scores.length} evaluations from ${score.format(first)}, between ${score.format(least)} and ${score.format(least + span)}`;
  return (
    <span class="spark" title={text}>
      <svg role="img" aria-label={text} viewBox={`0 0 ${WIDTH} ${HEIGHT}`} width={WIDTH} height={HEIGHT}>
        <polyline points={points} />
        <circle cx={3 + (scores.length - 1) * step} cy={at(last)} r="2.5" />
      </svg>
      <small aria-hidden="true">{score.format(last)}</small>
    </span>
  );
};
