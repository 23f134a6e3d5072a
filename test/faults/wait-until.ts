// Waits for a state of the installation, for so long and no longer. A run that does not go on says what it waited for, and how things
// stood when it gave up.
import { setTimeout as sleep } from "node:timers/promises";
import { errorText } from "../../origin/runtime/error-text.ts";

/** `look`: false or undefined: not yet; what it throws is not yet either, and is told if it was the last answer. */
export const waitUntil = async <T>(
  what: string,
  look: () => Promise<T | undefined | false>,
  timeoutMs: number,
  standing: () => Promise<string> = async () => "",
): Promise<T> => {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    let failure = "";
    try {
      const found = await look();
      if (found !== undefined && found !== false) return found;
    } catch (error) {
      failure = `; the last look failed: ${errorText(error)}`;
    }
    if (performance.now() > deadline)
      throw new Error(`waited ${timeoutMs / 1_000} s until ${what}, in vain${failure}\n${await standing()}`);
    await sleep(50);
  }
};
