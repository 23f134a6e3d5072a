// `sluice segments`: list, show, set and delete the named conditions that several features use.
import { readFile } from "node:fs/promises";
import { defineCommand } from "citty";
import { z } from "zod";
import { SegmentId } from "../../shared/ids.ts";
import { jsonText, segmentIdArgument } from "./arguments.ts";
import { askFor, askOrigin, originArgument } from "./ask-origin.ts";
import { ProblemError, UsageError } from "./errors.ts";
import { jsonArgument, printJson, printLine, say, tableText } from "./print.ts";

const Segment = z.looseObject({
  segmentId: SegmentId,
  condition: z.unknown(),
  description: z.string().nullable(),
  version: z.number(),
  features: z.array(z.object({ featureId: z.string(), enabled: z.boolean(), onTrial: z.boolean() })),
  usedBy: z.array(z.string()),
  revision: z.number().optional(),
  warnings: z.array(z.string()).default([]),
});
type Segment = z.infer<typeof Segment>;
const Page = z.object({ segments: z.array(Segment), next: z.string().nullable() });

const id = { type: "positional", required: true, description: "the segment's id" } as const;
const reason = { type: "string", description: "why; it goes into the audit" } as const;
const common = { json: jsonArgument, origin: originArgument };

const pathOf = (segmentId: string, query: Readonly<Record<string, string>> = {}): string => {
  const text = new URLSearchParams(query).toString();
  return `/segments/${encodeURIComponent(segmentId)}${text === "" ? "" : `?${text}`}`;
};

const usersText = ({ features, usedBy }: Segment): string =>
  [
    ...features.map(({ featureId, onTrial }) => `${featureId}${onTrial ? " (on trial)" : ""}`),
    ...usedBy.map((one) => `segment ${one}`),
  ].join(", ");

const list = defineCommand({
  meta: { name: "list", description: "List segments, with who uses them" },
  args: common,
  run: async ({ args }) => {
    const segments: Segment[] = [];
    for (let after: string | null = ""; after !== null;) {
      const query = after === "" ? "" : `?after=${encodeURIComponent(after)}`;
      const page: z.infer<typeof Page> = await askFor(args.origin, { path: `/segments${query}` }, Page);
      segments.push(...page.segments);
      after = page.next;
    }
    if (args.json) return printJson(segments);
    if (segments.length === 0) return say("there are no segments");
    return printLine(
      tableText(
        ["SEGMENT", "VERSION", "FEATURES", "ON TRIAL", "DESCRIPTION"],
        segments.map((one) => [
          one.segmentId,
          String(one.version),
          String(one.features.length),
          String(one.features.filter(({ onTrial }) => onTrial).length),
          one.description?.split("\n")[0] ?? "",
        ]),
      ),
    );
  },
});

/** null: there is none. */
const find = async (origin: string | undefined, segmentId: string): Promise<Segment | null> => {
  try {
    return await askFor(origin, { path: pathOf(segmentId) }, Segment);
  } catch (error) {
    if (error instanceof ProblemError && error.status === 404) return null;
    throw error;
  }
};

const show = defineCommand({
  meta: { name: "show", description: "Show a segment's condition, and who uses it" },
  args: { id, ...common },
  run: async ({ args }) => {
    const segment = await askFor(args.origin, { path: pathOf(segmentIdArgument(args.id)) }, Segment);
    if (args.json) return printJson(segment);
    if (segment.description !== null) say(segment.description);
    const users = usersText(segment);
    say(users === "" ? "nothing uses it" : `used by ${users}`);
    return printJson(segment.condition);
  },
});

const readCondition = async (text: string | undefined, file: string | undefined): Promise<unknown> => {
  if (text !== undefined && file !== undefined) throw new UsageError("say --condition or --file, not both");
  if (text !== undefined) return jsonText(text, "--condition");
  if (file === undefined) return undefined;
  const content = await readFile(file, "utf8").catch((cause: unknown) => {
    throw new UsageError(`--file ${file} cannot be read`, { cause });
  });
  return jsonText(content, `--file ${file}`);
};

const set = defineCommand({
  meta: { name: "set", description: "Create a segment, or change it and all features that use it" },
  args: {
    id,
    condition: {
      type: "string",
      valueHint: "JSON",
      description: "the condition, as in a feature's targeting",
    },
    file: { type: "string", valueHint: "FILE", description: "read the condition from a JSON file" },
    description: { type: "string", description: "what it is for" },
    force: {
      type: "boolean",
      default: false,
      description: "also where a feature needs the approval of a second person (admins)",
    },
    reason,
    ...common,
  },
  run: async ({ args }) => {
    const segmentId = segmentIdArgument(args.id);
    const condition = await readCondition(args.condition, args.file);
    const body = {
      ...(condition === undefined ? {} : { condition }),
      ...(args.description === undefined ? {} : { description: args.description }),
      ...(args.reason === undefined ? {} : { reason: args.reason }),
    };
    const before = await find(args.origin, segmentId);
    if (before === null && condition === undefined)
      throw new UsageError(`there is no segment ${segmentId} yet: give its --condition or --file`);
    const changed = await askFor(
      args.origin,
      before === null
        ? { method: "POST", path: "/segments", body: { segmentId, ...body } }
        : {
            method: "PUT",
            path: pathOf(segmentId, args.force ? { force: "true" } : {}),
            body,
            headers: { "if-match": `"${before.version}"` },
          },
      Segment,
    );
    if (args.json) return printJson(changed);
    for (const warning of changed.warnings) say(warning);
    const what = before === null ? "is created" : "is changed";
    return printLine(`${segmentId} ${what} at revision ${changed.revision ?? "?"}`);
  },
});

const remove = defineCommand({
  meta: { name: "delete", description: "Delete a segment that nothing uses" },
  args: { id, reason, origin: originArgument },
  run: async ({ args }) => {
    const segmentId = segmentIdArgument(args.id);
    const { version } = await askFor(args.origin, { path: pathOf(segmentId) }, Segment);
    await askOrigin(args.origin, {
      method: "DELETE",
      path: pathOf(segmentId, args.reason === undefined ? {} : { reason: args.reason }),
      headers: { "if-match": `"${version}"` },
    });
    say(`${segmentId} is deleted`);
  },
});

export const segmentsCommand = defineCommand({
  meta: { name: "segments", description: "List, show, set and delete conditions that features share" },
  subCommands: { list, show, set, delete: remove },
});
