// `sluice why FEATURE`: why a feature is as it is, and what comes next.
import { defineCommand } from "citty";
import { z } from "zod";
import { formatCount, formatRate } from "../decide/format.ts";
import { featureIdArgument } from "./arguments.ts";
import { askFor, featurePath, originArgument } from "./ask-origin.ts";
import { jsonArgument, printJson, printLine, strong, tableText } from "./print.ts";

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

const listed = (title: string, lines: readonly string[]): string[] =>
  lines.length === 0 ? [] : ["", strong(title), ...lines.map((line) => `  ${line}`)];

const whyText = (why: Why): string => {
  const { treatment, holdout } = why.cohorts;
  return [
    `${strong(why.featureId)}${why.mode === null ? "" : ` (${why.mode})`}`,
    why.summary,
    ...(why.signals.length === 0
      ? []
      : [
          "",
          tableText(
            ["SIGNAL", "TREATMENT", "95 % INTERVAL", "HOLDOUT", "THRESHOLD", "ROLLBACK", "KEEP"],
            signalRows(why),
          ),
        ]),
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
