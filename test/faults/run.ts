// `npm run faults -- [faults] [--log jetstream] [--seed N] [--only disk,fold]`: 60 faults under load, some minutes. The counts live in three
// databases, between which partitions move. Exit 1 when acknowledged and counted differ.
import { parseArgs } from "node:util";
import { endWithRun } from "../support/end-with-run.ts";
import { printFigures } from "./figures.ts";
import { ALL_FAULTS, differences, runFaults, type Fault } from "./run-faults.ts";

const usage = (message: string): never => {
  process.stderr.write(`${message}\n`);
  process.exit(2);
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    log: { type: "string", default: "postgres" },
    seed: { type: "string", default: String(Date.now()) },
    only: { type: "string" },
  },
});
const { log } = values;
if (log !== "postgres" && log !== "jetstream") usage(`--log must be postgres or jetstream, not ${log}`);
const isFault = (name: string): name is Fault => ALL_FAULTS.includes(name);
const order = values.only?.split(",").map((name) => {
  if (!isFault(name)) return usage(`--only must be some of ${ALL_FAULTS.join(", ")}, not ${name}`);
  return name;
});
endWithRun();
const startedAt = performance.now();
const report = await runFaults({
  faults: Number(positionals[0] ?? order?.length ?? 60),
  log: log === "jetstream" ? "jetstream" : "postgres",
  aggregates: ["a", "b"],
  seed: Number(values.seed),
  ...(order === undefined ? {} : { order }),
  say: (line) =>
    void process.stdout.write(
      `${((performance.now() - startedAt) / 1_000).toFixed(1).padStart(6)} s  ${line}\n`,
    ),
});
for (const line of printFigures(report)) process.stdout.write(`${line}\n`);
process.stdout.write(`${JSON.stringify({ seed: Number(values.seed), ...report })}\n`);
process.exitCode = differences(report).length === 0 ? 0 : 1;
