// `sluice watch`: a line for each change and each new evaluation, until it is interrupted.
import { setTimeout as sleep } from "node:timers/promises";
import { defineCommand } from "citty";
import { z } from "zod";
import { askOrigin, originArgument } from "./ask-origin.ts";
import { UsageError } from "./errors.ts";
import { jsonArgument, printLine, say } from "./print.ts";
import { readEvents, type ServerEvent } from "./server-events.ts";

const Change = z.looseObject({
  at: z.string(),
  actor: z.string(),
  action: z.string(),
  featureId: z.string(),
  reason: z.string(),
  revision: z.number(),
});
const Evaluation = z.looseObject({
  at: z.string(),
  featureId: z.string(),
  state: z.string(),
  reason: z.string(),
});

const AGAIN_MS = 1_000;

const time = (at: string): string => at.slice(11, 19);

const lineOf = ({ event, data }: ServerEvent): string | null => {
  const json: unknown = JSON.parse(data);
  if (event === "change") {
    const { at, actor, action, featureId, reason, revision } = Change.parse(json);
    return `${time(at)}  ${featureId}  ${action} by ${actor} at revision ${revision}: ${reason}`;
  }
  if (event !== "evaluation") return null;
  const { at, featureId, state, reason } = Evaluation.parse(json);
  return `${time(at)}  ${featureId}  ${state}: ${reason}`;
};

export const watchCommand = defineCommand({
  meta: { name: "watch", description: "Write a line for each change and each new evaluation" },
  args: { json: jsonArgument, origin: originArgument },
  run: async ({ args }) => {
    let lastId: string | undefined;
    for (let isFirst = true; ; isFirst = false) {
      try {
        const headers: Record<string, string> = lastId === undefined ? {} : { "last-event-id": lastId };
        const response = await askOrigin(args.origin, { path: "/events", headers, withinMs: null });
        say(isFirst ? "watching; Ctrl-C ends it" : "the origin answers again");
        for await (const event of readEvents(response)) {
          if (event.event === "alive") continue;
          lastId = event.id ?? lastId;
          const line = args.json
            ? JSON.stringify({ event: event.event, ...JSON.parse(event.data) })
            : lineOf(event);
          if (line !== null) printLine(line);
        }
      } catch (error) {
        // At the beginning it is the person's to mend.
        if (isFirst || error instanceof UsageError) throw error;
      }
      say("the connection has ended; trying again");
      await sleep(AGAIN_MS);
    }
  },
});
