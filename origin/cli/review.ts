// `sluice review`: what was rolled back, never decides, can be removed, or is used by nobody.
import { defineCommand } from "citty";
import { z } from "zod";
import { reviewMarkdown } from "../evaluate/review/review-markdown.ts";
import type { Review } from "../evaluate/review/review.ts";
import { durationArgument } from "./arguments.ts";
import { askFor, originArgument } from "./ask-origin.ts";
import { UsageError } from "./errors.ts";
import { jsonArgument, printJson, printLine } from "./print.ts";

const Shape = z.looseObject({ since: z.string(), totals: z.record(z.string(), z.number()) });
/** The API's own document, whose schema the origin holds its answers to. */
const ReviewAnswer = z.custom<Review>((json) => Shape.safeParse(json).success);

/** Headings and list marks are for Markdown; a terminal shows the same lines without what escapes its signs. */
const asText = (markdown: string): string =>
  markdown
    .replaceAll(/^#+ (.*)$/gm, (_, title: string) => title.toUpperCase())
    .replaceAll(/`([^`]*)`/g, "$1")
    .replaceAll(/\\(.)/g, "$1")
    .replaceAll("&lt;", "<")
    .replaceAll("&amp;", "&");

export const reviewCommand = defineCommand({
  meta: {
    name: "review",
    description: "What was rolled back, never decides, can be removed, or is used by nobody",
  },
  args: {
    last: {
      type: "string",
      default: "7d",
      valueHint: "TIME",
      description: "of so long up to now, such as 30d",
    },
    "open-days": { type: "string", description: "a zombie is open for so many days at least; else 30" },
    markdown: { type: "boolean", default: false, description: "write Markdown" },
    json: jsonArgument,
    origin: originArgument,
  },
  run: async ({ args }) => {
    if (args.json && args.markdown) throw new UsageError("name --json or --markdown, and not both");
    const since = new Date(Date.now() - durationArgument(args.last, "last") * 1_000).toISOString();
    const query = new URLSearchParams({ since });
    if (args["open-days"] !== undefined) query.set("openDays", args["open-days"]);
    const review = await askFor(args.origin, { path: `/review?${query.toString()}` }, ReviewAnswer);
    if (args.json) return printJson(review);
    const markdown = reviewMarkdown(review).trimEnd();
    return printLine(args.markdown ? markdown : asText(markdown));
  },
});
