// Asks a consumer for the messages that it has. The library's own ways to read keep asking in the background or wait a second at
// least; the fold takes what is there and goes on.
import { createInbox, type Msg, type NatsConnection } from "@nats-io/transport-node";
import { MOST_OF_A_STREAM } from "../span-log.ts";

export type PulledMessage = { readonly seq: number; readonly atMs: number; readonly data: Uint8Array };

export type Pulled = {
  readonly messages: readonly PulledMessage[];
  /** why the consumer is of no use any more; null: there was no more to give, or the request was filled */
  readonly problem: string | null;
  /** There was no answer at all: a consumer that was just made may not hear its first request. */
  readonly isSilent: boolean;
};

/** The server ends a request that it cannot fill after this time. */
const EXPIRES_MS = 20;
/** A request that is not ended by then was not heard, or the server is away. */
const ANSWER_MS = 700;
/** A new consumer that has no server yet is asked again after this time. */
const ASK_AGAIN_MS = 30;
const NO_RESPONDERS = 503;
/** Bytes of one request, which are more records than are read at once. */
const MAX_BYTES = 4 * 1_024 * 1_024;

/** `$JS.ACK.<stream>.<consumer>.<delivered>.<stream seq>.<consumer seq>.<ns>.<pending>`; newer servers put a domain and an account before. */
const toMessage = ({ reply = "", data }: Msg): PulledMessage => {
  const tokens = reply.split(".");
  const first = tokens.length > 9 ? 7 : 5;
  const nanoseconds = tokens[first + 2] ?? "";
  return {
    seq: Number(tokens[first]),
    atMs: Number(nanoseconds.slice(0, -6)),
    data,
  };
};

/** Ends of a request that say nothing against the consumer: none is there (404), time is up (408), or MAX_BYTES are reached (409). */
const isUsualEnd = (code: number, description: string): boolean =>
  code === 404 || code === 408 || (code === 409 && description.includes("MaxBytes"));

/** `isNew`: it has given no message. In a cluster its server may not listen yet; newer servers say so at once (503). */
export const pull = (
  connection: NatsConnection,
  stream: string,
  { consumer, isNew }: { readonly consumer: string; readonly isNew: boolean },
): Promise<Pulled> =>
  new Promise((resolve) => {
    const inbox = createInbox();
    const messages: PulledMessage[] = [];
    const end = (problem: string | null, isSilent = false): void => {
      clearTimeout(timer);
      clearTimeout(again);
      subscription.unsubscribe();
      resolve({ messages, problem, isSilent });
    };
    const timer = setTimeout(
      () => end(`its consumer said nothing for ${ANSWER_MS} ms`, messages.length === 0),
      ANSWER_MS,
    );
    const subscription = connection.subscribe(inbox, {
      callback: (error, message) => {
        if (error !== null) {
          end(error.message);
          return;
        }
        const { code = 0, description = "" } = message.headers ?? {};
        if (code === NO_RESPONDERS && isNew) {
          again = setTimeout(() => {
            if (connection.isClosed()) end("the connection was closed");
            else ask();
          }, ASK_AGAIN_MS);
          return;
        }
        if (code !== 0) {
          end(isUsualEnd(code, description) ? null : `${code} ${description}`);
          return;
        }
        messages.push(toMessage(message));
        timer.refresh();
        if (messages.length === MOST_OF_A_STREAM.rows) end(null);
      },
    });
    let again: NodeJS.Timeout | undefined;
    const ask = (): void => {
      connection.publish(
        `$JS.API.CONSUMER.MSG.NEXT.${stream}.${consumer}`,
        JSON.stringify({
          batch: MOST_OF_A_STREAM.rows,
          max_bytes: MAX_BYTES,
          expires: EXPIRES_MS * 1_000_000,
        }),
        { reply: inbox },
      );
    };
    ask();
  });
