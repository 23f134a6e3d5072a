// Telemetry on its way to the origin: gathered in the isolate, sent in batches after the responses. What waits is
// bounded: while the origin is away the oldest spans are dropped and counted. A batch whose acknowledgement was lost is
// sent again with the same ids, and the origin counts it once.
import type { WaitUntil } from "../snapshot/cache.ts";
import { sleep, within } from "../snapshot/watch.ts";
import { SpanWriter, type Batch, type Report } from "./span-writer.ts";

export type SenderStats = { readonly sent: number; readonly dropped: number; readonly waiting: number };

export type Sender = {
  add: (report: Report, waitUntil: WaitUntil) => void;
  stats: () => SenderStats;
};

/** Full batches that wait, of 112 KiB each: 4 MB, some 18,000 spans. */
const WAITING_BATCHES = 36;
/** How long spans gather before they are sent, unless there is a batch of them. */
const GATHER_MS = 500;
const SEND_MS = 5_000;
const RETRY_MS = 1_000;
/** The platform cancels what outlives its request by 30 s; another request then takes over. */
const TURN_MS = 20_000;

/** Will never be accepted. */
export const isRefused = (status: number): boolean =>
  status >= 400 && status < 500 && status !== 408 && status !== 429;

/** `post` resolves to the HTTP status. 2xx is durable; 4xx except 408 and 429 will never be accepted. */
export const makeSender = (options: {
  post: (batch: Batch) => Promise<number>;
  now: () => number;
  random: (bytes: number) => Uint8Array;
}): Sender => {
  const { post, now, random } = options;
  let waiting: Batch[] = [];
  /** The batch under way: it goes back to the front when it fails, or when whoever sends it is cancelled. */
  let sending: Batch | null = null;
  let sent = 0;
  let dropped = 0;
  let turn = 0;
  let turnEndsAt = 0;

  const bound = (): void => {
    while (waiting.length > WAITING_BATCHES) dropped += waiting.shift()?.spans ?? 0;
  };
  const writer = new SpanWriter({
    random,
    full: (batch) => {
      waiting.push(batch);
      bound();
    },
  });

  const putBack = (): void => {
    if (sending === null) return;
    waiting = [sending, ...waiting];
    sending = null;
    bound();
  };

  const sendAll = async (mine: number): Promise<void> => {
    const until = now() + TURN_MS;
    const isMine = (): boolean => mine === turn;
    putBack();
    while (now() < until) {
      if (waiting.length === 0) await sleep(GATHER_MS);
      if (!isMine()) break;
      const batch = waiting.shift() ?? (writer.spans > 0 ? writer.take() : null);
      if (batch === null) break;
      sending = batch;
      const status = await within(SEND_MS, post(batch), "telemetry").catch(() => 0);
      if (!isMine()) return; // taken for gone, and the batch waits again
      if (status >= 200 && status < 300) sent += batch.spans;
      else if (isRefused(status)) dropped += batch.spans;
      else {
        putBack();
        await sleep(RETRY_MS);
      }
      sending = null;
    }
    if (isMine()) turnEndsAt = 0;
  };

  return {
    add: (report, waitUntil) => {
      writer.write(report);
      const at = now();
      if (at < turnEndsAt) return;
      turnEndsAt = at + TURN_MS + SEND_MS + RETRY_MS;
      waitUntil(sendAll(++turn));
    },
    stats: () => ({
      sent,
      dropped,
      waiting: waiting.reduce((sum, { spans }) => sum + spans, writer.spans + (sending?.spans ?? 0)),
    }),
  };
};
