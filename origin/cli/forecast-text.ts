// A forecast as text for a terminal.
import { formatCount, formatDuration, formatThreshold } from "../decide/format.ts";
import type { DecisionForecast, SignalForecast } from "../decide/planning/forecast.ts";

const WIDTHS = [12, 18, 18, 0] as const;

const line = (cells: readonly string[]): string =>
  `  ${cells.map((cell, column) => cell.padEnd(WIDTHS[column] ?? 0)).join("")}`.trimEnd();

const decisionLine = ({ ratio, rate, users, seconds, withinDeadline }: DecisionForecast): string =>
  line([
    formatThreshold(rate),
    users === null ? "-" : formatCount(users),
    seconds === null ? "-" : formatDuration(seconds),
    `${ratio < 1 ? "rolled back" : "kept"}${withinDeadline ? "" : ", after the deadline"}`,
  ]);

const HELD = {
  threshold: "",
  holdout: ", held against a holdout that has just that",
  both: ", held against that and a holdout that has just that",
} as const;

const signalText = (forecast: SignalForecast): string => {
  const { signal, against, threshold, windowSeconds, bar, rollback, keep, smallestDetectable } = forecast;
  return [
    `${signal}: at least ${formatThreshold(threshold)} within ${formatDuration(windowSeconds)}${HELD[against]}; a rollback needs evidence of ${formatCount(bar)} : 1${against === "both" ? ", and as much beside the holdout" : ""}`,
    line(["true rate", "mature users", "time from launch"]),
    ...[...rollback, ...keep].map(decisionLine),
    smallestDetectable === null
      ? "  nothing matures before the deadline"
      : `  before the deadline a rate of ${formatThreshold(smallestDetectable)} or less is rolled back`,
  ].join("\n");
};

export const forecastText = (forecasts: readonly SignalForecast[]): string =>
  forecasts.map(signalText).join("\n\n");
