// `sluice forget UNIT`: deletes what is kept of a visitor or user.
import { defineCommand } from "citty";
import { z } from "zod";
import { askFor, originArgument } from "./ask-origin.ts";
import { jsonArgument, plain, printJson, printLine, say } from "./print.ts";

const Forgotten = z.object({
  evidence: z.number(),
  rawSpans: z.number(),
  waiting: z.number(),
  logRecords: z.number(),
  isComplete: z.boolean(),
  notReached: z.array(z.object({ place: z.string(), error: z.string() })),
  pseudonyms: z.array(z.string()),
  namedBy: z.array(z.string()),
});

export const forgetCommand = defineCommand({
  meta: { name: "forget", description: "Delete what is kept of a visitor or user" },
  args: {
    unit: {
      type: "positional",
      required: true,
      description: "the user's id as the site names it, or the visitor's as /.sluice/explain shows it",
    },
    reason: { type: "string", description: "kept in the audit; do not name the unit in it" },
    json: jsonArgument,
    origin: originArgument,
  },
  run: async ({ args }) => {
    const body = { unit: args.unit, ...(args.reason === undefined ? {} : { reason: args.reason }) };
    const forgotten = await askFor(args.origin, { method: "POST", path: "/forget", body }, Forgotten);
    if (!forgotten.isComplete) process.exitCode = 1;
    if (args.json) return printJson(forgotten);
    const { evidence, rawSpans, waiting, logRecords, isComplete, notReached, pseudonyms, namedBy } =
      forgotten;
    printLine(
      `deleted: ${evidence} rows of exposures and outcomes, ${rawSpans} spans, ${waiting} waiting rows; made nameless: ${logRecords} records of the log`,
    );
    if (pseudonyms.length > 0) printLine(`it was stored as: ${pseudonyms.join(", ")}`);
    for (const { place, error } of notReached)
      say(`NOT REACHED: ${plain(place)}, where rows of it may be: ${plain(error)}`);
    if (namedBy.length > 0)
      say(`the id stands in the targeting of ${plain(namedBy.join(", "))}: take it out there`);
    if (notReached.length > 0) say("forget again once that is mended: what is done is not done twice");
    else if (!isComplete)
      say("the fold is behind, and what it has not counted yet may still bring a row: forget again later");
    return undefined;
  },
});
