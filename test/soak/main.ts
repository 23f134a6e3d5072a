// `npm run soak [-- --minutes 30 --visitors 50 --seed 1]`: exit 1 when fewer than 99.99 % of the visitors' requests were answered as
// they should be, or the parts did not agree again after a fault, or the memory of a process grew.
import { parseArgs } from "node:util";
import { provide } from "../../scripts/system-programs.ts";
import { AVAILABLE } from "../chaos/visits.ts";
import { endWithRun } from "../support/end-with-run.ts";
import { RUNTIME, runSoak } from "./run.ts";

/** Of a process' memory in the time of the run. Below it is the noise of collected garbage. */
const GROWS = 0.25;
/** Growth is told from a warm-up by then. */
const LONG_ENOUGH_MINUTES = 20;

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "30" },
    visitors: { type: "string", default: "50" },
    seed: { type: "string" },
  },
});
endWithRun();
provide(["redis-server", "redis-cli", "haproxy"], "npm run soak");
const minutes = Number(values.minutes);
const seed = values.seed === undefined ? Math.floor(Math.random() * 1e9) : Number(values.seed);
const say = (line: string): void => void process.stdout.write(`${line}\n`);

say(`seed ${seed}, ${minutes} minutes, ${values.visitors} visitors a second`);
const report = await runSoak({ minutes, seed, visitorsPerSecond: Number(values.visitors), say });
const available = 1 - report.failed / report.visits;
const sorted = report.recoveredMs.toSorted((a, b) => a - b);
say(
  `${report.visits} visits, ${report.failed} not answered as they should be: ${(available * 100).toFixed(4)} % were; ` +
    `${report.repeated} were sent to another edge by the balancer`,
);
say(
  `${report.faults} faults, ${report.changes} acknowledged changes; everything agreed again after ` +
    `${sorted[Math.floor(sorted.length / 2)] ?? NaN} ms (median), ${sorted.at(-1) ?? NaN} ms (worst)`,
);
const growing: string[] = [];
for (const [name, { firstMb, lastMb, mbPerHour }] of Object.entries(report.memory)) {
  const grows =
    name !== RUNTIME && (mbPerHour * minutes) / 60 > GROWS * firstMb && minutes >= LONG_ENOUGH_MINUTES;
  if (grows) growing.push(name);
  say(
    `memory of ${name}: ${firstMb.toFixed(1)} MB after its warm-up, ${lastMb.toFixed(1)} MB at the end, ` +
      `${mbPerHour.toFixed(1)} MB an hour${grows ? ": IT GROWS" : ""}`,
  );
}
for (const failure of report.failures) say(`failed: ${failure}`);
for (const problem of report.disagreements) say(`disagreed: ${problem}`);
const isGood = available >= AVAILABLE && report.disagreements.length === 0 && growing.length === 0;
// Workers' development servers that were started and stopped dozens of times leave something open.
process.exit(isGood ? 0 : 1);
