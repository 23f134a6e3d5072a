// The exporter: gathers spans in the isolate and sends them to the origin in batches after the responses. A full batch
// leaves with the request that filled it. What is not full leaves when it has gathered for a while: requests take turns at
// that, and at trying again.
import type { WaitUntil } from "../snapshot/cache.ts";
import { makeTurns, type Turn } from "../turns.ts";
import { sleep } from "../waiting.ts";
import { makeBatchSender } from "./batch-sender.ts";
import { isTaken, type PostAnswer } from "./post-traces.ts";
import { SpanWriter, type Batch, type RequestSpans } from "./span-writer.ts";

/**
 * In spans. `sent`: taken by the origin or the queue. `refused`: the origin will never count them. `dropped`: they found
 * no room while the origin was away.
 */
export type ExporterStats = Readonly<Record<"sent" | "refused" | "dropped" | "waiting", number>>;

export type Exporter = {
  readonly add: (spans: RequestSpans, waitUntil: WaitUntil) => void;
  readonly stats: () => ExporterStats;
};

/** How long spans gather before they are sent, unless there is a batch of them. */
const GATHER_MS = 500;
/** Another request takes over after this; it has more time for an origin that answers late. */
const HAND_ON_MS = 8_000;
/** A turn that no other request takes over lasts this long: the platform cancels work 30 s after its request. */
const TURN_MS = 20_000;
/** The platform gives a request six connections at once, and its upstream and the watch need some too. */
const MAX_SENDING = 4;

/** `post` resolves to the answer: a status of 2xx is durable, and `isRefused` says which will never be accepted. */
export const makeExporter = (options: {
  post: (batch: Batch) => Promise<PostAnswer>;
  now: () => number;
  random: (bytes: number) => Uint8Array;
  region: string;
  /** Of spans that will never count: somebody has to know why. */
  warn: (text: string) => void;
}): Exporter => {
  const { post, now, random, region, warn } = options;
  const takeTurn = makeTurns();
  let sent = 0;
  let refused = 0;
  let dropped = 0;

  const noteTaken = (batch: Batch, { rejected, reason }: PostAnswer): void => {
    sent += batch.spans - rejected;
    refused += rejected;
    writer.droppedSpans += rejected;
    if (rejected > 0) warn(`the origin refused ${rejected} of ${batch.spans} spans: ${reason}`);
  };

  const noteRefused = (batch: Batch, { status }: PostAnswer): void => {
    refused += batch.spans;
    writer.droppedSpans += batch.spans + batch.droppedSpans;
    warn(`the origin refused ${batch.spans} spans with status ${status}: check ORIGIN_URL and INGEST_TOKEN`);
  };

  const sender = makeBatchSender({
    post,
    now,
    ended: (batch, answer) =>
      isTaken(answer.status) ? noteTaken(batch, answer) : noteRefused(batch, answer),
    dropped: (batch) => {
      dropped += batch.spans;
      writer.droppedSpans += batch.spans + batch.droppedSpans;
    },
  });
  const writer = new SpanWriter({ region, random, full: sender.add });

  const sendInTurn = async (turn: Turn, beganMs: number, waitUntil: WaitUntil): Promise<void> => {
    let sending = 0;
    const send = async (): Promise<void> => {
      sending++;
      await sender.send(beganMs);
      sending--;
    };
    do {
      await sleep(GATHER_MS);
      if (!turn.isMine()) return;
      sender.takeBackLost();
      if (sending === MAX_SENDING) continue;
      if (writer.spans > 0 && sender.hasRoom()) sender.add(writer.take());
      if (sender.isAnyWaiting()) waitUntil(send());
    } while (writer.spans + sender.spans() > 0 && now() - beganMs < TURN_MS);
    turn.end();
  };

  return {
    add: (spans, waitUntil) => {
      writer.write(spans);
      const nowMs = now();
      const sending = sender.isAnyWaiting() ? sender.send(nowMs) : null;
      if (sending !== null) waitUntil(sending);
      const turn = takeTurn(nowMs, nowMs + HAND_ON_MS);
      if (turn !== null) waitUntil(sendInTurn(turn, nowMs, waitUntil));
    },
    stats: () => ({ sent, refused, dropped, waiting: writer.spans + sender.spans() }),
  };
};
