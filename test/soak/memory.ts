// The memory of each process of the stack over the time of a soak, from Linux's own accounting.
import { readdir, readFile } from "node:fs/promises";

export type Sample = { readonly atS: number; readonly mb: number };
/** Of one kind of process: how its memory went. Pure. */
export type Course = { readonly firstMb: number; readonly lastMb: number; readonly mbPerHour: number };

const statusOf = (pid: number | string): Promise<string> =>
  readFile(`/proc/${pid}/status`, "utf8").catch(() => "");
const fieldOf = (text: string, name: string): number =>
  Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(text)?.[1] ?? 0);

/** MB in RAM. What processes share is divided among them. `private`: without what is shared or stands in a file. */
const residentMb = async (pid: number, which: "all" | "private" = "all"): Promise<number> => {
  const text = await readFile(`/proc/${pid}/smaps_rollup`, "utf8").catch(() => "");
  return fieldOf(text, which === "all" ? "Pss" : "Pss_Anon") / 1_024;
};

/** Seconds since it was started. */
const ageS = async (pid: number): Promise<number> => {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
  const uptime = Number((await readFile("/proc/uptime", "utf8")).split(" ")[0]);
  return uptime - Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? 0) / 100;
};

const childrenOf = async (parent: number, name?: string): Promise<number[]> => {
  const pids = (await readdir("/proc")).filter((each) => /^\d+$/.test(each));
  const found: number[] = [];
  for (const pid of pids) {
    const status = await statusOf(pid);
    if (fieldOf(status, "PPid") !== parent) continue;
    if (name === undefined || status.startsWith(`Name:\t${name}`)) found.push(Number(pid));
  }
  return found;
};

/** A process that was started lately still grows into its work. */
export const WARM_UP_S = 150;

/** The mean of the processes, without those that were started lately; null: there is no other. */
export const meanMb = async (pids: readonly number[]): Promise<number | null> => {
  const found: number[] = [];
  for (const pid of pids) {
    if ((await ageS(pid)) < WARM_UP_S) continue;
    const mb = await residentMb(pid);
    if (mb > 0) found.push(mb);
  }
  return found.length === 0 ? null : found.reduce((a, b) => a + b, 0) / found.length;
};

export const workerds = (): Promise<number[]> => childrenOf(process.pid, "workerd");

/** PostgreSQL with all its sessions, without shared buffers, which fill up to their configured size; null while it is young. */
export const postgresMb = async (pid: number): Promise<number | null> => {
  if ((await ageS(pid)) < WARM_UP_S) return null;
  let sum = await residentMb(pid, "private");
  for (const child of await childrenOf(pid)) sum += await residentMb(child, "private");
  return sum;
};

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
