// Telemetry: 50,000 spans a second durably acknowledged and counted, then as many as possible, load generator included.
import { parseArgs } from "node:util";
import { measureCostBySize, sizeProblem } from "./ingest/cost-by-size.ts";
import { measureOneOrigin } from "./ingest/one-origin.ts";

const { values } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    /** 20; with --processes: 6 of each size in each round */
    seconds: { type: "string" },
    /** spans a second: 50,000; with --processes: 10,000 to each ingest process */
    rate: { type: "string" },
    features: { type: "string", default: "20" },
    /** how many visitors the spans are of; "new": every span is of another one */
    visitors: { type: "string", default: "200000" },
    saturate: { type: "string", default: "10" },
    /** what keeps acknowledged telemetry: "postgres", or "jetstream" on three servers */
    log: { type: "string", default: "postgres" },
    /** units in the database at the start */
    units: { type: "string", default: "0" },
    /** seconds of steady load in a further part: it shows whether memory grows */
    soak: { type: "string", default: "0" },
    /** as UNIT_IDS: "raw" shows what pseudonyms cost */
    "unit-ids": { type: "string", default: "pseudonymous" },
    /** what a span costs, up to so many ingest and fold processes, in place of everything else */
    processes: { type: "string" },
    /** with --processes: up to so many databases */
    databases: { type: "string", default: "1" },
    /** with --processes: how often each size is measured, in turns */
    rounds: { type: "string", default: "3" },
  },
});
const refuse = (problem: string): never => {
  console.error(problem);
  process.exit(2);
};
const { log, processes, json } = values;
if (log !== "postgres" && log !== "jetstream")
  throw refuse(`--log must be postgres or jetstream, not ${log}`);
if (processes === undefined) {
  const { seconds = "20", rate = "50000" } = values;
  await measureOneOrigin({ ...values, log, seconds, rate });
} else {
  if (log !== "postgres") refuse("--processes is measured with --log postgres alone");
  const upTo = { processes: Number(processes), databases: Number(values.databases) };
  const problem = sizeProblem(upTo);
  if (problem !== null) refuse(problem);
  const { seconds = "6", rate = "10000" } = values;
  await measureCostBySize({
    upTo,
    rate: Number(rate),
    seconds: Number(seconds),
    rounds: Number(values.rounds),
    json,
  });
}
