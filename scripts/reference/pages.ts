// The pages of docs/reference, generated from the schemas and the metrics themselves.
import { z } from "zod";
import { Variables as EdgeVariables } from "../../edge/config.ts";
import { Variables as OriginVariables } from "../../origin/environment/variables.ts";
import { Variables as StackVariables } from "../local-stack/environment.ts";
import { makeMetrics } from "../../origin/runtime/metrics.ts";
import { Activation, FeatureState } from "../../shared/features/feature.ts";
import { Gate } from "../../shared/features/gate.ts";
import { Rule } from "../../shared/features/rule.ts";
import { FeatureId } from "../../shared/ids.ts";
import { NewFeatureBody } from "../../origin/admin/documents/feature.ts";
import { configSchema } from "../../origin/admin/documents/config-schema.ts";
import { newFeature } from "../../origin/features/new-feature.ts";
import { code, rowsOf, type FieldRow } from "./schema-rows.ts";

const cell = (text: string): string => text.replaceAll("|", "\\|").replaceAll("\n", " ");

const table = (head: readonly string[], rows: readonly (readonly string[])[]): string => {
  const cells = [head, ...rows].map((row) => row.map(cell));
  const widths = head.map((_, at) => Math.max(3, ...cells.map((row) => row[at]?.length ?? 0)));
  const line = (row: readonly string[]) =>
    `| ${row.map((text, at) => text.padEnd(widths[at] ?? 0)).join(" | ")} |`;
  const [top = [], ...rest] = cells;
  return [line(top), line(widths.map((width) => "-".repeat(width))), ...rest.map(line)].join("\n");
};

const GENERATED = "<!-- Written by `npm run docs:reference` from the code. Change the text there. -->";

const page = (title: string, ...parts: readonly string[]): string =>
  `${[`# ${title}`, GENERATED, ...parts].join("\n\n")}\n`;

const fieldTable = (rows: readonly FieldRow[]): string =>
  table(
    ["field", "form", "default", "meaning"],
    rows.map((row) => [`\`${row.name}\``, row.form, row.default, row.meaning]),
  );

const variableTable = (schema: z.ZodObject): string =>
  table(
    ["variable", "default", "allowed", "meaning"],
    Object.entries(schema.shape)
      .flatMap(([name, field]) => rowsOf(name, field))
      .map((row) => [`\`${row.name}\``, row.default, row.form, row.meaning]),
  );

const rulePage = (): string =>
  page(
    "Fields of a rule",
    "`PUT /admin/v1/features/{featureId}/rule`. Unknown fields are refused. [How Sluice decides](../how-sluice-decides.md) explains them.",
    fieldTable(Object.entries(Rule.shape).flatMap(([name, schema]) => rowsOf(name, schema))),
  );

/** Objects that a preprocess step hides from the JSON Schema. */
const HIDDEN: Readonly<Record<string, z.ZodType>> = { gate: Gate, activation: Activation };

/** What a field of a new feature is when nobody names it. */
const newDefaults: Readonly<Record<string, unknown>> = newFeature({ featureId: FeatureId.parse("any") });

const featurePage = (): string => {
  const state: Readonly<Record<string, z.ZodType>> = FeatureState.shape;
  const given: Readonly<Record<string, z.ZodType>> = NewFeatureBody.shape;
  const givenRows = Object.keys({ ...state, ...given })
    .filter((name) => name in given)
    .flatMap((name) => {
      const [own, ...within] = rowsOf(name, state[name] ?? given[name] ?? z.never(), HIDDEN[name]);
      if (own === undefined) return [];
      const isDefaulted = name !== "featureId" && name in newDefaults;
      const first = { ...own, default: isDefaulted ? code(newDefaults[name]) : own.default };
      return [first].concat(within);
    });
  const keptRows = Object.entries(state)
    .filter(([name]) => !(name in given))
    .flatMap(([name, schema]) => rowsOf(name, schema));
  return page(
    "Fields of a feature",
    "`POST /admin/v1/features` and `PUT /admin/v1/features/{featureId}`. Unknown fields are refused. [What the gate can do](../gate.md) explains routes, targeting and gate.",
    "An edit changes only the fields that it names, and neither `featureId` nor `enabled`: opening and closing have routes of their own ([operating](../operating.md)). The holdout is smaller where a larger rollout leaves less of it.",
    fieldTable(givenRows),
    "Sluice keeps these itself:",
    table(
      ["field", "meaning"],
      keptRows.map((row) => [`\`${row.name}\``, row.meaning]),
    ),
  );
};

const environmentPage = (): string =>
  page(
    "Environment",
    "An empty variable counts as unset. A wrong one is refused by its name.",
    "## Origin",
    "Variables of the process `origin/main.ts`. The value of each may lie in a file instead: `NAME_FILE` names the file that holds what `NAME` would.",
    variableTable(OriginVariables),
    "## Edge",
    "Variables and secrets of the Worker: `[vars]` in `wrangler.toml`, or `npx wrangler secret put`.",
    variableTable(EdgeVariables),
    "## `npm start` and `npm run demo`",
    "They take all of the above and hand it on; what is not set is wired from one to the other. `UPSTREAM_URL` takes the place of the demo shop. `LOG_LEVEL` is `warn`, `DEBUG_HEADERS` is `always`, keys and tokens are made and kept in `DATA_DIR`. These variables are their own:",
    variableTable(StackVariables),
  );

const Metric = z.object({
  name: z.string(),
  help: z.string(),
  type: z.string(),
  labelNames: z.array(z.string()),
});

const metricsPage = (): string => {
  const metrics = z.array(Metric).parse(makeMetrics().registry.getMetricsAsArray());
  const own = metrics.filter(({ name }) => name.startsWith("sluice_"));
  return page(
    "Metrics",
    "`GET /metrics` of the origin, in Prometheus' text format. Beside these there are `prom-client`'s own of the process (`process_…`, `nodejs_…`).",
    table(
      ["metric", "type", "labels", "meaning"],
      own.map(({ name, type, labelNames, help }) => [
        `\`${name}\``,
        type,
        labelNames.map((label) => `\`${label}\``).join(", "),
        help,
      ]),
    ),
  );
};

/** Name of each file in docs/reference and its text. */
export const referencePages = (): ReadonlyMap<string, string> =>
  new Map([
    ["rule.md", rulePage()],
    ["feature.md", featurePage()],
    ["environment.md", environmentPage()],
    ["metrics.md", metricsPage()],
    ["sluice-config.json", `${JSON.stringify(configSchema(), null, 2)}\n`],
  ]);
