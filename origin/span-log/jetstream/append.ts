// Appends to JetStream's log: each block of a commit is a message of its partition's stream. A commit is durable when all of its
// messages are acknowledged. One whose acknowledgement was lost may be in the log: its clients send again, and the fold finds
// the spans that it has counted by their keys.
import { jetstream } from "@nats-io/jetstream";
import { makeGroupCommits } from "../group-commit.ts";
import type { SpanLog } from "../span-log.ts";
import type { NatsLink } from "./link.ts";
import { encodeMessage } from "./message.ts";
import { streamOf, subjectOf, type JetStreamSettings } from "./settings.ts";

/** A client that has no answer by then is told to send again. */
const ACKNOWLEDGED_MS = 5_000;
const MAX_BLOCK_BYTES = 256 * 1_024;
/** One waits for the replicas while another gathers. More would only make the blocks smaller. */
const COMMITS_AT_ONCE = 3;

export const makeJetStreamLog = (options: {
  link: NatsLink;
  settings: JetStreamSettings;
  /** how many the log has */
  partitions: number;
  gatherMs?: number;
}): SpanLog => {
  const { link, settings, partitions, gatherMs = 2 } = options;

  const publish = async (partition: number, message: Buffer): Promise<void> => {
    const stream = streamOf(settings, partition);
    const connection = link.connection();
    const acknowledged = await jetstream(connection, { timeout: ACKNOWLEDGED_MS }).publish(
      subjectOf(settings, partition),
      message,
    );
    if (acknowledged.stream !== stream)
      throw new Error(
        `the stream ${acknowledged.stream} took a block of ${stream}: their subjects are the same`,
      );
  };

  return makeGroupCommits({
    partitions,
    gatherMs,
    atOnce: COMMITS_AT_ONCE,
    maxBlockBytes: MAX_BLOCK_BYTES,
    commit: async (blocks) => {
      const messages = blocks.map((block) => ({
        partition: block.partition,
        message: encodeMessage(block),
      }));
      // All have ended before the commit has: their memory is pending until then.
      const published = await Promise.allSettled(
        messages.map(({ partition, message }) => publish(partition, message)),
      );
      const failed = published.find((result) => result.status === "rejected");
      if (failed !== undefined) throw failed.reason;
    },
  });
};
