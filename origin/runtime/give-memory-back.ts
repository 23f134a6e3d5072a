// Gives the memory that a start has used back to the operating system. To load a program makes much garbage, and V8 keeps
// the pages for more of it: of an idle origin they were 100 MB. Each thread has a heap of its own and calls this for itself, at
// the end of its start, when nobody waits for it. Afterwards the heap grows as far as the load needs, as ever; a smaller limit
// (--max-semi-space-size) would hold it down under load too.
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

type CollectGarbage = (options: { type: "major"; execution: "sync"; flavor: "last-resort" }) => void;

/** Takes some 50 ms, in which this thread does nothing else. */
export const giveMemoryBack = (): void => {
  // V8's own collection when memory runs out. It alone shrinks the young generation and frees the pages that it has pooled.
  setFlagsFromString("--expose-gc");
  const collect: CollectGarbage = runInNewContext("gc");
  setFlagsFromString("--no-expose-gc");
  collect({ type: "major", execution: "sync", flavor: "last-resort" });
};
