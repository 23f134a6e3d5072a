// The figures of a run as lines for people.
import { differences, type FaultReport } from "./run-faults.ts";

const median = (seconds: readonly number[]): number =>
  seconds.toSorted((a, b) => a - b)[Math.floor(seconds.length / 2)] ?? 0;

export const printFigures = (report: FaultReport): string[] => {
  const { acked, retries, units, counted, moves, places } = report;
  const lines = [
    "fault               times  median s  worst s",
    ...Object.entries(report.recoveries)
      .toSorted(([a], [b]) => a.localeCompare(b))
      .map(
        ([fault, seconds]) =>
          `${fault.padEnd(18)} ${String(seconds.length).padStart(6)} ${median(seconds).toFixed(1).padStart(9)} ${Math.max(
            ...seconds,
          )
            .toFixed(1)
            .padStart(8)}`,
      ),
    `acknowledged ${acked} spans of ${units} units, ${retries} requests sent again`,
    `counted ${counted.requests} spans of ${counted.units} units, and left out ${counted.leftOut}; an evaluation reads ${counted.evaluated.requests} of ${counted.evaluated.units}`,
  ];
  if (moves !== undefined) {
    const failed = Object.values(moves.failed).reduce((sum, times) => sum + times, 0);
    lines.push(
      `moved ${moves.moved} partitions in ${median(moves.seconds).toFixed(1)} s (median) to ${Math.max(0, ...moves.seconds).toFixed(1)} s; ${moves.killed} commands were killed, ${failed} failed under a fault`,
      `partitions live in ${JSON.stringify(places)}`,
    );
  }
  const found = differences(report);
  lines.push(
    found.length === 0 ? "every acknowledged span is counted once" : `DIFFERENT: ${found.join("; ")}`,
  );
  return lines;
};
