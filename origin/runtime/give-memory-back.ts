// Gives memory that is not needed any more back to the operating system. To load a program makes much garbage, and so does
// load that has passed; V8 keeps the pages for more of it. Of an idle origin they were 100 MB. Each thread has a heap of its
// own and does this for itself. Under load the heap grows as far as it has to, as ever; a smaller limit
// (--max-semi-space-size) would hold it down there too.
import { getHeapStatistics, setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

type CollectGarbage = (options: { type: "major"; execution: "sync"; flavor: "last-resort" }) => void;

const LOOK_EVERY_MS = 60_000;
/** Share of the time in which a thread may have worked and still counts as idle. */
const IDLE_BELOW = 0.1;
/** Less is not worth the pause. */
const WORTH_BYTES = 4 * 2 ** 20;

/** Of V8: after so many collections in which a function did not run, its compiled code is given up. */
const CODE_IS_OLD_AFTER = 6;

/** The thread does nothing else meanwhile: it takes some tenths of a second on a busy machine. */
export const giveMemoryBack = (): void => {
  // V8's own collection when memory runs out. It alone shrinks the young generation and frees the pages that it has pooled.
  // The flag belongs to the whole process, so it stays set: if a thread took it back, others that are between these two lines
  // would find no `gc`. Threads that start later see that name, and nothing reads it.
  setFlagsFromString("--expose-gc");
  const collect: CollectGarbage = runInNewContext("gc");
  // What ran at the start only goes at once. Another thread may set the number back before this one has collected: then that
  // code is given up the next time.
  setFlagsFromString("--bytecode-old-age=1");
  collect({ type: "major", execution: "sync", flavor: "last-resort" });
  setFlagsFromString(`--bytecode-old-age=${CODE_IS_OLD_AFTER}`);
};

/** Whether a heap that had `afterBytes` after it last gave memory back should do so again. Pure. */
export const isWorthGivingBack = (now: {
  heapBytes: number;
  afterBytes: number;
  workedShare: number;
}): boolean => now.workedShare < IDLE_BELOW && now.heapBytes - now.afterBytes >= WORTH_BYTES;

/** Called at the end of a thread's start, when nobody waits for it; looks again each minute, until the thread ends. */
export const keepMemorySmall = (everyMs = LOOK_EVERY_MS): void => {
  const give = (): number => {
    giveMemoryBack();
    return getHeapStatistics().total_heap_size;
  };
  let afterBytes = give();
  let before = performance.eventLoopUtilization();
  setInterval(() => {
    const now = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(now, before);
    before = now;
    const heapBytes = getHeapStatistics().total_heap_size;
    if (isWorthGivingBack({ heapBytes, afterBytes, workedShare: utilization })) afterBytes = give();
  }, everyMs).unref();
};
