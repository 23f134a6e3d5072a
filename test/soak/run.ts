// A soak: visitors come in all the time, a random fault strikes each minute, and features change. It counts what visitors got, looks
// at the memory of every process, and after each fault at whether everything agrees again.
import { setTimeout as sleep } from "node:timers/promises";
import { errorText } from "../../origin/runtime/error-text.ts";
import { seededRandom } from "../../scripts/demo/random.ts";
import { disagreements } from "../chaos/agreement.ts";
import { createAll, makeChange, type Acknowledged } from "../chaos/changes.ts";
import { drawFault } from "../chaos/faults.ts";
import { startVisits } from "../chaos/visits.ts";
import { startWorld } from "../chaos/world.ts";
import { ownWorkerds } from "../support/linux-processes.ts";
import { courseOf, meanMb, postgresMb, type Course, type Sample } from "./memory.ts";

const FAULT_EVERY_MS = 60_000;
/** The rest of the minute is for everything to agree again. */
const FAULT_LASTS_MS = [3_000, 8_000, 15_000];
const CHANGE_EVERY_MS = 1_000;
const SAMPLE_EVERY_MS = 15_000;
/**
 * workerd collects garbage late and keeps freed pages, so under visits it goes up and down between 160 and 540 MB, while what the
 * Worker's isolates hold stays below 5. It is told and not judged.
 */
export const RUNTIME = "workerd, with garbage and freed pages";

export type SoakReport = {
  readonly visits: number;
  /** Requests that were not answered, or not as they should be. */
  readonly failed: number;
  /** What happened to them: a line for each thing that happened in one fault. */
  readonly failures: readonly string[];
  /** Requests that the balancer sent to another edge, since the first one went away. */
  readonly repeated: number;
  readonly faults: number;
  readonly changes: number;
  /** Of each fault from its end until everything agreed; a line for each that took too long. */
  readonly recoveredMs: readonly number[];
  readonly disagreements: readonly string[];
  readonly memory: Readonly<Record<string, Course>>;
};

export const runSoak = async (options: {
  minutes: number;
  seed: number;
  visitorsPerSecond: number;
  say: (line: string) => void;
}): Promise<SoakReport> => {
  const { minutes, seed, visitorsPerSecond, say } = options;
  const random = seededRandom(seed);
  const pick = <T>(from: readonly T[]): T => {
    const one = from[Math.floor(random() * from.length)];
    if (one === undefined) throw new Error("nothing to pick from");
    return one;
  };
  const world = await startWorld({ balanced: true });
  try {
    await createAll(world);
    const begunAt = performance.now();
    const elapsedS = (at = performance.now()): number => Math.round((at - begunAt) / 1_000);
    let doing = "before the first fault";
    let failed = 0;
    const failures = new Map<string, { count: number; fromS: number; toS: number }>();
    const visits = await startVisits(world, {
      perSecond: visitorsPerSecond,
      path: "/",
      onFailed: ({ sentAt, what }) => {
        failed += 1;
        const key = `${doing}: ${what}`;
        const atS = elapsedS(sentAt);
        const { count, fromS } = failures.get(key) ?? { count: 0, fromS: atS };
        failures.set(key, { count: count + 1, fromS, toS: atS });
      },
    });

    const series = new Map<string, Sample[]>();
    const heldByIsolates = async (): Promise<number | null> => {
      const held = await Promise.all(world.edges.map((edge) => edge.heldMb().catch(() => null)));
      const found = held.filter((mb) => mb !== null);
      return found.length === 0 ? null : found.reduce((sum, mb) => sum + mb, 0) / found.length;
    };
    const sample = async (): Promise<void> => {
      const found = {
        "origin process": meanMb(world.origins.map((origin) => origin.current().pid)),
        "Worker's isolate": await heldByIsolates(),
        [RUNTIME]: meanMb(ownWorkerds()),
        "PostgreSQL with its sessions": postgresMb(world.postgresPid()),
        "Redis node": meanMb(world.redis.nodes.map((node) => node.process.pid ?? 0)),
      };
      for (const [name, mb] of Object.entries(found)) {
        if (mb === null) continue;
        series.set(name, [...(series.get(name) ?? []), { atS: elapsedS(), mb }]);
      }
    };
    const over = new AbortController();
    const every = async (everyMs: number, work: () => Promise<unknown>): Promise<void> => {
      while (!over.signal.aborted) {
        await work();
        await sleep(everyMs, undefined, { signal: over.signal }).catch(() => {});
      }
    };
    const sampling = every(SAMPLE_EVERY_MS, sample);
    let acknowledged: Acknowledged[] = [];
    let changes = 0;
    // Nothing changes while it is asked whether everything agrees.
    let isAsking = false;
    const changing = every(CHANGE_EVERY_MS, async () => {
      if (isAsking) return;
      const done = await makeChange(world, pick);
      if (done === null) return;
      changes += 1;
      acknowledged.push(done);
    });

    const recoveredMs: number[] = [];
    const disagreed: string[] = [];
    for (let minute = 1; minute <= minutes; minute += 1) {
      const fault = drawFault(world, pick);
      const lastsMs = pick(FAULT_LASTS_MS);
      const failedBefore = failed;
      doing = `while "${fault.name}"`;
      try {
        await fault.begin();
        await sleep(lastsMs);
        await fault.end();
      } catch (error) {
        disagreed.push(`minute ${minute}, ${fault.name} could not be played: ${errorText(error)}`);
      }
      const promoted = fault.promoted?.();
      if (promoted !== undefined)
        acknowledged = acknowledged.filter(({ revision }) => revision <= promoted.revision);
      doing = `after "${fault.name}"`;
      const healedAt = performance.now();
      const deadlineMs = Math.max(healedAt + 20_000, begunAt + minute * FAULT_EVERY_MS);
      isAsking = true;
      let problems = ["not asked yet"];
      while (problems.length > 0 && performance.now() < deadlineMs) {
        problems = await disagreements(world, acknowledged);
        if (problems.length > 0) await sleep(100);
      }
      isAsking = false;
      const ms = Math.round(performance.now() - healedAt);
      if (problems.length === 0) recoveredMs.push(ms);
      else disagreed.push(`minute ${minute}, ${fault.name}: ${problems.join("; ")}`);
      say(
        `${elapsedS()} s, minute ${minute}/${minutes}: ${fault.name} for ${lastsMs / 1_000} s; ` +
          (problems.length === 0
            ? `agreed again after ${ms} ms`
            : `STILL DISAGREES: ${problems.join("; ")}`) +
          `; ${visits.count()} visits, ${failed - failedBefore} failed in this minute`,
      );
      await sleep(Math.max(0, begunAt + minute * FAULT_EVERY_MS - performance.now()));
    }
    over.abort();
    await Promise.all([sampling, changing]);
    await visits.end();
    const memory: Record<string, Course> = {};
    for (const [name, samples] of series) {
      const course = courseOf(samples);
      if (course !== null) memory[name] = course;
    }
    return {
      visits: visits.count(),
      failed,
      failures: [...failures].map(
        ([what, { count, fromS, toS }]) => `${count} requests, ${fromS} to ${toS} s, ${what}`,
      ),
      repeated: await visits.repeated(),
      faults: minutes,
      changes,
      recoveredMs,
      disagreements: disagreed,
      memory,
    };
  } finally {
    await world.stop();
  }
};
