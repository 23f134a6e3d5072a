// `npm run faults -- [kills]`: 60 kills under load, some minutes. Exit 1 when acknowledged and counted differ.
import { runFaults } from "./run-faults.ts";

const report = await runFaults({
  kills: Number(process.argv[2] ?? 60),
  say: (line) => void process.stdout.write(`${line}\n`),
});
process.stdout.write(`${JSON.stringify(report)}\n`);
process.exitCode = report.acked === report.countedRequests && report.units === report.countedUnits ? 0 : 1;
