// The processes of this machine and what they take, as Linux tells it under /proc. It is read without waiting, because a process that
// ends looks for its children too.
import { readdirSync, readFileSync } from "node:fs";

export type LinuxProcess = {
  readonly pid: number;
  readonly parent: number;
  readonly name: string;
  /** It has ended, and its parent has not yet waited for it. */
  readonly isZombie: boolean;
};

const TICKS_PER_SECOND = 100;

/** Empty where the process has ended. */
export const procFile = (pid: number, file: string): string => {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "utf8");
  } catch {
    return "";
  }
};

/** The fields of /proc/<pid>/stat that follow the name, which may have spaces and brackets itself: state, parent, … */
const statFields = (stat: string): string[] => stat.slice(stat.lastIndexOf(")") + 2).split(" ");

export const allProcesses = (): LinuxProcess[] =>
  readdirSync("/proc").flatMap((folder) => {
    const pid = Number(folder);
    const stat = Number.isInteger(pid) ? procFile(pid, "stat") : "";
    if (stat === "") return [];
    const [state, parent] = statFields(stat);
    const name = stat.slice(stat.indexOf("(") + 1, stat.lastIndexOf(")"));
    return [{ pid, parent: Number(parent), name, isZombie: state === "Z" }];
  });

/** Pids of the children; `name`: only of those that run this program. */
export const childrenOf = (parent: number, name?: string): number[] =>
  allProcesses()
    .filter((each) => each.parent === parent && (name === undefined || each.name === name))
    .map(({ pid }) => pid);

/** The edges that this process has started. */
export const ownWorkerds = (): number[] => childrenOf(process.pid, "workerd");

export const ageSeconds = (pid: number): number => {
  const uptime = Number(readFileSync("/proc/uptime", "utf8").split(" ")[0]);
  return uptime - Number(statFields(procFile(pid, "stat"))[19]) / TICKS_PER_SECOND;
};

/** CPU seconds of a process with all its threads, its living children and those that have ended. Throws where it has ended itself. */
export const cpuSeconds = (pid: number): number => {
  const own = statFields(readFileSync(`/proc/${pid}/stat`, "utf8"));
  const ofChildren = childrenOf(pid).map((child) => statFields(procFile(child, "stat")));
  const ticks = [own.slice(11, 15), ...ofChildren.map((stat) => stat.slice(11, 13))].flat();
  return ticks.reduce((sum, each) => sum + Number(each), 0) / TICKS_PER_SECOND;
};

/** CPU of a process that has no children and whose threads stay. Exact to the nanosecond, where `cpuSeconds` counts ticks of 10 ms. */
export const threadsCpuMs = (pid: number): number =>
  readdirSync(`/proc/${pid}/task`)
    .map((thread) => Number(procFile(pid, `task/${thread}/schedstat`).split(" ")[0]) / 1e6)
    .reduce((sum, ms) => sum + ms, 0);

/** MB of a line such as `VmRSS:   1024 kB`; 0 where there is none. */
export const megabytesIn = (text: string, field: string): number =>
  Number(new RegExp(`^${field}:\\s+(\\d+)`, "m").exec(text)?.[1] ?? 0) / 1_024;

/** MB of memory that a process has in RAM. */
export const residentMb = (pid: number): number => megabytesIn(procFile(pid, "status"), "VmRSS");
