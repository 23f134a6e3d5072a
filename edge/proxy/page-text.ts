// The bytes of a page as an HTML rewriter can read them. It finds tags in every encoding that keeps ASCII as it is; pages
// in another one become UTF-8 on their way. A browser finds a page's encoding by a byte order mark, then the header, then
// the page's own words (https://html.spec.whatwg.org/#determining-the-character-encoding), and so does this.
import { relay } from "./relay.ts";

/** Encodings in which a byte may look like ASCII and be something else. */
const NOT_ASCII: ReadonlySet<string> = new Set(["utf-16le", "utf-16be", "iso-2022-jp"]);
const UTF8_MARK = Uint8Array.of(0xef, 0xbb, 0xbf);
const LONGEST_MARK = 3;
const META = /<meta[^>]{0,200}?charset\s*=\s*["']?\s*([\w:-]+)/i;

/** The name of the encoding; null: there is none by this label. */
const encodingOf = (label: string | undefined): string | null => {
  if (label === undefined) return null;
  try {
    return new TextDecoder(label).encoding;
  } catch {
    return null;
  }
};

const byMark = (bytes: Uint8Array): string | null => {
  const [first, second, third] = bytes;
  if (first === 0xff && second === 0xfe) return "utf-16le";
  if (first === 0xfe && second === 0xff) return "utf-16be";
  return first === 0xef && second === 0xbb && third === 0xbf ? "utf-8" : null;
};

const byHeader = (contentType: string): string | null =>
  encodingOf(/;\s*charset\s*=\s*"?([^\s;"]+)/i.exec(contentType)?.[1]);

/** A page that can say so in ASCII is not in UTF-16. */
const byMeta = (bytes: Uint8Array): string | null => {
  const start = new TextDecoder("windows-1252").decode(bytes.subarray(0, 1_024));
  const encoding = encodingOf(META.exec(start)?.[1]);
  return encoding?.startsWith("utf-16") === true ? "utf-8" : encoding;
};

const join = (a: Uint8Array, b: Uint8Array): Uint8Array => {
  const joined = new Uint8Array(a.length + b.length);
  joined.set(a);
  joined.set(b, a.length);
  return joined;
};

/** null: the bytes can be read as they are. */
const decoderOf = (start: Uint8Array, contentType: string): TextDecoder | null => {
  const encoding = byMark(start) ?? byHeader(contentType) ?? byMeta(start);
  return encoding !== null && NOT_ASCII.has(encoding) ? new TextDecoder(encoding) : null;
};

type Bytes = ReadableStreamDefaultReader<Uint8Array>;

/** The first bytes, enough for a mark. Fewer: the page has no more. */
const readStart = async (reader: Bytes): Promise<Uint8Array> => {
  let start: Uint8Array = new Uint8Array();
  while (start.length < LONGEST_MARK) {
    const { done, value } = await reader.read();
    if (done) return start;
    start = join(start, value);
  }
  return start;
};

const writeDecoded = async (
  reader: Bytes,
  writer: WritableStreamDefaultWriter<Uint8Array>,
  { start, decoder }: { start: Uint8Array; decoder: TextDecoder },
): Promise<void> => {
  const encoder = new TextEncoder();
  const encode = (bytes: Uint8Array) => encoder.encode(decoder.decode(bytes, { stream: true }));
  await writer.write(join(UTF8_MARK, encode(start)));
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    await writer.write(encode(value));
  }
  await writer.write(encoder.encode(decoder.decode()));
  await writer.close();
};

const NOT_TIMED = { begin: () => undefined, end: () => undefined };

/**
 * The body as a rewriter can read it. Only its start is looked at, and the rest is relayed unless it has to be decoded. What becomes UTF-8 begins with its mark, which wins over the header.
 */
export const makeReadable = (
  body: ReadableStream<Uint8Array>,
  contentType: string,
): ReadableStream<Uint8Array> => {
  const { readable, writable } = new IdentityTransformStream();
  const move = async (): Promise<void> => {
    const reader = body.getReader();
    const writer = writable.getWriter();
    try {
      const start = await readStart(reader);
      const decoder = decoderOf(start, contentType);
      if (decoder !== null) return await writeDecoded(reader, writer, { start, decoder });
      if (start.length > 0) await writer.write(start);
      reader.releaseLock();
      writer.releaseLock();
      // `pipeTo` between two streams of the runtime's own never ends where the first is relayed too.
      return await relay(body, writable, NOT_TIMED, () => undefined);
    } catch (error) {
      // The visitor has left, or the site has broken off: each side learns of the other's end.
      await Promise.allSettled([
        body.locked ? reader.cancel(error) : body.cancel(error),
        writable.locked ? writer.abort(error) : writable.abort(error),
      ]);
      return undefined;
    }
  };
  void move();
  return readable;
};
