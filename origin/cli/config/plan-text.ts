// A plan for a person: on a terminal, and as a comment of a pull request.
import { z } from "zod";
import { coloured, strong } from "../print.ts";

const told = {
  file: z.string().nullable(),
  action: z.enum(["create", "update", "delete", "adopt", "release", "keep"]),
  changes: z.array(
    z.object({ field: z.string(), from: z.unknown(), to: z.unknown(), by: z.enum(["file", "hand"]) }),
  ),
  notes: z.array(z.string()),
  warnings: z.array(z.string()),
};

export const Plan = z.looseObject({
  hash: z.string(),
  source: z.string(),
  changed: z.boolean(),
  counts: z.object({
    create: z.number(),
    update: z.number(),
    delete: z.number(),
    adopt: z.number(),
    release: z.number(),
    unchanged: z.number(),
  }),
  /** An older origin has none. */
  segments: z.array(z.object({ ...told, segmentId: z.string(), features: z.array(z.string()) })).default([]),
  features: z.array(z.object({ ...told, featureId: z.string(), visitors: z.string().nullable() })),
  baseSegments: z.array(z.object({ segmentId: z.string(), version: z.number().nullable() })).default([]),
  base: z.array(z.object({ featureId: z.string(), version: z.number().nullable() })),
});
export type Plan = z.infer<typeof Plan>;

/** A feature or a segment, as it is told. */
type Planned = Pick<
  Plan["features"][number],
  "file" | "action" | "changes" | "notes" | "warnings" | "visitors"
> & { readonly name: string };

/** Segments first: features are made of them. */
const plannedOf = ({ segments, features }: Plan): Planned[] => [
  ...segments.map(({ segmentId, features: users, notes, ...one }) => ({
    ...one,
    name: `segment ${segmentId}`,
    notes: users.length === 0 ? notes : [...notes, `changes the targeting of ${users.join(", ")}`],
    visitors: null,
  })),
  ...features.map(({ featureId, ...one }) => ({ ...one, name: featureId })),
];

const SIGN = { create: "+", update: "~", delete: "-", adopt: "~", release: "-", keep: " " } as const;
const COLOUR = {
  create: "green",
  update: "yellow",
  delete: "red",
  adopt: "yellow",
  release: "yellow",
  keep: "yellow",
} as const;
const DOES = {
  create: "is created",
  update: "changes",
  delete: "is deleted",
  adopt: "is owned by this file from now on",
  release: "is owned by no file any more",
  keep: "stays as it is",
} as const;

/** Characters that would move the cursor, break the line or turn the direction of writing. */
// oxlint-disable-next-line no-control-regex -- control characters are what this finds
const UNSEEN = /[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g;
const seen = (text: string): string =>
  text.replaceAll(UNSEEN, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`);

const valueText = (value: unknown): string => (value === null ? "none" : seen(JSON.stringify(value)));

type Leaf = { readonly field: string; readonly from: unknown; readonly to: unknown };

const isFields = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** The parts in which two values differ: of a tree of conditions only the condition that changed. */
export const leavesOf = ({ field, from, to }: Leaf): Leaf[] => {
  if (JSON.stringify(from) === JSON.stringify(to)) return [];
  if (isFields(from) && isFields(to)) {
    const names = [...new Set([...Object.keys(from), ...Object.keys(to)])];
    return names.flatMap((name) =>
      leavesOf({ field: `${field}.${name}`, from: from[name] ?? null, to: to[name] ?? null }),
    );
  }
  if (Array.isArray(from) && Array.isArray(to) && from.length === to.length && from.some(isFields))
    return from.flatMap((item: unknown, at) => leavesOf({ field: `${field}.${at}`, from: item, to: to[at] }));
  return [{ field, from, to }];
};

const changeLines = ({ action, changes }: Planned): string[] =>
  changes.flatMap(({ by, ...change }) =>
    leavesOf(change).map(({ field, from, to }) => {
      const after = by === "hand" ? "  (changed by hand; the file takes it back)" : "";
      return action === "create"
        ? `${seen(field)}: ${valueText(to)}`
        : `${seen(field)}: ${valueText(from)} → ${valueText(to)}${after}`;
    }),
  );

const titleOf = ({ name, file, action }: Planned): string =>
  `${seen(name)} ${DOES[action]}${file === null ? "" : `  (${seen(file)})`}`;

const VERB = {
  create: "create",
  update: "change",
  delete: "delete",
  adopt: "adopt",
  release: "release",
} as const;

const segmentsText = (segments: Plan["segments"]): string => {
  const parts = Object.entries(VERB).flatMap(([action, verb]) => {
    const many = segments.filter((one) => one.action === action).length;
    return many === 0 ? [] : [`${many} to ${verb}`];
  });
  return parts.length === 0 ? "" : `; segments: ${parts.join(", ")}`;
};

/** "2 to create, 1 to delete; 997 stay as they are". */
export const summaryText = ({ counts, segments }: Plan): string => {
  const { unchanged } = counts;
  const parts = [
    { word: "create", many: counts.create },
    { word: "change", many: counts.update },
    { word: "delete", many: counts.delete },
    { word: "adopt", many: counts.adopt },
    { word: "release", many: counts.release },
  ]
    .filter(({ many }) => many > 0)
    .map(({ word, many }) => `${many} to ${word}`);
  const stay = `${unchanged} ${unchanged === 1 ? "stays as it is" : "stay as they are"}`;
  const ofSegments = segmentsText(segments);
  return parts.length === 0 && ofSegments === ""
    ? `nothing to change; ${stay}`
    : `${[...parts, ...(parts.length === 0 ? ["no feature to change"] : [])].join(", ")}; ${stay}${ofSegments}`;
};

const plannedText = (planned: Planned): string => {
  const { action, visitors, notes, warnings } = planned;
  return [
    `${coloured(COLOUR[action], SIGN[action])} ${strong(titleOf(planned))}`,
    ...changeLines(planned).map((line) => `    ${line}`),
    ...(visitors === null ? [] : [`    visitors: ${seen(visitors)}`]),
    ...notes.map((note) => `    note: ${seen(note)}`),
    ...warnings.map((warning) => `    ${coloured("yellow", `warning: ${seen(warning)}`)}`),
  ].join("\n");
};

export const planText = (plan: Plan): string =>
  [...plannedOf(plan).map(plannedText), `Plan of ${plan.source}: ${summaryText(plan)}.`].join("\n\n");

/** GitHub takes 65,536 characters. */
const MAX_MARKDOWN = 60_000;

const MARK = { create: "+", update: "!", delete: "-", adopt: "!", release: "!", keep: "#" } as const;

const diffLines = (planned: Planned): string[] => {
  const lines: string[] = [];
  for (const { by, ...change } of planned.changes)
    for (const { field, from, to } of leavesOf(change)) {
      if (planned.action !== "create") lines.push(`-   ${seen(field)}: ${valueText(from)}`);
      const after = by === "hand" ? "  # changed by hand; the file takes it back" : "";
      lines.push(`+   ${seen(field)}: ${valueText(to)}${after}`);
    }
  return lines;
};

const diffOf = (planned: Planned): string =>
  [
    `${MARK[planned.action]} ${titleOf(planned)}`,
    ...diffLines(planned),
    ...(planned.visitors === null ? [] : [`#   visitors: ${seen(planned.visitors)}`]),
    ...planned.notes.map((note) => `#   note: ${seen(note)}`),
    ...planned.warnings.map((warning) => `!   warning: ${seen(warning)}`),
  ].join("\n");

/** A fence that nothing within can close. */
const fenceFor = (text: string): string =>
  "`".repeat(Math.max(3, ...[...text.matchAll(/`+/g)].map(([run]) => run.length + 1)));

export const planMarkdown = (plan: Plan): string => {
  const parts: string[] = [];
  let length = 0;
  const all = plannedOf(plan);
  for (const one of all) {
    const part = diffOf(one);
    if (length + part.length > MAX_MARKDOWN) break;
    parts.push(part);
    length += part.length;
  }
  const left = all.length - parts.length;
  const text = parts.join("\n\n");
  const fence = fenceFor(text);
  return [
    `### Sluice: ${summaryText(plan)}`,
    ...(text === "" ? [] : [`${fence}diff\n${text}\n${fence}`]),
    ...(left === 0 ? [] : [`And ${left} more, which are too long for a comment.`]),
    `Plan \`${plan.hash}\` of \`${plan.source}\``,
  ].join("\n\n");
};
