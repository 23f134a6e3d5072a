// A Cloudflare Queue, where one is bound, takes the telemetry that the origin does not take. An isolate can hold a batch
// for a while; a queue holds it for days, and this Worker's own consumer brings it to the origin.
import { within } from "../waiting.ts";
import type { Batch } from "./span-writer.ts";
import { answerOf, isRefused, isTaken, type Post, type PostAnswer } from "./post-traces.ts";
import { logLine } from "../../shared/telemetry/log-line.ts";

/** Shorter than the exporter's limit, within which the queue has to answer too. */
const ASK_MS = 2_500;
/** The consumer has minutes, and an origin that is starved acknowledges late. */
const FORWARD_MS = 20_000;
/** After a failure everything goes to the queue for this long. */
const ROUND_MS = 10_000;
/** With 100 tries, the most that a queue allows, a message is tried for an hour and a half. */
const MAX_DELAY_S = 60;

const askOrigin = (post: Post, body: BufferSource, limitMs: number): Promise<PostAnswer> =>
  within(limitMs, post(body), "telemetry").catch(() => answerOf(0));

/** The exporter's `post`: to the origin, else into the queue (202). Rejects when the queue does not take it either. */
export const makePostOrQueue = (options: {
  post: Post;
  queue: Pick<Queue<Uint8Array>, "send">;
  now: () => number;
}): ((batch: Batch) => Promise<PostAnswer>) => {
  const { post, queue, now } = options;
  let roundUntil = 0;

  return async ({ body }) => {
    if (now() >= roundUntil) {
      const answer = await askOrigin(post, body, ASK_MS);
      if (isTaken(answer.status) || isRefused(answer.status)) return answer;
      roundUntil = now() + ROUND_MS;
    }
    await queue.send(body, { contentType: "bytes" });
    return answerOf(202);
  };
};

/** The queue's consumer. A message that the origin does not take now waits in the queue, longer each time. */
export const forwardQueued = async (batch: MessageBatch<ArrayBuffer>, post: Post): Promise<void> => {
  let isAway = false;
  for (const message of batch.messages) {
    const { status, rejected, reason } = isAway
      ? answerOf(0)
      : await askOrigin(post, message.body, FORWARD_MS);
    if (isTaken(status)) {
      if (rejected > 0)
        // oxlint-disable-next-line no-console -- the Worker's log is the only place where it can be seen
        console.warn(
          logLine("warning", `the origin refused ${rejected} spans of queued telemetry: ${reason}`, {
            at: new Date(),
            rejected,
          }),
        );
      message.ack();
    } else if (isRefused(status)) {
      // oxlint-disable-next-line no-console -- the Worker's log is the only place where it can be seen
      console.error(
        logLine(
          "error",
          `the origin refused queued telemetry with status ${status}; the message is dropped`,
          {
            at: new Date(),
            status,
          },
        ),
      );
      message.ack();
    } else {
      isAway = true;
      message.retry({ delaySeconds: Math.min(MAX_DELAY_S, 2 ** message.attempts) });
    }
  }
};
