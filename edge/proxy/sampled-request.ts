// A sampled request is followed to its end. Its time is what the visitor waited for the upstream, from the end of their own
// upload to the end of the response's body, without the time that they take to read. A visitor who leaves, and a response
// that hangs, are an end too.
import type { EndOfRequest } from "../telemetry/span-writer.ts";
import { isSmall, relay, relaySmall, streamOf, type RelayEnd } from "./relay.ts";
import type { UpstreamRequest } from "./upstream.ts";

export type Ending = Omit<EndOfRequest, "kind"> & { readonly startMs: number };

export type SampledRequest = {
  /** Times the visitor's upload. `isEdited`: the page will be edited, so its body is decoded. */
  readonly sending: (upstream: UpstreamRequest, isEdited: boolean) => UpstreamRequest;
  /** The response that the visitor gets in the place of the upstream's. */
  readonly answered: (response: Response) => Response;
  /** The edge answers by itself, with a page that it has kept or since the upstream cannot be reached. */
  readonly answeredHere: (status: number) => void;
};

type Options = {
  readonly now: () => number;
  /** A response that was waited for longer hangs. */
  readonly limitMs: number;
  readonly request: Request;
  readonly ended: (ending: Ending) => void;
  readonly waitUntil: (promise: Promise<unknown>) => void;
};

const COMPLETE = { isBroken: false, isUnfinished: false };
const BROKEN = { isBroken: true, isUnfinished: false };
const UNFINISHED = { isBroken: false, isUnfinished: true };
const ENDS = { complete: COMPLETE, broken: BROKEN, left: UNFINISHED } as const;

/** A stream of events is complete when it begins: it is meant to have no end. */
const isEndless = (headers: Headers): boolean =>
  headers.get("Content-Type")?.startsWith("text/event-stream") ?? false;

/** A body that the runtime decodes could only be passed on in another coding than it came in. */
const isRecoded = ({ headers }: Response, isDecoded: boolean): boolean =>
  isDecoded &&
  headers.has("Content-Encoding") &&
  !(headers.get("Content-Type") ?? "").startsWith("text/html");

/** A stopwatch for the time that is spent waiting for the upstream. */
const makeStopwatch = (now: () => number) => {
  let waitedMs = 0;
  let sinceMs: number | null = null;
  return {
    begin: (): void => {
      sinceMs ??= now();
    },
    end: (): void => {
      if (sinceMs !== null) waitedMs += now() - sinceMs;
      sinceMs = null;
    },
    ms: (): number => waitedMs + (sinceMs === null ? 0 : now() - sinceMs),
  };
};

export const followRequest = ({ now, limitMs, request, ended, waitUntil }: Options): SampledRequest => {
  const waiting = makeStopwatch(now);
  const { promise: over, resolve: letGo } = Promise.withResolvers<void>();
  let startMs = now();
  let status: number | null = null;
  let isUploading = false;
  let isDecoded = false;
  let isOver = false;
  let timer: ReturnType<typeof setTimeout> | null = null;

  const end = (how: typeof COMPLETE | null): void => {
    if (isOver) return;
    isOver = true;
    clearTimeout(timer);
    request.signal.removeEventListener("abort", leave);
    if (how !== null) ended({ startMs, durationMs: waiting.ms(), status, ...how });
    letGo();
  };

  /** Of an upload that its visitor broke off nothing is known. */
  const leave = (): void => end(isUploading ? null : UNFINISHED);

  const beginWaiting = (): void => {
    startMs = now();
    isUploading = false;
    waiting.begin();
  };

  const check = (): void => {
    const leftMs = limitMs - waiting.ms();
    if (leftMs <= 0) end(UNFINISHED);
    else timer = setTimeout(check, leftMs);
  };

  // A request whose visitor has left goes on for as long as something waits for it.
  waitUntil(over);
  request.signal.addEventListener("abort", leave);
  timer = setTimeout(check, limitMs);
  beginWaiting();

  return {
    sending: (upstream, isEdited) => {
      const { body } = upstream.init;
      isDecoded = isEdited;
      if (!isEdited) upstream.init.encodeResponseBody = "manual";
      if (!(body instanceof ReadableStream)) return upstream;
      const { readable, writable } = streamOf(request.headers.get("Content-Length"));
      waiting.end();
      isUploading = true;
      const upload = { begin: () => undefined, end: () => undefined };
      void relay(body, writable, upload, (how) => {
        if (how === "broken") end(null);
        else if (how === "complete" && isUploading) beginWaiting();
      });
      upstream.init.body = readable;
      return upstream;
    },

    answered: (response) => {
      if (isUploading) beginWaiting(); // it did not wait for the rest
      ({ status } = response);
      const { body, headers } = response;
      if (body === null || status === 101 || isEndless(headers) || isRecoded(response, isDecoded)) {
        end(COMPLETE);
        return response;
      }
      const hasOtherLength = isDecoded && headers.has("Content-Encoding");
      const length = hasOtherLength ? null : headers.get("Content-Length");
      const { readable, writable } = streamOf(length);
      const relayed = (how: RelayEnd): void => end(ENDS[how]);
      if (isSmall(length)) void relaySmall(body, writable, () => !request.signal.aborted, relayed);
      else void relay(body, writable, waiting, relayed);
      return new Response(readable, response);
    },

    answeredHere: (edgeStatus) => {
      status = edgeStatus;
      end(request.signal.aborted ? UNFINISHED : COMPLETE);
    },
  };
};
