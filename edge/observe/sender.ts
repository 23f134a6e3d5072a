// Telemetry on its way to the origin: gathered in the isolate, sent in batches after the responses. The buffer is
// bounded: while the origin is away the oldest spans are dropped and counted. A batch whose acknowledgement was lost is
// sent again with the same ids, and the origin counts it once.
import type { WaitUntil } from "../state/memory.ts";
import { sleep, within } from "../state/watch.ts";
import type { EdgeSpan } from "./otlp.ts";

export type SenderStats = { readonly sent: number; readonly dropped: number; readonly waiting: number };

export type Sender = {
  add: (spans: readonly EdgeSpan[], waitUntil: WaitUntil) => void;
  stats: () => SenderStats;
};

const BATCH = 2_048;
const BUFFERED = 20_000;
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
export const makeSender = (
  post: (spans: readonly EdgeSpan[]) => Promise<number>,
  now: () => number,
): Sender => {
  let buffer: EdgeSpan[] = [];
  /** The batch under way: it goes back to the front when it fails, or when whoever sends it is cancelled. */
  let sending: EdgeSpan[] = [];
  let sent = 0;
  let dropped = 0;
  let turn = 0;
  let turnEndsAt = 0;

  const bound = (): void => {
    const over = buffer.length - BUFFERED;
    if (over <= 0) return;
    buffer = buffer.slice(over);
    dropped += over;
  };

  const putBack = (): void => {
    if (sending.length === 0) return;
    buffer = [...sending, ...buffer];
    sending = [];
    bound();
  };

  const sendAll = async (mine: number): Promise<void> => {
    const until = now() + TURN_MS;
    const isMine = (): boolean => mine === turn;
    putBack();
    while (now() < until) {
      if (buffer.length < BATCH) await sleep(GATHER_MS);
      if (!isMine() || buffer.length === 0) break;
      const batch = buffer.splice(0, BATCH);
      sending = batch;
      const status = await within(SEND_MS, post(batch), "telemetry").catch(() => 0);
      if (!isMine()) return; // taken for gone, and the batch is in the buffer again
      if (status >= 200 && status < 300) sent += batch.length;
      else if (isRefused(status)) dropped += batch.length;
      else {
        putBack();
        await sleep(RETRY_MS);
      }
      sending = [];
    }
    if (isMine()) turnEndsAt = 0;
  };

  return {
    add: (spans, waitUntil) => {
      if (spans.length === 0) return;
      for (const span of spans) buffer.push(span);
      bound();
      const at = now();
      if (at < turnEndsAt) return;
      turnEndsAt = at + TURN_MS + SEND_MS + RETRY_MS;
      waitUntil(sendAll(++turn));
    },
    stats: () => ({ sent, dropped, waiting: buffer.length + sending.length }),
  };
};
