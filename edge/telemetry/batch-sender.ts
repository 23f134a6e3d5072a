// Sends batches, several at a time, each within the request that began to send it. A batch that failed, or whose request
// was cancelled, waits again and is sent with the same ids, so that the origin counts it once. While the origin is away, a
// bounded number of batches waits, and one at a time tries it.
import { within } from "../waiting.ts";
import { answerOf, isRefused, isTaken, type PostAnswer } from "./post-traces.ts";
import type { Batch } from "./span-writer.ts";

/** Batches of 112 KiB, with those under way 4 MB. */
const MAX_WAITING = 30;
/** With 600 spans each, an origin that answers after 6 s gets 800 spans a second of an isolate. */
const MAX_UNDER_WAY = 8;
/** An origin that is starved acknowledges late, and whoever gives up on it sends everything again. */
const SEND_MS = 20_000;
/** The platform cancels work 30 s after its request. */
const CANCELLED_AFTER_MS = 28_000;
/** A request sends only while it has time for an answer that takes twice as long as the last, and at least for this. */
const LEAST_MS = 8_000;
const RETRY_MS = 1_000;
const SLACK_MS = 1_000;

export type BatchSender = {
  readonly add: (batch: Batch) => void;
  /** Sends what waits, one after the other, within a request that began at `beganMs`; null: nothing can be sent now. */
  readonly send: (beganMs: number) => Promise<void> | null;
  readonly isAnyWaiting: () => boolean;
  /** Whether a batch that is added now would be sent at once. */
  readonly hasRoom: () => boolean;
  /** Batches whose request was cancelled wait again. */
  readonly takeBackLost: () => void;
  /** Spans that wait or are under way. */
  readonly spans: () => number;
};

type UnderWay = { readonly batch: Batch; readonly lostAtMs: number };

export const makeBatchSender = (options: {
  post: (batch: Batch) => Promise<PostAnswer>;
  now: () => number;
  /** The batch was taken or refused. */
  ended: (batch: Batch, answer: PostAnswer) => void;
  /** It found no room. */
  dropped: (batch: Batch) => void;
}): BatchSender => {
  const { post, now, ended, dropped } = options;
  const waiting: Batch[] = [];
  const underWay = new Set<UnderWay>();
  let isAway = false;
  let nextTryMs = 0;
  let lastTookMs = 0;

  const dropOldest = (): void => {
    while (waiting.length > MAX_WAITING) {
      const lost = waiting.shift();
      if (lost !== undefined) dropped(lost);
    }
  };

  const putBack = (batch: Batch): void => {
    waiting.unshift(batch);
    dropOldest();
  };

  const mayStart = (): boolean => underWay.size < (isAway ? 1 : MAX_UNDER_WAY) && now() >= nextTryMs;

  const hasTime = (beganMs: number): boolean =>
    beganMs + CANCELLED_AFTER_MS - now() >= Math.min(SEND_MS, Math.max(LEAST_MS, 2 * lastTookMs));

  const next = (beganMs: number): Batch | null =>
    mayStart() && hasTime(beganMs) ? (waiting.shift() ?? null) : null;

  const sendOne = async (batch: Batch, limitMs: number): Promise<void> => {
    const sentMs = now();
    const mine = { batch, lostAtMs: sentMs + limitMs + SLACK_MS };
    underWay.add(mine);
    const answer = await within(limitMs, post(batch), "telemetry").catch(() => answerOf(0));
    if (!underWay.delete(mine)) return; // it was taken for lost, and another request sends it
    lastTookMs = now() - sentMs;
    isAway = !isTaken(answer.status) && !isRefused(answer.status);
    if (!isAway) return ended(batch, answer);
    nextTryMs = now() + RETRY_MS;
    putBack(batch);
  };

  const sendFrom = async (first: Batch, beganMs: number): Promise<void> => {
    for (let batch: Batch | null = first; batch !== null; batch = next(beganMs))
      await sendOne(batch, Math.min(SEND_MS, beganMs + CANCELLED_AFTER_MS - now()));
  };

  return {
    add: (batch) => {
      waiting.push(batch);
      dropOldest();
    },
    send: (beganMs) => {
      const first = next(beganMs);
      return first === null ? null : sendFrom(first, beganMs);
    },
    isAnyWaiting: () => waiting.length > 0,
    hasRoom: () => waiting.length === 0 && mayStart(),
    takeBackLost: () => {
      for (const each of underWay) {
        if (now() < each.lostAtMs) continue;
        underWay.delete(each);
        putBack(each.batch);
      }
    },
    spans: () =>
      [...waiting, ...[...underWay].map(({ batch }) => batch)].reduce((sum, { spans }) => sum + spans, 0),
  };
};
