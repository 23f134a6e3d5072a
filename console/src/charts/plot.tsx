// A chart over time by uPlot, drawn anew when its size or the colour scheme changes.
import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";

export type Line = {
  readonly name: string;
  readonly values: readonly (number | null)[];
  /** A colour of style.css. */
  readonly colour: string;
  readonly dashed?: boolean;
};

type PlotProps = {
  readonly label: string;
  /** ISO times, rising. */
  readonly times: readonly string[];
  readonly lines: readonly Line[];
  /** Pairs of lines between which the plane is filled. */
  readonly bands?: readonly (readonly [number, number])[];
  readonly format: (value: number) => string;
};

const HEIGHT = 220;

/** A colour of style.css as a canvas takes it: it knows nothing of properties and schemes. */
const colourOf =
  (element: HTMLElement) =>
  (name: string): string => {
    element.style.color = `var(--${name})`;
    const { color } = getComputedStyle(element);
    element.style.color = "";
    return color;
  };

export const Plot = ({ label, times, lines, bands = [], format }: PlotProps) => {
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const element = place.current;
    if (element === null) return undefined;
    const dark = matchMedia("(prefers-color-scheme: dark)");
    let plot: uPlot | null = null;
    const draw = (): void => {
      plot?.destroy();
      const colour = colourOf(element);
      const axis = {
        stroke: colour("muted"),
        grid: { stroke: colour("line"), width: 1 },
        ticks: { show: false },
      };
      plot = new uPlot(
        {
          width: element.clientWidth,
          height: HEIGHT,
          legend: { live: true },
          axes: [axis, { ...axis, size: 64, values: (_, splits) => splits.map((value) => format(value)) }],
          series: [
            {},
            ...lines.map((line) => ({
              label: line.name,
              stroke: colour(line.colour),
              width: 2,
              ...(line.dashed === true ? { dash: [6, 4] } : {}),
              points: { show: times.length < 40 && line.dashed !== true, size: 5 },
              value: (_: uPlot, value: number | null) => (value === null ? "–" : format(value)),
            })),
          ],
          bands: bands.map(([upper, lower]) => ({ series: [upper + 1, lower + 1], fill: colour("band") })),
        },
        [times.map((at) => Date.parse(at) / 1_000), ...lines.map(({ values }) => [...values])],
        element,
      );
    };
    draw();
    const observer = new ResizeObserver(() => plot?.setSize({ width: element.clientWidth, height: HEIGHT }));
    observer.observe(element);
    dark.addEventListener("change", draw);
    return () => {
      observer.disconnect();
      dark.removeEventListener("change", draw);
      plot?.destroy();
    };
  }, [times, lines, bands]);
  return <div ref={place} class="plot" role="img" aria-label={label} />;
};
