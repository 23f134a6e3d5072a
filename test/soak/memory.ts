// The memory of each process of the stack over the time of a soak, from Linux's own accounting.
import { ageSeconds, childrenOf, megabytesIn, procFile } from "../support/linux-processes.ts";

export type Sample = { readonly atS: number; readonly mb: number };
/** Of one kind of process: how its memory went. Pure. */
export type Course = { readonly firstMb: number; readonly lastMb: number; readonly mbPerHour: number };

/** MB in RAM. What processes share is divided among them. `private`: without what is shared or stands in a file. */
const shareMb = (pid: number, which: "all" | "private" = "all"): number =>
  megabytesIn(procFile(pid, "smaps_rollup"), which === "all" ? "Pss" : "Pss_Anon");

/** A process that was started lately still grows into its work. */
export const WARM_UP_S = 150;

/** The mean of the processes, without those that were started lately; null: there is no other. */
export const meanMb = (pids: readonly number[]): number | null => {
  const found = pids
    .filter((pid) => ageSeconds(pid) >= WARM_UP_S)
    .map((pid) => shareMb(pid))
    .filter((mb) => mb > 0);
  return found.length === 0 ? null : found.reduce((a, b) => a + b, 0) / found.length;
};

/** PostgreSQL with all its sessions, without shared buffers, which fill up to their configured size; null while it is young. */
export const postgresMb = (pid: number): number | null =>
  ageSeconds(pid) < WARM_UP_S
    ? null
    : [pid, ...childrenOf(pid)].reduce((sum, each) => sum + shareMb(each, "private"), 0);

/** The line through the samples, by least squares; null: too few. */
export const courseOf = (samples: readonly Sample[]): Course | null => {
  const [first] = samples;
  const last = samples.at(-1);
  if (first === undefined || last === undefined || samples.length < 4) return null;
  const mean = (pick: (sample: Sample) => number): number =>
    samples.reduce((sum, sample) => sum + pick(sample), 0) / samples.length;
  const atMean = mean(({ atS }) => atS);
  const mbMean = mean(({ mb }) => mb);
  const spread = mean(({ atS }) => (atS - atMean) ** 2);
  const together = mean(({ atS, mb }) => (atS - atMean) * (mb - mbMean));
  return { firstMb: first.mb, lastMb: last.mb, mbPerHour: (together / spread) * 3_600 };
};
