// A watch's answers as a stream, so that one call brings many: a line of JSON each. Whoever reads it takes a stream that
// ends, breaks or falls silent for a failed call, and watches again from what it has.
import { within } from "../waiting.ts";
import type { Answered, Has, WatchAnswer } from "./rpc.ts";

/** A watch is handed on to another call after this time. */
export const HAND_ON_MS = 20_000;
/** Within this time the reader has watched anew: a place writes to nobody for longer. */
const STREAM_MS = 30_000;
/** A reader that has not taken an answer for this long is gone. */
const UNREAD_MS = 5_000;

type Place = {
  /** The answer for a watcher that was told everything up to `told`. */
  readonly answer: (told: Has) => WatchAnswer;
  /** Resolves when there may be something to say to it, or when a beat is due. */
  readonly news: (told: Has) => Promise<void>;
  readonly waitUntil: (promise: Promise<unknown>) => void;
};

/** Answers a watch now, with each change and with each beat. An answer builds on those before it. */
export const streamAnswers = (has: Has, { answer, news, waitUntil }: Place): ReadableStream<Uint8Array> => {
  const { readable, writable } = new IdentityTransformStream();
  const writer = writable.getWriter();
  const encoder = new TextEncoder();
  const write = async (): Promise<void> => {
    const endsAtMs = Date.now() + STREAM_MS;
    let told = has;
    while (Date.now() < endsAtMs) {
      const next = answer(told);
      const line = encoder.encode(`${JSON.stringify(next)}\n`);
      await within(UNREAD_MS, writer.write(line), "reading of a watch");
      if (next.change !== null) told = { ...next, have: next.revision };
      await news(told);
    }
    await writer.close();
  };
  waitUntil(write().catch((error: unknown) => writer.abort(error).catch(() => undefined)));
  return readable;
};

const isAnswer = (value: unknown): value is WatchAnswer =>
  typeof value === "object" && value !== null && "revision" in value && "change" in value && "ageMs" in value;

const readAnswer = (line: string): WatchAnswer => {
  const answer: unknown = JSON.parse(line);
  if (!isAnswer(answer)) throw new Error("the watch brought something that is no answer");
  return answer;
};

/**
 * The answers to a watch, in their order. A place of an older version gives one, and its call is over. A stream has no
 * end of its own: throws when it ends, when it breaks, and when it is silent for `silentMs`.
 */
export async function* answersOf(
  call: Promise<Answered>,
  silentMs: number,
): AsyncGenerator<WatchAnswer, void> {
  const answered = await within(silentMs, call, "watch");
  if (!(answered instanceof ReadableStream)) {
    yield answered;
    return;
  }
  const reader = answered.getReader();
  const decoder = new TextDecoder();
  let begun = "";
  try {
    for (;;) {
      const { value, done } = await within(silentMs, reader.read(), "watch");
      if (done) throw new Error("the watch ended");
      const text = decoder.decode(value, { stream: true });
      begun += text;
      if (!text.includes("\n")) continue;
      const lines = begun.split("\n");
      begun = lines.pop() ?? "";
      for (const line of lines) yield readAnswer(line);
    }
  } finally {
    reader.cancel().catch(() => undefined);
  }
}
