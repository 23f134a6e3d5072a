// A simulation of 100 fold processes: lag, and the time to recovery when processes or databases die, up to 20 million spans a second.
import { parseArgs } from "node:util";
import { MEASURED } from "../origin/capacity/measured-costs.ts";
import { recoveryS, simulate, type Failure, type Scenario } from "../scripts/scale/simulate.ts";
import { percentile } from "./figures.ts";

const { values } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    processes: { type: "string", default: "100" },
    partitions: { type: "string", default: "256" },
    databases: { type: "string", default: "16" },
    seed: { type: "string", default: "1" },
  },
});
const processes = Number(values.processes);
const FAILS_AT_S = 60;
/** From here on the first owners are at work. */
const SETTLED_S = 20;
const SECONDS = 240;
/** A lag that an evaluation does not notice: telemetry is waited for longer. */
const WELL_S = 5;

const run = (name: string, spansPerSecond: Scenario["spansPerSecond"], failures: readonly Failure[] = []) => {
  const result = simulate({
    seed: Number(values.seed),
    processes,
    partitions: Number(values.partitions),
    databases: Number(values.databases),
    seconds: SECONDS,
    spansPerSecond,
    foldUs: MEASURED.span.foldCpuUs,
    // Not measured, but chosen: a commit to a disk with its reads, and one key of ten minutes read from the log.
    roundMs: 15,
    rememberUs: 0.1,
    failures,
  });
  const lags = result.samples
    .filter(({ atS }) => atS >= SETTLED_S)
    .map(({ maxLagS }) => maxLagS)
    .toSorted((a, b) => a - b);
  const round = (value: number): number => Number(value.toFixed(2));
  const found = {
    name,
    lagP50S: round(percentile(lags, 0.5)),
    lagP99S: round(percentile(lags, 0.99)),
    lagMaxS: round(lags.at(-1) ?? 0),
    recoveryS: failures.length === 0 ? null : recoveryS(result.samples, FAILS_AT_S, WELL_S),
    fencedBatches: result.fenced,
    moves: result.moves,
    doubleOwners: result.doubleOwners,
    lost: result.acknowledged - result.counted - result.waiting,
    waiting: result.waiting,
  };
  if (!values.json)
    console.log(
      `${name.padEnd(44)} lag p50 ${found.lagP50S} s, p99 ${found.lagP99S} s, max ${found.lagMaxS} s` +
        (failures.length === 0
          ? ""
          : `; below ${WELL_S} s again ${found.recoveryS === null ? "not by the end" : `after ${round(found.recoveryS)} s`}`) +
        `; moves ${found.moves}, fenced ${found.fencedBatches}, waiting at the end ${found.waiting}`,
    );
  return found;
};

const at = (rate: number) => () => rate;
const runs = [];
for (const rate of [1e6, 5e6, 10e6, 15e6, 20e6]) runs.push(run(`${rate / 1e6} M spans/s`, at(rate)));
for (const count of [1, 10, 30, 50])
  runs.push(
    run(`5 M spans/s, ${count} of ${processes} killed`, at(5e6), [
      { kind: "kill", atS: FAILS_AT_S, processes: count, backAfterS: null },
    ]),
  );
runs.push(
  run("5 M spans/s, 10 paused for 30 s", at(5e6), [
    { kind: "pause", atS: FAILS_AT_S, processes: 10, forS: 30 },
  ]),
  run(`5 M spans/s, 1 of ${values.databases} databases away for 30 s`, at(5e6), [
    { kind: "database", atS: FAILS_AT_S, database: 0, forS: 30 },
  ]),
  run("from 1 to 20 M spans/s in 3 minutes", (atS) => 1e6 + 19e6 * Math.min(1, atS / 180)),
);
if (values.json) console.log(JSON.stringify({ processes, runs }));
