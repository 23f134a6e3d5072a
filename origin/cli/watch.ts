// `sluice watch`: on a terminal a table of all features that follows what happens; elsewhere a line for each change and each
// new evaluation.
import { setTimeout as sleep } from "node:timers/promises";
import { defineCommand } from "citty";
import { z } from "zod";
import { askOrigin, originArgument } from "./ask-origin.ts";
import { UsageError } from "./errors.ts";
import { jsonArgument, plain, printLine, say } from "./print.ts";
import { readEvents, type ServerEvent } from "./server-events.ts";
import { showTable } from "./watch-table.ts";

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
    return plain(`${time(at)}  ${featureId}  ${action} by ${actor} at revision ${revision}: ${reason}`);
  }
  if (event !== "evaluation") return null;
  const { at, featureId, state, reason } = Evaluation.parse(json);
  return plain(`${time(at)}  ${featureId}  ${state}: ${reason}`);
};

type Shown = {
  readonly event: (event: ServerEvent) => void;
  /** What is to be said of the connection. */
  readonly note: (text: string) => void;
};

/** Follows the stream for ever; throws where it cannot begin, which is the person's to mend. */
const follow = async (origin: string | undefined, { event, note }: Shown): Promise<never> => {
  let lastId: string | undefined;
  for (let isFirst = true; ;) {
    try {
      const headers: Record<string, string> = lastId === undefined ? {} : { "last-event-id": lastId };
      const response = await askOrigin(origin, { path: "/events", headers, withinMs: null });
      note(isFirst ? "watching; Ctrl-C ends it" : "the origin answers again");
      isFirst = false;
      for await (const one of readEvents(response)) {
        if (one.event === "alive") continue;
        lastId = one.id ?? lastId;
        event(one);
      }
    } catch (error) {
      if (isFirst || error instanceof UsageError) throw error;
    }
    note("the connection has ended; trying again");
    await sleep(AGAIN_MS);
  }
};

export const watchCommand = defineCommand({
  meta: { name: "watch", description: "Show features as they change, until Ctrl-C" },
  args: {
    lines: {
      type: "boolean",
      default: false,
      description: "a line for each event, as where standard output is no terminal",
    },
    json: jsonArgument,
    origin: originArgument,
  },
  run: async ({ args }) => {
    // Its end is what a person wants, and no failure.
    process.once("SIGINT", () => process.exit(0));
    const isDumb = process.env["TERM"] === "dumb";
    if (process.stdout.isTTY && !isDumb && !args.lines && !args.json) {
      const table = await showTable(args.origin);
      await follow(args.origin, {
        event: (one) => {
          const line = lineOf(one);
          if (line !== null) table.event(line);
        },
        note: table.note,
      }).catch((error: unknown) => {
        table.end();
        throw error;
      });
    }
    await follow(args.origin, {
      event: (one) => {
        const line = args.json ? JSON.stringify({ event: one.event, ...JSON.parse(one.data) }) : lineOf(one);
        if (line !== null) printLine(line);
      },
      note: say,
    });
  },
});
