// `sluice annotate` marks a moment on the time charts of features: for pipelines that deploy the site.
import { randomUUID } from "node:crypto";
import { stripVTControlCharacters } from "node:util";
import { defineCommand } from "citty";
import { z } from "zod";
import { featureIdArgument } from "./arguments.ts";
import { askFor, originArgument } from "./ask-origin.ts";
import { jsonArgument, printJson, printLine } from "./print.ts";

const Annotation = z.looseObject({
  annotationId: z.string(),
  at: z.string(),
  title: z.string(),
  tags: z.array(z.string()),
  features: z.array(z.string()),
});

const listOf = (text: string | undefined): string[] =>
  (text ?? "")
    .split(",")
    .map((entry) => entry.trim())
    .filter((entry) => entry !== "");

export const annotateCommand = defineCommand({
  meta: { name: "annotate", description: "Mark a moment on the charts of features, such as a deploy" },
  args: {
    title: { type: "positional", required: true, description: 'what happened: "Deploy 4711 of the shop"' },
    at: { type: "string", description: "when it was, such as 2027-12-01T09:00:00Z; else now" },
    link: { type: "string", description: "where one can read more" },
    features: { type: "string", valueHint: "ID,ID", description: "only these features" },
    tags: { type: "string", valueHint: "TAG,TAG", description: "only features with these tags" },
    json: jsonArgument,
    origin: originArgument,
  },
  run: async ({ args }) => {
    const body = {
      title: args.title,
      tags: listOf(args.tags),
      features: listOf(args.features).map((id) => featureIdArgument(id)),
      ...(args.at === undefined ? {} : { at: args.at }),
      ...(args.link === undefined ? {} : { link: args.link }),
    };
    const headers = { "idempotency-key": randomUUID() };
    const made = await askFor(
      args.origin,
      { method: "POST", path: "/annotations", body, headers },
      Annotation,
    );
    if (args.json) return printJson(made);
    const about = [...made.features, ...made.tags.map((tag) => `tag ${tag}`)].join(", ");
    return printLine(
      `${made.annotationId}: ${stripVTControlCharacters(made.title)} at ${made.at}, about ${about === "" ? "all features" : about}`,
    );
  },
});
