// The exporter: gathers spans in the isolate and sends them to the origin in batches after the responses. While the
// origin is away, a bounded number of batches waits; the oldest spans are dropped and counted. A batch whose
// acknowledgement was lost is sent again with the same ids, and the origin counts it once.
import type { WaitUntil } from "../snapshot/cache.ts";
import { makeTurns, type Turn } from "../turns.ts";
import { sleep, within } from "../waiting.ts";
import { answerOf, type PostAnswer } from "./post-traces.ts";
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

/** Full batches that wait, of 112 KiB each: 4 MB, some 18,000 spans. */
const MAX_WAITING = 36;
/** How long spans gather before they are sent, unless there is a batch of them. */
const GATHER_MS = 500;
const SEND_MS = 5_000;
const RETRY_MS = 1_000;
/** The platform cancels work 30 s after its request: another request takes over before that. */
const TURN_MS = 20_000;

/** The origin will never accept it. */
export const isRefused = (status: number): boolean =>
  status >= 400 && status < 500 && status !== 408 && status !== 429;

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
  let waiting: Batch[] = [];
  /** The batch under way. It waits again when it fails, or when the request that sends it is cancelled. */
  let sending: Batch | null = null;
  let sent = 0;
  let refused = 0;
  let dropped = 0;

  const dropOldest = (): void => {
    while (waiting.length > MAX_WAITING) {
      const lost = waiting.shift();
      if (lost === undefined) return;
      dropped += lost.spans;
      writer.droppedSpans += lost.spans + lost.droppedSpans;
    }
  };
  const writer = new SpanWriter({
    region,
    random,
    full: (batch) => {
      waiting.push(batch);
      dropOldest();
    },
  });

  const putBack = (): void => {
    if (sending === null) return;
    waiting = [sending, ...waiting];
    sending = null;
    dropOldest();
  };

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

  const sendAll = async (turn: Turn): Promise<void> => {
    const until = now() + TURN_MS;
    putBack();
    while (now() < until) {
      if (waiting.length === 0) await sleep(GATHER_MS);
      if (!turn.isMine()) break;
      const batch = waiting.shift() ?? (writer.spans > 0 ? writer.take() : null);
      if (batch === null) break;
      sending = batch;
      const answer = await within(SEND_MS, post(batch), "telemetry").catch(() => answerOf(0));
      if (!turn.isMine()) return; // another request has put the batch back
      const { status } = answer;
      const isTaken = status >= 200 && status < 300;
      if (isTaken || isRefused(status)) {
        sending = null;
        if (isTaken) noteTaken(batch, answer);
        else noteRefused(batch, answer);
      } else {
        putBack();
        await sleep(RETRY_MS);
      }
    }
    turn.end();
  };

  return {
    add: (spans, waitUntil) => {
      writer.write(spans);
      const nowMs = now();
      const turn = takeTurn(nowMs, nowMs + TURN_MS + SEND_MS + RETRY_MS);
      if (turn !== null) waitUntil(sendAll(turn));
    },
    stats: () => ({
      sent,
      refused,
      dropped,
      waiting: waiting.reduce((sum, { spans }) => sum + spans, writer.spans + (sending?.spans ?? 0)),
    }),
  };
};
