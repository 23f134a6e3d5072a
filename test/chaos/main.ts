// `npm run chaos [-- --faults 200 --seed 1 --promotions]`
import { parseArgs } from "node:util";
import { provide } from "../../scripts/system-programs.ts";
import { endWithRun } from "../support/end-with-run.ts";
import { runChaos } from "./run.ts";

const { values } = parseArgs({
  options: {
    faults: { type: "string", default: "200" },
    seed: { type: "string" },
    /** Begins with the promotion of a synchronous and of a lagging standby. */
    promotions: { type: "boolean", default: false },
  },
});
endWithRun();
provide(["redis-server", "redis-cli"], "npm run chaos");
const seed = values.seed === undefined ? Math.floor(Math.random() * 1e9) : Number(values.seed);
const say = (line: string): void => void process.stdout.write(`${line}\n`);

say(`seed ${seed}`);
const report = await runChaos({
  seed,
  faults: Number(values.faults),
  beginsWithPromotions: values.promotions,
  say,
});
const sorted = report.recoveredMs.toSorted((a, b) => a - b);
const at = (share: number): number => Math.round(sorted[Math.floor(share * (sorted.length - 1))] ?? 0);
say(
  `${report.faults} faults survived, ${report.acknowledged} acknowledged changes, none lost, none reopened; everything ` +
    `agreed again after ${at(0)} ms (shortest), ${at(0.5)} ms (median), ${at(0.9)} ms (p90), ${at(1)} ms (worst)`,
);
// Workers' development servers that were started and stopped dozens of times leave something open.
process.exit(0);
