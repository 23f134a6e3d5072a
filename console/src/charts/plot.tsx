// A chart over time by uPlot. New data go into the chart that is there, so that a reader's zoom stays; it is made anew only when
// its lines or the colour scheme change.
import { useEffect, useRef, useState } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import "./charts.css";
import { formatTime } from "../format.ts";
import type { Mark } from "./marks.ts";

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
  readonly marks?: readonly Mark[];
  readonly format: (value: number) => string;
};

const HEIGHT = 220;
/** Seconds before and after a point that is alone. */
const SINGLE_POINT_S = 1_800;
/** Fewer points than this are drawn as points too. */
const FEW = 40;

/** A colour of style.css as a canvas takes it: it knows nothing of properties and schemes. */
const colourOf =
  (element: HTMLElement) =>
  (name: string): string => {
    element.style.color = `var(--${name})`;
    const { color } = getComputedStyle(element);
    element.style.color = "";
    return color;
  };

const dataOf = ({ times, lines }: Pick<PlotProps, "times" | "lines">): uPlot.AlignedData => [
  times.map((at) => Date.parse(at) / 1_000),
  ...lines.map(({ values }) => [...values]),
];

/** What a chart says at one of its points, for those who do not see it. */
const readAt = ({ times, lines, format }: PlotProps, at: number): string => {
  const time = times[at];
  if (time === undefined) return "There is nothing yet.";
  const values = lines.map(({ name, values: all }) => {
    const value = all[at] ?? null;
    return `${name} ${value === null ? "not known" : format(value)}`;
  });
  return `${formatTime(time)}: ${values.join(", ")}.`;
};

const drawMarks = (plot: uPlot, marks: readonly Mark[], colour: string): void => {
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.strokeStyle = colour;
  ctx.fillStyle = colour;
  ctx.setLineDash([2, 3]);
  for (const { at } of marks) {
    const x = Math.round(plot.valToPos(Date.parse(at) / 1_000, "x", true));
    if (x < bbox.left || x > bbox.left + bbox.width) continue;
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
    ctx.beginPath();
    ctx.arc(x, bbox.top + 4, 4, 0, 2 * Math.PI);
    ctx.fill();
  }
  ctx.restore();
};

export const Plot = (props: PlotProps) => {
  const { label, times, lines, bands = [], marks = [] } = props;
  const place = useRef<HTMLDivElement>(null);
  const chart = useRef<uPlot | null>(null);
  const zoomed = useRef(false);
  const shown = useRef(props);
  shown.current = props;
  const [at, setAt] = useState<number | null>(null);
  const structure = lines.map(({ name, colour }) => `${name} ${colour}`).join("\n");

  useEffect(() => {
    const element = place.current;
    if (element === null) return undefined;
    const dark = matchMedia("(prefers-color-scheme: dark)");
    const draw = (): void => {
      chart.current?.destroy();
      zoomed.current = false;
      const colour = colourOf(element);
      const axis = {
        stroke: colour("muted"),
        grid: { stroke: colour("line"), width: 1 },
        ticks: { show: false },
      };
      const format = (value: number): string => shown.current.format(value);
      chart.current = new uPlot(
        {
          width: element.clientWidth,
          height: HEIGHT,
          legend: { live: true },
          // A single point would otherwise stand in an axis of years.
          scales: {
            x: {
              range: (plot, from, to) => {
                const [only = from, ...others] = plot.data[0];
                return others.length === 0 ? [only - SINGLE_POINT_S, only + SINGLE_POINT_S] : [from, to];
              },
            },
          },
          hooks: {
            draw: [(plot) => drawMarks(plot, shown.current.marks ?? [], colour("muted"))],
            setSelect: [
              ({ select }) => {
                zoomed.current = select.width > 0;
              },
            ],
          },
          axes: [axis, { ...axis, size: 64, values: (_, splits) => splits.map((value) => format(value)) }],
          series: [
            {},
            ...lines.map((line) => ({
              label: line.name,
              stroke: colour(line.colour),
              width: 2,
              ...(line.dashed === true ? { dash: [6, 4] } : {}),
              points: { show: (plot: uPlot) => plot.data[0].length < FEW && line.dashed !== true, size: 5 },
              value: (_: uPlot, value: number | null) => (value === null ? "–" : format(value)),
            })),
          ],
          bands: bands.map(([upper, lower]) => ({ series: [upper + 1, lower + 1], fill: colour("band") })),
        },
        dataOf(shown.current),
        element,
      );
      chart.current.over.addEventListener("dblclick", () => {
        zoomed.current = false;
      });
    };
    draw();
    const observer = new ResizeObserver(() =>
      chart.current?.setSize({ width: element.clientWidth, height: HEIGHT }),
    );
    observer.observe(element);
    dark.addEventListener("change", draw);
    return () => {
      observer.disconnect();
      dark.removeEventListener("change", draw);
      chart.current?.destroy();
      chart.current = null;
    };
  }, [structure]);

  // Not drawn where nothing came: the caller keeps times and lines as they were then.
  useEffect(() => {
    chart.current?.setData(dataOf(shown.current), !zoomed.current);
    if (zoomed.current) chart.current?.redraw();
  }, [times, lines]);
  useEffect(() => {
    chart.current?.redraw(false);
  }, [marks]);

  const go = (event: KeyboardEvent): void => {
    const last = times.length - 1;
    const from = at ?? last + 1;
    const to = { ArrowLeft: from - 1, ArrowRight: from + 1, Home: 0, End: last }[event.key];
    const plot = chart.current;
    if (to === undefined || plot === null || last < 0) return;
    event.preventDefault();
    const next = Math.min(last, Math.max(0, to));
    setAt(next);
    plot.setCursor({ left: plot.valToPos(Number(plot.data[0][next]), "x"), top: HEIGHT / 4 });
  };
  return (
    <>
      <div
        ref={place}
        class="plot"
        role="img"
        tabIndex={0}
        aria-label={`${label}. ${times.length} points. Newest: ${readAt(props, times.length - 1)} Arrow keys go from point to point.`}
        onKeyDown={go}
      />
      <p class="visually-hidden" aria-live="polite">
        {at === null ? "" : readAt(props, at)}
      </p>
    </>
  );
};
