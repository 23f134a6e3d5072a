// An origin with all roles and nothing to do: how long until /readyz says yes, and how much memory it then holds.
import { execFileSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { startEmbeddedPostgres } from "../origin/db/embedded-postgres.ts";
import { migrate } from "../origin/db/migrate.ts";
import { root } from "../origin/runtime/place.ts";
import { bareNodeMb, startBuiltOrigin } from "./idle/built-origin.ts";
import { median } from "./figures.ts";

const { values } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    starts: { type: "string", default: "5" },
    /** seconds from ready to the look at the memory; the last start is looked at */
    settle: { type: "string", default: "30" },
  },
});
const say = (line: string): void => {
  if (!values.json) console.log(line);
};

// As the image runs it: JavaScript. From sources Node also keeps what strips their types.
execFileSync("npm", ["run", "build"], { cwd: root, stdio: "ignore" });
const folder = await mkdtemp(join(tmpdir(), "sluice-idle-"));
const postgres = await startEmbeddedPostgres({ dataDir: folder, settings: {} });
try {
  await migrate(postgres.url);
  const starts = Number(values.starts);
  const ready: number[] = [];
  for (let n = 1; n <= starts; n++) {
    const origin = await startBuiltOrigin(postgres.url);
    ready.push(origin.readyMs);
    try {
      if (n < starts) continue;
      say(
        `ready: median ${Math.round(median(ready))} ms of ${starts} starts, the slowest ${Math.round(Math.max(...ready))} ms`,
      );
      const { residentMb, peakMb, programMb } = await origin.memoryAfter(Number(values.settle));
      const bareMb = await bareNodeMb();
      say(
        `resident ${values.settle} s later: ${residentMb} MB, of which ${programMb} MB are the program file of Node; ` +
          `${peakMb} MB at most while it started`,
      );
      say(`Node alone with two empty threads: ${bareMb} MB`);
      if (values.json)
        console.log(
          JSON.stringify({
            readyMs: Math.round(median(ready)),
            slowestReadyMs: Math.round(Math.max(...ready)),
            residentMb,
            peakMb,
            bareNodeMb: bareMb,
          }),
        );
    } finally {
      await origin.stop();
    }
  }
} finally {
  await postgres.stop();
  await rm(folder, { recursive: true, force: true });
}
