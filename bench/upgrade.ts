// Every part is replaced, one after the other, under visitors and telemetry: failed requests, lost spans, rollbacks meanwhile.
import { parseArgs } from "node:util";
import { provide } from "../scripts/system-programs.ts";
import { runRollingUpgrade } from "./upgrade/rolling-upgrade.ts";
import { FEWER_PARTS, PARTS } from "./upgrade/world.ts";

const { values } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    visitors: { type: "string", default: "500" },
    ingest: { type: "string", default: "20000" },
    /** "released" or "this": which code runs first, and which code replaces it */
    from: { type: "string", default: "released" },
    to: { type: "string", default: "this" },
    /** fewer processes and shorter pauses */
    short: { type: "boolean", default: false },
  },
});
provide(["redis-server", "haproxy", "git"], "npm run bench -- upgrade");
const versionOf = (text: string): "released" | "this" => {
  if (text !== "released" && text !== "this") throw new Error("--from and --to: released or this");
  return text;
};

const found = await runRollingUpgrade({
  from: versionOf(values.from),
  to: versionOf(values.to),
  visitorsPerSecond: Number(values.visitors),
  spansPerSecond: Number(values.ingest),
  pauseMs: values.short ? 300 : 2_000,
  parts: values.short ? FEWER_PARTS : PARTS,
  say: (line) => console.log(line),
});
for (const failure of found.failures.slice(0, 20)) console.log(`failed: ${failure}`);
for (const complaint of found.complaints) console.log(complaint.slice(0, 400));
const worst = Math.round(Math.max(...found.rollbackMs));
console.log(
  `${found.visits} visits, ${found.failures.length} failed, ${found.visitsLost} not counted; ${found.spansAcked} spans, ` +
    `${found.spansRefused} refused, ${found.spansLost} lost; ${found.rollbackMs.length} rollbacks, the slowest ${worst} ms`,
);
if (values.json)
  console.log(
    JSON.stringify({
      visits: found.visits,
      failed: found.failures.length,
      visitsLost: found.visitsLost,
      spansAcked: found.spansAcked,
      spansRefused: found.spansRefused,
      spansLost: found.spansLost,
      rollbacks: found.rollbackMs.length,
      worstRollbackMs: worst,
      restartMs: found.restartMs,
      complaints: found.complaints,
    }),
  );
// Development servers of Workers that were stopped leave something open.
process.exit(0);
