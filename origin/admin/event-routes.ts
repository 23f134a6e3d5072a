// The event stream: changes and evaluations as they come (server-sent events).
import { z } from "@hono/zod-openapi";
import { streamSSE } from "hono/streaming";
import type { EvaluationEvent as EvaluationRow } from "../evaluate/evaluation-reads.ts";
import type { AuditRow } from "../features/read-features.ts";
import { problem } from "../runtime/problem.ts";
import type { AdminApp } from "./admin-context.ts";
import type { EventFeed, FeedEvent } from "./event-feed.ts";
import { addOperation } from "./operation.ts";

/** So often that somebody who watches soon knows that a connection has fallen silent. */
const HEARTBEAT_MS = 5_000;
/** Whoever has signed out, or whose token was revoked, hears nothing any more after this time. */
const ASK_AGAIN_MS = 5_000;
const MAX_STREAMS = 200;
/** A client that does not read is let go, and may come back for the rest. */
const MAX_WAITING = 5_000;

type Message = { readonly event: string; readonly id?: string; readonly data: string };

const messageOf = (event: FeedEvent<AuditRow, EvaluationRow>): Message => {
  switch (event.kind) {
    case "change":
      return { event: event.kind, id: String(event.change.seq), data: JSON.stringify(event.change) };
    case "evaluation":
      return { event: event.kind, data: JSON.stringify(event.evaluation) };
    case "operator":
      return { event: event.operator.kind, data: JSON.stringify(event.operator.document) };
    case "edge":
      return { event: event.kind, data: JSON.stringify(event.edge) };
  }
};

const LastEventId = z.object({
  lastEventId: z.coerce
    .number()
    .int()
    .min(0)
    .max(Number.MAX_SAFE_INTEGER)
    .optional()
    .openapi({ description: "Where to go on, for clients that cannot send the header Last-Event-ID." }),
});

export const addEventRoutes = (
  api: AdminApp,
  { feed, stopping }: { feed: EventFeed<AuditRow, EvaluationRow>; stopping: AbortSignal },
): void => {
  let streams = 0;

  addOperation(
    api,
    {
      method: "get",
      path: "/events",
      operationId: "watchEvents",
      tag: "Audit",
      summary: "Watch changes and evaluations as they come",
      description:
        "Server-sent events. `change` has an entry of the audit as its data and the entry's number as its id; with `Last-Event-ID` the stream goes on after it. `evaluation` has a new evaluation in short. `approval`, `policy` and `schedule` tell what happened to a request for approval, to the policy and to a schedule. `edge` has what an edge has confirmed, and since when it is not reached, whenever that changes. `alive` comes after every 5 s in which nothing happened. All but changes are not sent again after a pause.",
      scope: "viewer",
      query: LastEventId,
      answers: {
        200: { description: "The stream.", schema: z.string(), contentType: "text/event-stream" },
      },
    },
    async ({ context, query }) => {
      const header = context.req.header("last-event-id");
      const given = header === undefined || header === "" ? query.lastEventId : Number(header);
      if (given !== undefined && !(Number.isSafeInteger(given) && given >= 0))
        return problem(context, {
          status: 400,
          title: "Bad Request",
          detail: "Last-Event-ID: must be the id of an event",
        });
      if (streams >= MAX_STREAMS) {
        context.header("retry-after", "10");
        return problem(context, {
          status: 429,
          title: "Too Many Requests",
          detail: `this origin has ${MAX_STREAMS} event streams already`,
        });
      }
      context.header("x-accel-buffering", "no");
      return streamSSE(context, async (stream) => {
        streams += 1;
        const waiting: Message[] = [];
        let wake = (): void => {};
        let ended = false;
        const end = (): void => {
          ended = true;
          wake();
        };
        stream.onAbort(end);
        stopping.addEventListener("abort", end, { once: true });
        const unsubscribe = await feed.subscribe(given ?? null, (event) => {
          if (waiting.length >= MAX_WAITING) end();
          else waiting.push(messageOf(event));
          wake();
        });
        let askedAt = performance.now();
        const mayListen = async (): Promise<boolean> => {
          if (performance.now() - askedAt < ASK_AGAIN_MS) return true;
          askedAt = performance.now();
          // Where the database cannot be asked, the client comes back and is told so.
          return context
            .get("isStillKnown")()
            .catch(() => false);
        };
        try {
          await stream.write(": connected\n\n");
          for (;;) {
            if (ended || !(await mayListen())) return;
            const message = waiting.shift();
            if (message !== undefined) {
              await stream.writeSSE(message);
              continue;
            }
            const isBeat = await new Promise<boolean>((resolve) => {
              const timer = setTimeout(() => resolve(true), HEARTBEAT_MS);
              wake = () => {
                clearTimeout(timer);
                resolve(false);
              };
              if (ended || waiting.length > 0) wake();
            });
            if (isBeat) await stream.writeSSE({ event: "alive", data: "" });
          }
        } finally {
          streams -= 1;
          stopping.removeEventListener("abort", end);
          await unsubscribe();
        }
      });
    },
  );
};
