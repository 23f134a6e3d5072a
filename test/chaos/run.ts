// A run of random faults, each followed by the check that everything agrees again. The seed decides the faults, their
// order and the changes meanwhile: the same seed plays the same run.
import { setTimeout as sleep } from "node:timers/promises";
import { seededRandom } from "../../scripts/demo/random.ts";
import { disagreements, reopenedOf } from "./agreement.ts";
import { createAll, makeChange, type Acknowledged } from "./changes.ts";
import { drawFault, promotions } from "./faults.ts";
import { startVisits } from "./visits.ts";
import { SLOW_PAGE, startWorld } from "./world.ts";

/** From the end of a fault until everything must agree. */
const RECOVERY_MS = 30_000;

export type ChaosReport = {
  readonly faults: number;
  readonly acknowledged: number;
  /** From the end of each fault until everything agreed. */
  readonly recoveredMs: readonly number[];
  /** Of visitors, when there were any. */
  readonly visits: number;
  /** A line for each of their requests that was not answered, or not as it should be. */
  readonly failures: readonly string[];
  /** Those that the balancer sent to another edge, since the first one went away. */
  readonly repeated: number;
};

/** Throws with the seed, the fault and every disagreement as soon as one lasts too long. */
export const runChaos = async (options: {
  seed: number;
  faults: number;
  /** Begins with the promotion of a synchronous and of a lagging standby. */
  beginsWithPromotions?: boolean;
  /** They come through a balancer all the while. */
  visitorsPerSecond?: number;
  say: (line: string) => void;
}): Promise<ChaosReport> => {
  const { seed, faults, beginsWithPromotions = false, visitorsPerSecond = 0, say } = options;
  const random = seededRandom(seed);
  const pick = <T>(from: readonly T[]): T => {
    const one = from[Math.floor(random() * from.length)];
    if (one === undefined) throw new Error("nothing to pick from");
    return one;
  };
  const world = await startWorld({ balanced: visitorsPerSecond > 0 });
  let visits: Awaited<ReturnType<typeof startVisits>> | undefined;
  try {
    await createAll(world);
    let doing = "before the first fault";
    const failures: string[] = [];
    if (visitorsPerSecond > 0)
      visits = await startVisits(world, {
        perSecond: visitorsPerSecond,
        path: SLOW_PAGE,
        onFailed: ({ what }) => failures.push(`${doing}: ${what}`),
      });
    const first = beginsWithPromotions ? [...promotions(world)] : [];
    let acknowledged: Acknowledged[] = [];
    const recoveredMs: number[] = [];
    for (let number = 1; number <= faults; number += 1) {
      const fault = first.shift() ?? drawFault(world, pick);
      doing = `fault ${number}, ${fault.name}`;
      const change = async () => {
        const done = await makeChange(world, pick);
        if (done !== null) acknowledged.push(done);
      };
      // Some changes are under way when the fault strikes, some are made while it lasts.
      const underWay = Promise.all([change(), change()]);
      await fault.begin();
      await Promise.all([change(), change(), change(), sleep(pick([100, 500, 1_500]))]);
      await fault.end();
      // An asynchronous standby lacks what it lacks, closes apart.
      const promoted = fault.promoted?.();
      if (promoted !== undefined)
        acknowledged = acknowledged.filter(({ revision }) => revision <= promoted.revision);
      await underWay;

      const healedAt = performance.now();
      for (;;) {
        const problems = await disagreements(world, acknowledged);
        if (problems.length === 0) break;
        if (performance.now() - healedAt > RECOVERY_MS) {
          const output = world.origins.map((origin) => origin.current().output().slice(-2_000)).join("\n");
          throw new Error(
            `seed ${seed}, fault ${number} (${fault.name}): these still disagree:\n${problems.join("\n")}\n` +
              `${await world.redis.views()}\n${output}`,
          );
        }
        await sleep(50);
      }
      const reopened = promoted === undefined ? [] : await reopenedOf(world, promoted.closed);
      if (reopened.length > 0)
        throw new Error(`seed ${seed}, fault ${number} (${fault.name}): reopened ${reopened.join()}`);
      recoveredMs.push(performance.now() - healedAt);
      say(
        `${number}/${faults} ${fault.name}: everything agreed again after ${Math.round(recoveredMs.at(-1) ?? 0)} ms`,
      );
    }
    await visits?.end();
    return {
      faults,
      acknowledged: acknowledged.length,
      recoveredMs,
      visits: visits?.count() ?? 0,
      failures,
      repeated: (await visits?.repeated()) ?? 0,
    };
  } finally {
    visits?.stop();
    await world.stop();
  }
};
