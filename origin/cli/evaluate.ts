// `sluice evaluate FEATURE`: who would get a feature, and which conditions a request meets.
import { defineCommand } from "citty";
import { z } from "zod";
import { featureIdArgument, jsonText } from "./arguments.ts";
import { askFor, featurePath, originArgument } from "./ask-origin.ts";
import { coloured, jsonArgument, printJson, printLine, strong } from "./print.ts";

type Trace = {
  readonly holds: boolean;
  readonly condition?: Record<string, unknown> | undefined;
  readonly values?: readonly string[] | undefined;
  readonly segment?: string | undefined;
  readonly operator?: string | undefined;
  readonly conditions?: readonly Trace[] | undefined;
  readonly within?: Trace | undefined;
};
const Trace: z.ZodType<Trace> = z.lazy(() =>
  z.looseObject({
    holds: z.boolean(),
    condition: z.record(z.string(), z.unknown()).optional(),
    values: z.array(z.string()).optional(),
    segment: z.string().optional(),
    operator: z.string().optional(),
    conditions: z.array(Trace).optional(),
    within: Trace.optional(),
  }),
);
const Evaluation = z.looseObject({
  featureId: z.string(),
  unit: z.string().nullable(),
  cohort: z.string(),
  open: z.boolean(),
  reason: z.string(),
  targeting: Trace.nullable(),
});

const titleOf = ({ condition, values = [], segment, operator }: Trace): string => {
  if (segment !== undefined) return `segment ${segment}`;
  if (condition === undefined) return operator ?? "";
  const { attribute, operator: comparison, value, values: wanted } = condition;
  const has = values.length === 0 ? "has none" : `has ${values.join(", ")}`;
  return `${String(attribute)} ${String(comparison)} ${JSON.stringify(value ?? wanted)} (${has})`;
};

const treeOf = (trace: Trace, depth: number): string[] => [
  `${"  ".repeat(depth)}${trace.holds ? coloured("green", "✓") : coloured("red", "✗")} ${titleOf(trace)}`,
  ...[...(trace.conditions ?? []), ...(trace.within === undefined ? [] : [trace.within])].flatMap((within) =>
    treeOf(within, depth + 1),
  ),
];

const evaluationText = (evaluation: z.infer<typeof Evaluation>): string => {
  const { featureId, unit, open, cohort, reason, targeting } = evaluation;
  return [
    `${strong(featureId)}: ${unit ?? "nobody"} ${open ? "gets it" : "does not get it"} (${cohort})`,
    reason,
    ...(targeting === null ? [] : ["", ...treeOf(targeting, 0)]),
  ].join("\n");
};

const json = (description: string) => ({ type: "string", valueHint: "JSON", description }) as const;

export const evaluateCommand = defineCommand({
  meta: { name: "evaluate", description: "Say who would get a feature, and which conditions are met" },
  args: {
    feature: { type: "positional", required: true, description: "the feature's id" },
    unit: { type: "string", description: "the visitor's or signed-in user's id; else nobody" },
    path: { type: "string", description: "of the page; else any page" },
    method: { type: "string", description: "of the request; else GET" },
    country: { type: "string", description: "two letters" },
    device: { type: "string", description: "mobile, tablet or desktop" },
    headers: json('request headers: {"x-app-version": "2.10.0"}'),
    cookies: json("cookies"),
    claims: json("claims of the site's token"),
    targeting: json("in place of the feature's own, without saving it"),
    json: jsonArgument,
    origin: originArgument,
  },
  run: async ({ args }) => {
    const featureId = featureIdArgument(args.feature);
    const given = {
      visitor: args.unit,
      user: args.unit,
      path: args.path,
      method: args.method,
      country: args.country,
      device: args.device,
      headers: jsonText(args.headers, "--headers"),
      cookies: jsonText(args.cookies, "--cookies"),
      claims: jsonText(args.claims, "--claims"),
      ...(args.targeting === undefined
        ? {}
        : { feature: { targeting: jsonText(args.targeting, "--targeting") } }),
    };
    const request = { method: "POST", path: featurePath(featureId, "/evaluate"), body: given } as const;
    const evaluation = await askFor(args.origin, request, Evaluation);
    if (args.json) printJson(evaluation);
    else printLine(evaluationText(evaluation));
  },
});
