// What a new isolate costs: the size of what it loads, the CPU time until it has answered its first visitor, the memory
// that it holds then, and the CPU time in which it takes in a snapshot of 1,000 rich features.
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { freePort } from "../../origin/db/free-port.ts";
import { heldBy } from "../../test/support/isolate-heap.ts";
import { median } from "../figures.ts";
import { bundleSteps, takenInMs, takeSteps } from "../snapshot/take-steps.ts";
import { serve, type Serving } from "./workerd.ts";

const ISOLATES = 7;

export type Worker = Omit<Serving, "port" | "inspectorPort">;

const round = (value: number): number => Math.round(value * 100) / 100;

const gzippedKb = async (bundleDir: string): Promise<number> => {
  const modules = (await readdir(bundleDir)).filter((file) => /\.(?:js|wasm)$/.test(file));
  const sizes = await Promise.all(
    modules.map(async (file) => gzipSync(await readFile(join(bundleDir, file))).length),
  );
  return sizes.reduce((sum, size) => sum + size, 0) / 1_000;
};

/** CPU ms of a process of its own from its start to its first answer. */
const untilAnswered = async (folder: string, worker: Worker): Promise<number> => {
  const served = await serve(folder, { ...worker, port: await freePort() });
  const ms = served.cpuUs() / 1_000;
  await served.stop();
  return ms;
};

const heldMb = async (folder: string, worker: Worker): Promise<number> => {
  const inspectorPort = await freePort();
  const served = await serve(folder, { ...worker, port: await freePort(), inspectorPort });
  try {
    const { heapMb, outsideMb } = await heldBy(inspectorPort, "main");
    return heapMb + outsideMb;
  } finally {
    await served.stop();
  }
};

/** `coldMs` is what the gate takes beyond the pass-through, in turns. `folder`: where workerd finds their bundles. */
export const coldFigures = async (folder: string, gate: Worker, passThrough: Worker) => {
  const beyond: number[] = [];
  for (let i = 0; i < ISOLATES; i++)
    beyond.push((await untilAnswered(folder, gate)) - (await untilAnswered(folder, passThrough)));
  const stepsFolder = await mkdtemp(join(tmpdir(), "sluice-bench-cold-"));
  try {
    await bundleSteps(stepsFolder);
    const takenIn: number[] = [];
    for (let i = 0; i < ISOLATES; i++) takenIn.push(takenInMs(await takeSteps(stepsFolder, "rich")));
    return {
      bundleGzippedKb: round(await gzippedKb(gate.bundleDir)),
      coldMs: round(median(beyond)),
      isolateMb: round(await heldMb(folder, gate)),
      rich1000ColdMs: round(median(takenIn)),
    };
  } finally {
    await rm(stepsFolder, { recursive: true, force: true });
  }
};
