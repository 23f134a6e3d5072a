// `GET /.sluice/ofrep/stream`: tells a connected client to evaluate again when this isolate's snapshot changes. The stream
// reads the snapshot cache as every request does, so it keeps the watch open while no other request comes.
import type { SnapshotCache, SnapshotView, WaitUntil } from "../../snapshot/cache.ts";
import type { StreamPlace } from "./stream-limit.ts";

type Dependencies = {
  readonly cache: Pick<SnapshotCache, "read" | "changed">;
  readonly now: () => number;
};

/** How often the snapshot is read without a change: its age matters too. */
const BEAT_MS = 1_000;
/** A comment line keeps the connection from looking idle to proxies. */
const COMMENT_MS = 15_000;
/** The platform allows a request a limited number of calls; the client connects again by itself. */
const STREAM_MS = 10 * 60_000;
const RETRY_MS = 500;

/** Names the revision, and whether the features that close with a stale snapshot are closed. */
export const tagOf = ({ snapshot, stale }: SnapshotView): string =>
  `r${snapshot.revision}${stale ? "-stale" : ""}`;

/** The revision that a tag names; 0: it names none. */
const revisionOf = (tag: string | null): number => Number(/^r(\d{1,15})/.exec(tag ?? "")?.[1] ?? 0);

/** A stream of another isolate may have told the client of a revision, by its tag, that this isolate does not have yet. */
export const readAsNewAs = async (
  tag: string | null,
  cache: Pick<SnapshotCache, "read" | "refresh">,
  waitUntil: WaitUntil,
): Promise<SnapshotView> => {
  const view = await cache.read(waitUntil);
  if (revisionOf(tag) <= view.snapshot.revision) return view;
  await cache.refresh(waitUntil);
  return cache.read(waitUntil);
};

const eventOf = (tag: string): string =>
  `id: ${tag}\ndata: ${JSON.stringify({ type: "refetchEvaluation", etag: tag })}\n\n`;

/**
 * A request that the platform has ended, since its client went away, is still woken by a change: within the request that
 * brought the change, which may do nothing in its name, not even settle what it was waiting for.
 */
const isOfEndedRequest = (error: unknown): boolean =>
  error instanceof Error && error.message.startsWith("Cannot perform I/O on behalf of a different request");
const NEVER = new Promise<never>(() => {});

export const makeStream =
  ({ cache, now }: Dependencies) =>
  (request: Request, waitUntil: WaitUntil, { release }: StreamPlace): Response => {
    const { readable, writable } = new IdentityTransformStream();
    const writer = writable.getWriter();
    const encoder = new TextEncoder();
    const write = (text: string): Promise<void> => writer.write(encoder.encode(text));

    /** A new client gets an event at once: its flags may be older than this connection. */
    const sendEvents = async (): Promise<void> => {
      let sentTag = request.headers.get("Last-Event-ID");
      let sentAtMs = now();
      const untilMs = sentAtMs + STREAM_MS;
      await write(`retry: ${RETRY_MS}\n\n`);
      while (now() < untilMs) {
        const tag = tagOf(await cache.read(waitUntil));
        if (tag !== sentTag || now() - sentAtMs > COMMENT_MS) {
          await write(tag === sentTag ? ":\n\n" : eventOf(tag));
          sentTag = tag;
          sentAtMs = now();
        }
        await cache.changed(BEAT_MS);
      }
      await writer.close();
    };

    const sendToTheEnd = async (): Promise<void> => {
      // It fails when the client has gone away.
      const error = await sendEvents().catch((cause: unknown) => cause);
      release();
      if (isOfEndedRequest(error)) await NEVER;
    };
    request.signal.addEventListener("abort", release);
    waitUntil(sendToTheEnd());
    return new Response(readable, {
      headers: {
        "Content-Type": "text/event-stream; charset=utf-8",
        "Cache-Control": "no-store",
        "X-Accel-Buffering": "no", // nginx in front would hold events back until it has some kilobytes
      },
    });
  };
