// `sluice why FEATURE`: why a feature is as it is, and what comes next.
import { defineCommand } from "citty";
import { z } from "zod";
import { formatCount, formatRate } from "../decide/format.ts";
import { featureIdArgument } from "./arguments.ts";
import { askFor, featurePath, originArgument } from "./ask-origin.ts";
import {
  columns,
  jsonArgument,
  printJson,
  printLine,
  proseLines,
  strong,
  tableText,
  tableWidth,
} from "./print.ts";

const Tally = z.object({ n: z.number(), s: z.number() });
const Evidence = z.looseObject({ evidence: z.string(), needed: z.string() });
const Why = z.looseObject({
  featureId: z.string(),
  mode: z.string().nullable(),
  summary: z.string(),
  cohorts: z.object({
    treatment: z.object({ exposed: z.number(), perDay: z.number() }),
    holdout: z.object({ exposed: z.number(), perDay: z.number() }),
  }),
  signals: z.array(
    z.looseObject({
      signal: z.string(),
      threshold: z.number(),
      rate: z.number().nullable(),
      interval: z.object({ lower: z.number(), upper: z.number() }).nullable(),
      treatment: Tally,
      holdout: Tally.nullable(),
      rollback: Evidence,
      keep: Evidence.nullable(),
    }),
  ),
  rollback: z.looseObject({ sentence: z.string() }),
  keep: z.looseObject({ sentence: z.string() }),
  missing: z.array(z.string()),
  warnings: z.array(z.string()),
});
type Why = z.infer<typeof Why>;

const rateText = (tally: z.infer<typeof Tally> | null): string =>
  tally === null
    ? "–"
    : tally.n === 0
      ? "nobody yet"
      : `${formatRate(tally.s / tally.n)} of ${formatCount(tally.n)}`;

const signalRows = ({ signals }: Why): string[][] =>
  signals.map(({ signal, interval, treatment, holdout, threshold, rollback, keep }) => [
    signal,
    rateText(treatment),
    interval === null ? "–" : `${formatRate(interval.lower)} to ${formatRate(interval.upper)}`,
    rateText(holdout),
    formatRate(threshold),
    `${rollback.evidence} of ${rollback.needed}`,
    keep === null ? "–" : `${keep.evidence} of ${keep.needed}`,
  ]);

const HEAD = ["SIGNAL", "TREATMENT", "95 % INTERVAL", "HOLDOUT", "THRESHOLD", "ROLLBACK", "KEEP"];
const LABEL_WIDTH = 15;

/** A table, or where the terminal is too narrow for it a paragraph for each signal. */
const signalsText = (why: Why): string[] => {
  if (why.signals.length === 0) return [];
  const rows = signalRows(why);
  const terminal = columns();
  if (terminal === null || tableWidth(HEAD, rows) <= terminal) return ["", tableText(HEAD, rows)];
  const labels = HEAD.slice(1).map((label) => `  ${label.toLowerCase()}`.padEnd(LABEL_WIDTH + 2));
  return rows.flatMap(([signal = "", ...cells]) =>
    ["", strong(signal)].concat(cells.map((cell, at) => `${labels[at] ?? ""}${cell}`)),
  );
};

const listed = (title: string, lines: readonly string[]): string[] =>
  lines.length === 0 ? [] : ["", strong(title)].concat(lines.flatMap((line) => proseLines(line, 2)));

const whyText = (why: Why): string => {
  const { treatment, holdout } = why.cohorts;
  return [
    `${strong(why.featureId)}${why.mode === null ? "" : ` (${why.mode})`}`,
    ...proseLines(why.summary),
    ...signalsText(why),
    ...listed("Units", [
      `${formatCount(treatment.exposed)} in treatment, ${formatCount(holdout.exposed)} in the holdout; ${formatCount(treatment.perDay)} and ${formatCount(holdout.perDay)} new ones a day`,
    ]),
    ...listed("What comes next", [why.rollback.sentence, why.keep.sentence]),
    ...listed("Missing", why.missing),
    ...listed("Warnings", why.warnings),
  ].join("\n");
};

export const whyCommand = defineCommand({
  meta: { name: "why", description: "Say why a feature is as it is, and what comes next" },
  args: {
    feature: { type: "positional", required: true, description: "the feature's id" },
    json: jsonArgument,
    origin: originArgument,
  },
  run: async ({ args }) => {
    const featureId = featureIdArgument(args.feature);
    const why = await askFor(args.origin, { path: featurePath(featureId, "/why") }, Why);
    if (args.json) printJson(why);
    else printLine(whyText(why));
  },
});
