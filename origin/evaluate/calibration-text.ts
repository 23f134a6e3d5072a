// A calibration as text for a terminal.
import { formatCount, formatOdds, formatThreshold, SIGNAL_TITLE } from "../decide/format.ts";
import type { Calibration, SignalCalibration } from "../decide/planning/calibration.ts";
import type { Replay } from "../decide/planning/replay.ts";
import type { Sufficiency } from "../decide/planning/sufficiency.ts";

const isOfRequests = ({ signal }: Pick<SignalCalibration, "signal">): boolean =>
  signal === "latency" || signal === "errorRate";

type ThresholdText = (threshold: number) => string;

const thresholdTextOf = ({ signal }: SignalCalibration): ThresholdText =>
  signal === "latency" ? (threshold) => `${Number(threshold.toPrecision(4))} ms` : formatThreshold;

const seenText = (one: SignalCalibration, currentThreshold: string): string => {
  const { seen, signal } = one;
  if (seen.n === 0) return isOfRequests(one) ? "no requests" : "nobody has matured";
  const share = `${formatThreshold(seen.s / seen.n)} (${formatCount(seen.s)} of ${formatCount(seen.n)}`;
  if (signal === "latency") return `${share} requests) took longer than ${currentThreshold}`;
  return isOfRequests(one) ? `${share} requests) failed` : `${share} mature users)`;
};

const UNIT_TEXT: Record<Sufficiency["unit"], string> = {
  users: "mature users",
  requests: "requests",
  buckets: "buckets of time with requests",
};

/** Why nothing is concluded. */
const insufficientText = (one: SignalCalibration): string => {
  const { unit, have, needed } = one.sufficiency;
  if (needed === null)
    return unit === "buckets"
      ? "  these data say nothing: no share of failed requests is above the threshold"
      : "  these data say nothing yet: nobody is in the holdout";
  if (have >= needed)
    return "  these data say nothing yet: there are fewer exposed users than the rule's minCohortSize";
  const failure = isOfRequests(one) ? "twice as many bad requests" : "half the threshold";
  return `  these data say nothing yet: ${formatCount(have)} of at least ${formatCount(needed)} ${UNIT_TEXT[unit]}; with fewer, not even ${failure} would show`;
};

const conclusionText = (one: SignalCalibration, thresholdText: ThresholdText): string => {
  const { strictestQuiet: quiet, replays } = one;
  if (replays.length === 1)
    return quiet === null
      ? "  it would have been rolled back beside the holdout"
      : "  it would not have been rolled back beside the holdout";
  if (quiet === null) return "  it would have been rolled back at every one of them";
  return `  it would not have been rolled back at ${thresholdText(quiet)} or ${isOfRequests(one) ? "more" : "less"}`;
};

const eventText = (event: Replay["rolledBack"], unit: string): string =>
  event === null
    ? "no"
    : `${new Date(event.at * 1_000).toISOString().slice(0, 16)}Z, ${formatCount(event.n)} ${unit}`;

const replayLine = (
  replay: Replay,
  { isCurrent, unit, thresholdText }: { isCurrent: boolean; unit: string; thresholdText: ThresholdText },
): string =>
  [
    isCurrent ? "> " : "  ",
    `threshold ${thresholdText(replay.threshold)}`.padEnd(20),
    `rolled back: ${eventText(replay.rolledBack, unit)}`.padEnd(48),
    `kept: ${eventText(replay.kept, unit)}`.padEnd(42),
    replay.mostLogEvidence === null ? "" : `most evidence ${formatOdds(replay.mostLogEvidence)}`,
  ]
    .join("")
    .trimEnd();

const signalText = (one: SignalCalibration): string => {
  const { signal, against, current, replays, isConclusive } = one;
  const thresholdText = thresholdTextOf(one);
  const unit = isOfRequests(one) ? "requests" : "users";
  const holdout = against === "holdout" ? ", held against the holdout" : "";
  const title = `\n${SIGNAL_TITLE[signal]}: ${seenText(one, thresholdText(current.threshold))}${holdout}`;
  if (!isConclusive) return `${title}\n${insufficientText(one)}`;
  const lines = replays.map((replay) =>
    replayLine(replay, { isCurrent: replay.threshold === current.threshold, unit, thresholdText }),
  );
  return [title, ...lines, conclusionText(one, thresholdText)].join("\n");
};

export const calibrationText = ({ featureId, epoch, mode, signals }: Calibration): string =>
  [
    `${featureId}, epoch ${epoch}, ${mode} mode; every threshold replayed on the mature data so far`,
    ...signals.map(signalText),
    "\nA threshold chosen on these data needs fresh data: changing the rule starts its evidence from nothing.",
  ].join("\n");
