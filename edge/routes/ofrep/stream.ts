// `GET /.sluice/ofrep/stream`: tells a connected client to evaluate again as soon as this isolate knows of a change. The
// stream waits for the same watch as every request, and keeps it open while nobody else asks for anything.
import type { Seen, WaitUntil } from "../../snapshot/cache.ts";

type Dependencies = {
  readonly see: (waitUntil: WaitUntil) => Promise<Seen>;
  /** Resolves when the isolate learns of a change, or after `ms`. */
  readonly changed: (ms: number) => Promise<void>;
  readonly now: () => number;
};

/** How often the state is looked at without a change: its age matters too. */
const BEAT_MS = 1_000;
/** A line without meaning keeps the connection from looking idle to whatever stands between. */
const COMMENT_MS = 15_000;
/** The platform allows a request a limited number of calls; the client connects again by itself. */
const STREAM_MS = 10 * 60_000;
const RETRY_MS = 500;

/** What a client may know: the revision, and whether features that close when the state is too old are closed. */
export const tagOf = ({ snapshot, stale }: Seen): string => `r${snapshot.revision}${stale ? "-stale" : ""}`;

const event = (tag: string): string =>
  `id: ${tag}\ndata: ${JSON.stringify({ type: "refetchEvaluation", etag: tag })}\n\n`;

export const makeStream =
  ({ see, changed, now }: Dependencies) =>
  (request: Request, waitUntil: WaitUntil): Response => {
    const { readable, writable } = new IdentityTransformStream();
    const writer = writable.getWriter();
    const encoder = new TextEncoder();
    const write = (text: string): Promise<void> => writer.write(encoder.encode(text));

    /** A client that comes for the first time is told at once: its flags may be older than this connection. */
    const tell = async (): Promise<void> => {
      let told = request.headers.get("Last-Event-ID");
      let wroteAt = now();
      const until = wroteAt + STREAM_MS;
      await write(`retry: ${RETRY_MS}\n\n`);
      while (now() < until) {
        const tag = tagOf(await see(waitUntil));
        if (tag !== told || now() - wroteAt > COMMENT_MS) {
          await write(tag === told ? ":\n\n" : event(tag));
          told = tag;
          wroteAt = now();
        }
        await changed(BEAT_MS);
      }
      await writer.close();
    };

    waitUntil(tell().catch(() => undefined)); // the client went away: nobody is left to be told
    return new Response(readable, {
      headers: { "Content-Type": "text/event-stream; charset=utf-8", "Cache-Control": "no-store" },
    });
  };
