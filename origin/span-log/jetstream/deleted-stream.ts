// What is gone with a stream that a person has deleted. An origin makes it again, and the fold begins with the new one.
import type { EndedStream } from "./stream-writers.ts";

/** Processes look at their streams every 20 s: one that was looked at so shortly before it was made anew was in use. */
const IN_USE_MS = 60_000;

/** Null where nothing is to be said. `before`: the stream that had the name; `folded`: its last block that is counted. */
export const describeDeleted = ({
  name,
  createdMs,
  before,
  folded,
}: {
  readonly name: string;
  readonly createdMs: number;
  readonly before: EndedStream;
  readonly folded: number;
}): { readonly isLoss: boolean; readonly text: string } | null => {
  const what = `the stream ${name} was deleted, and a new one has its name`;
  const { lastSeq, lookedAt } = before;
  if (lastSeq === null)
    return {
      isLoss: true,
      text: `${what}: of the old one ${folded} blocks are counted, and nobody knows how many it had`,
    };
  if (lastSeq > folded)
    return {
      isLoss: true,
      text: `${what}: of the old one ${folded} blocks are counted, and it had ${lastSeq} when it was last looked at`,
    };
  // One that nobody used any more was deleted with reason, and the log came back to JetStream later.
  return createdMs - (lookedAt?.getTime() ?? 0) >= IN_USE_MS
    ? null
    : {
        isLoss: false,
        text: `${what}: all blocks that the old one had when it was last looked at are counted; of those that came later nothing is known`,
      };
};
