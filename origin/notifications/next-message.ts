// Which of a target's waiting news the next message tells: one piece, or all of them where there are many. Pure.
import type { News } from "./announcement.ts";
import { isSameNews } from "./messages/message.ts";

/** Messages to one target within a minute. Further news of that minute waits, and is told together. */
export const MOST_IN_A_MINUTE = 5;
/** News in one message. A page of what is waiting has as much. */
export const MOST_IN_A_MESSAGE = 1_000;

export type Waiting = News & { readonly id: number };

/** How many pieces of news from the beginning are one to a reader. */
const sizeOfFirst = (waiting: readonly Waiting[]): number => {
  const [first] = waiting;
  if (first === undefined) return 0;
  const other = waiting.findIndex((piece) => piece !== first && !isSameNews(first, piece));
  return other === -1 ? waiting.length : other;
};

const countGroups = (waiting: readonly Waiting[]): number =>
  waiting.filter((piece, at) => {
    const before = waiting[at - 1];
    return before === undefined || !isSameNews(before, piece);
  }).length;

/** `take`: how many pieces, from the beginning; `waitMs`: nothing yet, for so long. */
export type NextMessage = { readonly take: number } | { readonly waitMs: number };

export const nextMessage = (
  waiting: readonly Waiting[],
  minute: { readonly beganMs: number; readonly messages: number } | null,
  nowMs: number,
): NextMessage => {
  const leftMs = minute === null ? 0 : minute.beganMs + 60_000 - nowMs;
  if (minute !== null && leftMs > 0 && minute.messages >= MOST_IN_A_MINUTE) return { waitMs: leftMs };
  return { take: countGroups(waiting) > MOST_IN_A_MINUTE ? waiting.length : sizeOfFirst(waiting) };
};
