// `sluice validate`, `plan`, `apply` and `drift`: features as configuration files.
import { createInterface } from "node:readline/promises";
import { defineCommand } from "citty";
import { z } from "zod";
import { askFor, originArgument } from "./ask-origin.ts";
import {
  askApply,
  askPlan,
  fileArgument,
  readContent,
  type Files,
  type PlanOptions,
} from "./config/content.ts";
import { planMarkdown, planText, summaryText } from "./config/plan-text.ts";
import { failureText, UsageError } from "./errors.ts";
import { jsonArgument, printJson, printLine, say } from "./print.ts";

const planArguments = {
  file: fileArgument,
  releaseRemoved: {
    type: "boolean",
    default: false,
    description: "keep what left the files; no file owns it then",
  },
  takeOver: {
    type: "boolean",
    default: false,
    description: "take over what another source owns",
  },
  json: jsonArgument,
  origin: originArgument,
} as const;

export const validateCommand = defineCommand({
  meta: { name: "validate", description: "Check configuration files, without an origin" },
  args: { file: fileArgument, json: jsonArgument },
  run: async ({ args }) => {
    const { content, files } = await readContent(args.file, args.json, "the files are not valid");
    const features = content.features.length;
    const segments = content.segments?.length ?? 0;
    const ofSegments = segments === 0 ? "" : ` and ${segments} segment${segments === 1 ? "" : "s"}`;
    if (args.json) printJson({ source: content.source, files, features, segments });
    else
      printLine(
        `${content.source}: ${features} feature${features === 1 ? "" : "s"}${ofSegments} in ${files} file${files === 1 ? "" : "s"}, all valid`,
      );
  },
});

const NO_CHANGES = 0;
const CHANGES = 2;

export const planCommand = defineCommand({
  meta: { name: "plan", description: "What configuration files would change" },
  args: {
    ...planArguments,
    detailedExitcode: {
      type: "boolean",
      default: false,
      description: "exit with 0: nothing to change, 1: an error, 2: something to change",
    },
    markdown: { type: "boolean", default: false, description: "write a comment for a pull request" },
  },
  run: async ({ args }) => {
    if (args.json && args.markdown) throw new UsageError("say --json or --markdown, and not both");
    try {
      const plan = await askPlan(await readContent(args.file, args.json, "nothing was planned"), args);
      if (args.json) printJson(plan);
      else printLine(args.markdown ? planMarkdown(plan) : planText(plan));
      if (args.detailedExitcode) process.exitCode = plan.changed ? CHANGES : NO_CHANGES;
    } catch (error) {
      if (!args.detailedExitcode || !(error instanceof UsageError)) throw error;
      // 2 would say that there is something to change.
      process.stderr.write(failureText(new Error(error.message), "plan", args.json));
      process.exitCode = 1;
    }
  },
});

const ask = async (question: string): Promise<string> => {
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return await lines.question(question);
  } finally {
    lines.close();
  }
};

/** Shows the plan, asks on a terminal, and carries exactly that plan out. With `json` it writes nothing itself. */
export const applyFiles = async (
  files: Files,
  options: PlanOptions & {
    readonly yes: boolean;
    readonly hash?: string | undefined;
    readonly reason?: string | undefined;
  },
) => {
  const plan = await askPlan(files, options);
  if (options.hash !== undefined && options.hash !== plan.hash)
    throw new Error(
      `the plan is ${plan.hash} and not ${options.hash}: the files or the features changed since, and nothing was applied`,
    );
  if (!options.json) printLine(planText(plan));
  if (plan.changed && !options.yes) {
    if (!process.stdin.isTTY)
      throw new UsageError("say --yes: there is no terminal to ask at. Nothing was applied");
    const answer = await ask(`Apply this plan (${summaryText(plan)})? Only yes does it: `);
    if (answer.trim() !== "yes") throw new Error("nothing was applied");
  }
  const applied = await askApply(files, plan, options.reason, options);
  if (options.json) return { ...applied, plan };
  if (applied.revision === null) say("Everything is as the files say.");
  else
    printLine(
      `${applied.alreadyApplied ? "It was applied before" : "Applied"} at revision ${applied.revision}.`,
    );
  return { ...applied, plan };
};

export const applyCommand = defineCommand({
  meta: { name: "apply", description: "Carry out what configuration files change, in one revision" },
  args: {
    ...planArguments,
    yes: { type: "boolean", default: false, description: "do not ask" },
    hash: {
      type: "string",
      valueHint: "HASH",
      description: "apply only if the plan has this hash, as a review has seen it",
    },
    reason: { type: "string", description: "why; it goes into the audit" },
  },
  run: async ({ args }) => {
    const files = await readContent(args.file, args.json, "nothing was applied");
    const applied = await applyFiles(files, args);
    if (args.json) printJson(applied);
  },
});

const managedBy = z
  .object({
    source: z.string(),
    file: z.string(),
    appliedAt: z.string(),
    drift: z.array(z.object({ field: z.string(), file: z.unknown(), now: z.unknown() })),
  })
  .nullable();
const next = z.string().nullable();
const Features = z.object({
  features: z.array(z.looseObject({ featureId: z.string(), managedBy })),
  next,
});
/** The segments of an older origin are owned by no file. */
const Segments = z.object({
  segments: z.array(z.looseObject({ segmentId: z.string(), managedBy: managedBy.default(null) })),
  next,
});

/** All pages of a list. */
const readPages = async <T extends { readonly next: string | null }>(
  origin: string | undefined,
  path: string,
  Page: z.ZodType<T>,
): Promise<T[]> => {
  const pages: T[] = [];
  for (let after: string | null = ""; after !== null;) {
    const query: string = after === "" ? "" : `&after=${encodeURIComponent(after)}`;
    const page: T = await askFor(origin, { path: `${path}?limit=500${query}` }, Page);
    pages.push(page);
    after = page.next;
  }
  return pages;
};

export const driftCommand = defineCommand({
  meta: { name: "drift", description: "What was changed by hand since files were applied" },
  args: {
    source: { type: "string", description: "only what this source owns" },
    detailedExitcode: {
      type: "boolean",
      default: false,
      description: "exit with 0: nothing, 1: an error, 2: something was changed",
    },
    json: jsonArgument,
    origin: originArgument,
  },
  run: async ({ args }) => {
    const segments = (await readPages(args.origin, "/segments", Segments)).flatMap((page) => page.segments);
    const features = (await readPages(args.origin, "/features", Features)).flatMap((page) => page.features);
    const owned = [
      ...segments.map((one) => ({
        name: `segment ${one.segmentId}`,
        id: { segmentId: one.segmentId },
        by: one.managedBy,
      })),
      ...features.map((one) => ({
        name: one.featureId,
        id: { featureId: one.featureId },
        by: one.managedBy,
      })),
    ];
    const drifted = owned.flatMap(({ name, id, by }) =>
      by !== null && by.drift.length > 0 && (args.source ?? by.source) === by.source
        ? [{ name, document: { ...id, ...by } }]
        : [],
    );
    if (args.json) printJson(drifted.map(({ document }) => document));
    else if (drifted.length === 0) say("No feature and no segment differs from its file.");
    for (const { name, document } of args.json ? [] : drifted) {
      printLine(`${name}  (${document.file} of ${document.source})`);
      for (const { field, file: wanted, now } of document.drift)
        printLine(`    ${field}: ${JSON.stringify(wanted)} in the file, ${JSON.stringify(now)} now`);
    }
    if (args.detailedExitcode) process.exitCode = drifted.length > 0 ? CHANGES : NO_CHANGES;
  },
});
