// `npm run faults -- [kills] [--log jetstream] [--seed N]`: 60 kills under load, some minutes. Exit 1 when acknowledged and counted
// differ.
import { parseArgs } from "node:util";
import { runFaults } from "./run-faults.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    log: { type: "string", default: "postgres" },
    seed: { type: "string", default: String(Date.now()) },
  },
});
if (values.log !== "postgres" && values.log !== "jetstream") {
  process.stderr.write(`--log must be postgres or jetstream, not ${values.log}\n`);
  process.exit(2);
}
const report = await runFaults({
  kills: Number(positionals[0] ?? 60),
  log: values.log,
  seed: Number(values.seed),
  say: (line) => void process.stdout.write(`${line}\n`),
});
process.stdout.write(`${JSON.stringify({ seed: Number(values.seed), ...report })}\n`);
process.exitCode = report.acked === report.countedRequests && report.units === report.countedUnits ? 0 : 1;
