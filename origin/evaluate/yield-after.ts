// Long work on the event loop, in turns with everything else that the process does.
import { setImmediate } from "node:timers/promises";

/** A function to be awaited often: it lets other work pass when `ms` have gone by without a pause. */
export const makeYieldAfter = (ms: number): (() => Promise<void>) => {
  let beganAt = performance.now();
  return async () => {
    if (performance.now() - beganAt <= ms) return;
    await setImmediate();
    beganAt = performance.now();
  };
};
