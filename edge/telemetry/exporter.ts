// The exporter: gathers spans in the isolate and sends them to the origin in batches after the responses. While the
// origin is away, a bounded number of batches waits; the oldest spans are dropped and counted. A batch whose
// acknowledgement was lost is sent again with the same ids, and the origin counts it once.
import type { WaitUntil } from "../snapshot/cache.ts";
import { makeTurns, type Turn } from "../turns.ts";
import { sleep, within } from "../waiting.ts";
import { SpanWriter, type Batch, type RequestSpans } from "./span-writer.ts";

export type ExporterStats = { readonly sent: number; readonly dropped: number; readonly waiting: number };

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

/** `post` resolves to the HTTP status: 2xx is durable, and `isRefused` says which will never be accepted. */
export const makeExporter = (options: {
  post: (batch: Batch) => Promise<number>;
  now: () => number;
  random: (bytes: number) => Uint8Array;
}): Exporter => {
  const { post, now, random } = options;
  const takeTurn = makeTurns();
  let waiting: Batch[] = [];
  /** The batch under way. It waits again when it fails, or when the request that sends it is cancelled. */
  let sending: Batch | null = null;
  let sent = 0;
  let dropped = 0;

  const dropOldest = (): void => {
    while (waiting.length > MAX_WAITING) dropped += waiting.shift()?.spans ?? 0;
  };
  const writer = new SpanWriter({
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

  const sendAll = async (turn: Turn): Promise<void> => {
    const until = now() + TURN_MS;
    putBack();
    while (now() < until) {
      if (waiting.length === 0) await sleep(GATHER_MS);
      if (!turn.isMine()) break;
      const batch = waiting.shift() ?? (writer.spans > 0 ? writer.take() : null);
      if (batch === null) break;
      sending = batch;
      const status = await within(SEND_MS, post(batch), "telemetry").catch(() => 0);
      if (!turn.isMine()) return; // another request has put the batch back
      const isTaken = status >= 200 && status < 300;
      if (isTaken || isRefused(status)) {
        sending = null;
        if (isTaken) sent += batch.spans;
        else dropped += batch.spans;
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
      dropped,
      waiting: waiting.reduce((sum, { spans }) => sum + spans, writer.spans + (sending?.spans ?? 0)),
    }),
  };
};
