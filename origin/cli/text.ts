// Plans and calibrations as text for a terminal.
import type { SignalForecast } from "../decide/planning/forecast.ts";
import { formatCount, formatThreshold, formatDuration, formatOdds, SIGNAL_TITLE } from "../decide/format.ts";
import type { Replay } from "../decide/planning/replay.ts";
import type { Calibration } from "../evaluate/calibrate.ts";

const table = (rows: readonly (readonly string[])[]): string =>
  rows
    .map((row) => `  ${row.map((cell, column) => cell.padEnd(column === 0 ? 12 : 18)).join("")}`.trimEnd())
    .join("\n");

export const forecastText = (plans: readonly SignalForecast[]): string =>
  plans
    .map(({ signal, against, threshold, windowSeconds, bar, rollback, keep, smallestDetectable }) =>
      [
        `${signal}: at least ${formatThreshold(threshold)} within ${formatDuration(windowSeconds)}${against === "holdout" ? ", held against a holdout that has just that" : ""}; a rollback needs evidence of ${formatCount(Math.round(bar))} : 1`,
        table([
          ["true rate", "mature users", "time from launch", ""],
          ...[...rollback, ...keep].map(({ ratio, rate, users, seconds, withinDeadline }) => [
            formatThreshold(rate),
            users === null ? "-" : formatCount(users),
            seconds === null ? "-" : formatDuration(seconds),
            `${ratio < 1 ? "rolled back" : "kept"}${withinDeadline ? "" : ", after the deadline"}`,
          ]),
        ]),
        smallestDetectable === null
          ? "  nothing matures before the deadline"
          : `  before the deadline a rate of ${formatThreshold(smallestDetectable)} or less is rolled back`,
      ].join("\n"),
    )
    .join("\n\n");

type Signal = Calibration["signals"][number];

const isOfRequests = ({ signal }: Pick<Signal, "signal">): boolean =>
  signal === "latency" || signal === "errorRate";

const when = (event: Replay["rolledBack"], unit: string): string =>
  event === null
    ? "no"
    : `${new Date(event.at * 1_000).toISOString().slice(0, 16)}Z, ${formatCount(event.n)} ${unit}`;

const seenText = (one: Signal, current: string): string => {
  const { seen, signal } = one;
  if (seen.n === 0) return isOfRequests(one) ? "no requests" : "nobody has matured";
  const share = `${formatThreshold(seen.s / seen.n)} (${formatCount(seen.s)} of ${formatCount(seen.n)}`;
  if (signal === "latency") return `${share} requests) took longer than ${current}`;
  return isOfRequests(one) ? `${share} requests) failed` : `${share} mature users)`;
};

const quietText = (one: Signal, thresholdText: (threshold: number) => string): string => {
  const { strictestQuiet: quiet, replays } = one;
  if (replays.length === 1)
    return quiet === null
      ? "it would have been rolled back beside the holdout"
      : "it would not have been rolled back beside the holdout";
  if (quiet === null) return "it would have been rolled back at every one of them";
  return `it would not have been rolled back at ${thresholdText(quiet)} or ${isOfRequests(one) ? "more" : "less"}`;
};

const signalText = (one: Signal): string => {
  const { signal, against, current, replays } = one;
  const thresholdText = (threshold: number) =>
    signal === "latency" ? `${Number(threshold.toPrecision(4))} ms` : formatThreshold(threshold);
  const unit = isOfRequests(one) ? "requests" : "users";
  return [
    `\n${SIGNAL_TITLE[signal]}: ${seenText(one, thresholdText(current.threshold))}${against === "holdout" ? ", held against the holdout" : ""}`,
    ...replays.map((replay) =>
      [
        replay.threshold === current.threshold ? "> " : "  ",
        `threshold ${thresholdText(replay.threshold)}`.padEnd(20),
        `rolled back: ${when(replay.rolledBack, unit)}`.padEnd(48),
        `kept: ${when(replay.kept, unit)}`.padEnd(42),
        replay.mostLogEvidence === null ? "" : `most evidence ${formatOdds(replay.mostLogEvidence)}`,
      ]
        .join("")
        .trimEnd(),
    ),
    `  ${quietText(one, thresholdText)}`,
  ].join("\n");
};

export const calibrationText = ({ featureId, epoch, mode, signals }: Calibration): string =>
  [
    `${featureId}, epoch ${epoch}, ${mode} mode; every threshold replayed on what has settled so far`,
    ...signals.map(signalText),
    "\nA threshold chosen on these data needs fresh data: changing the rule starts its evidence from nothing.",
  ].join("\n");
