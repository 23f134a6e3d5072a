// Moves a body from one stream to another and times it: how long was waited for its sender, without the time that its
// reader takes.

/** Bytes read at once: most bodies are small, and those that are not get larger pieces. */
const FIRST_BYTES = 8 * 1_024;
const MOST_BYTES = 64 * 1_024;

/** `broken`: the sender broke off. `left`: the reader did. */
export type RelayEnd = "complete" | "broken" | "left";

type Waiting = { readonly begin: () => void; readonly end: () => void };

const ignore = (): void => undefined;

/** `ended` is called as soon as the sender has ended or one of both has gone, before the reader has got the rest. */
export const relay = async (
  from: ReadableStream<Uint8Array>,
  to: WritableStream<Uint8Array>,
  waiting: Waiting,
  ended: (how: RelayEnd) => void,
): Promise<void> => {
  const reader = from.getReader({ mode: "byob" });
  const writer = to.getWriter();
  let buffer = new Uint8Array(FIRST_BYTES);
  for (;;) {
    waiting.begin();
    const read = await reader.read(buffer).catch((error: unknown) => ({ error }));
    waiting.end();
    if ("error" in read) {
      ended("broken");
      return writer.abort(read.error).catch(ignore);
    }
    if (read.done) {
      ended("complete");
      return writer.close().catch(ignore); // the reader went away at the very end
    }
    const { value } = read;
    const needsMore = value.byteLength === value.buffer.byteLength && value.byteLength < MOST_BYTES;
    const written = await writer.write(value).then(
      () => true,
      () => false,
    );
    if (!written) {
      ended("left");
      return reader.cancel().catch(ignore);
    }
    // What was written has been taken, so its memory serves again.
    buffer = needsMore ? new Uint8Array(MOST_BYTES) : new Uint8Array(value.buffer);
  }
};

/** A body of this size finds room in the reader's connection, however slow the reader is. */
const SMALL_BYTES = 64 * 1_024;

export const isSmall = (contentLength: string | null): boolean =>
  contentLength !== null && Number(contentLength) <= SMALL_BYTES;

/** For a small body, in one call of the runtime: it takes half the CPU time of `relay`. */
export const relaySmall = (
  from: ReadableStream<Uint8Array>,
  to: WritableStream<Uint8Array>,
  hasReader: () => boolean,
  ended: (how: RelayEnd) => void,
): Promise<void> =>
  from.pipeTo(to).then(
    () => ended("complete"),
    () => ended(hasReader() ? "broken" : "left"),
  );

/** A pair of streams that keeps the Content-Length of a body which has one. */
export const streamOf = (contentLength: string | null): TransformStream<Uint8Array, Uint8Array> =>
  contentLength !== null && /^\d{1,15}$/.test(contentLength)
    ? new FixedLengthStream(Number(contentLength))
    : new IdentityTransformStream();
