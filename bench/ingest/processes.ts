// CPU time and memory of processes, from Linux's own accounting.
import { readdir, readFile } from "node:fs/promises";

/** Fields of /proc/<pid>/stat after the command, which may hold spaces itself. */
const statOf = async (pid: number): Promise<string[]> => {
  const line = await readFile(`/proc/${pid}/stat`, "utf8");
  return line.slice(line.lastIndexOf(")") + 2).split(" ");
};

const TICKS_PER_SECOND = 100;

const childrenOf = async (parent: number): Promise<number[]> => {
  const found: number[] = [];
  for (const name of await readdir("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const stat = await statOf(Number(name)).catch(() => undefined);
    if (Number(stat?.[1]) === parent) found.push(Number(name));
  }
  return found;
};

/** CPU seconds of a process with all its threads, its living children and those that have ended. */
export const cpuSeconds = async (pid: number): Promise<number> => {
  const own = await statOf(pid);
  let ticks = Number(own[11]) + Number(own[12]) + Number(own[13]) + Number(own[14]);
  for (const child of await childrenOf(pid)) {
    const stat = await statOf(child).catch(() => undefined);
    if (stat !== undefined) ticks += Number(stat[11]) + Number(stat[12]);
  }
  return ticks / TICKS_PER_SECOND;
};

/** CPU of a process that has no children and whose threads stay. Exact to the nanosecond, where `cpuSeconds` counts ticks of 10 ms. */
export const threadsCpuMs = async (pid: number): Promise<number> => {
  const spent = (await readdir(`/proc/${pid}/task`)).map(async (thread) => {
    const line = await readFile(`/proc/${pid}/task/${thread}/schedstat`, "utf8");
    return Number(line.split(" ")[0]) / 1e6;
  });
  return (await Promise.all(spent)).reduce((sum, ms) => sum + ms, 0);
};

/** MB of memory that a process has in RAM. */
export const residentMb = async (pid: number): Promise<number> => {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1_024;
};
