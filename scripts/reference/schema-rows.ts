// What a schema says about each of its fields, as rows of a table: name, form, default, meaning. Read from the JSON
// Schema that zod makes of it, so a reference cannot name a bound that nothing checks.
import { z } from "zod";

export type FieldRow = {
  /** Fields of objects within are written with a dot. */
  readonly name: string;
  readonly form: string;
  readonly default: string;
  readonly meaning: string;
};

const Node = z.looseObject({
  type: z.string().optional(),
  description: z.string().default(""),
  default: z.unknown().optional(),
  enum: z.array(z.unknown()).optional(),
  const: z.unknown().optional(),
  minimum: z.number().optional(),
  exclusiveMinimum: z.number().optional(),
  maximum: z.number().optional(),
  items: z.unknown().optional(),
  properties: z.record(z.string(), z.unknown()).optional(),
  required: z.array(z.string()).default([]),
  oneOf: z.array(z.unknown()).optional(),
  anyOf: z.array(z.unknown()).optional(),
});
type Node = z.infer<typeof Node>;

export const code = (value: unknown): string =>
  `\`${typeof value === "string" ? value : JSON.stringify(value)}\``;

const alternatives = (values: readonly string[]): string => {
  const [last = "", ...rest] = values.toReversed();
  return rest.length === 0 ? last : `${rest.toReversed().join(", ")} or ${last}`;
};

const boundsOf = ({ minimum, exclusiveMinimum, maximum = Number.MAX_SAFE_INTEGER }: Node): string => {
  const upper = maximum < Number.MAX_SAFE_INTEGER ? maximum : null;
  if (minimum !== undefined && upper !== null) return ` from ${minimum} to ${upper}`;
  const lower = minimum === undefined ? null : ` of at least ${minimum}`;
  const above = exclusiveMinimum === undefined ? "" : ` above ${exclusiveMinimum}`;
  return `${lower ?? above}${upper === null ? "" : `, at most ${upper}`}`;
};

const formOfNode = (node: Node): string => {
  if (node.const !== undefined) return code(node.const);
  if (node.enum !== undefined)
    return alternatives(node.enum.map((value) => (value === "" ? "empty" : code(value))));
  if (node.anyOf !== undefined)
    return alternatives([...new Set(node.anyOf.map((each) => formOfNode(Node.parse(each))))]);
  switch (node.type ?? "object") {
    case "number":
      return `number${boundsOf(node)}`;
    case "integer":
      return `whole number${boundsOf(node)}`;
    case "boolean":
      return "`true` or `false`";
    case "array":
      return `list of ${formOfNode(Node.parse(node.items)).replace(/^(whole number|object)/, "$1s")}`;
    case "string":
      return "text";
    case "null":
      return "`null`";
    default:
      return "object";
  }
};

/** One field that stands in several shapes of an object: a form for each, and what each means. */
const mergeRows = (rows: readonly FieldRow[]): FieldRow[] => {
  const merged = new Map<string, FieldRow>();
  for (const row of rows) {
    const before = merged.get(row.name);
    if (before === undefined) merged.set(row.name, row);
    else
      merged.set(row.name, {
        ...row,
        form: alternatives([before.form, row.form]),
        meaning: `${before.form}: ${before.meaning} ${row.form}: ${row.meaning}`,
      });
  }
  return [...merged.values()];
};

const rowsWithin = (name: string, node: Node): FieldRow[] => {
  const shapes = (node.oneOf ?? [node.type === "array" ? node.items : node]).map((shape) =>
    Node.parse(shape ?? {}),
  );
  const prefix = node.type === "array" ? `${name}[]` : name;
  return mergeRows(
    shapes.flatMap(({ properties = {}, required }) =>
      Object.entries(properties).flatMap(([field, schema]) =>
        rowsOfNode(`${prefix}.${field}`, Node.parse(schema), required.includes(field)),
      ),
    ),
  );
};

const rowsOfNode = (name: string, node: Node, isRequired: boolean): FieldRow[] => [
  {
    name,
    form: formOfNode(node),
    default: node.default === undefined ? (isRequired ? "required" : "") : code(node.default),
    meaning: node.description,
  },
  ...rowsWithin(name, node),
];

const nodeOf = (schema: z.ZodType): Node =>
  Node.parse(z.toJSONSchema(schema, { io: "input", unrepresentable: "any" }));

/** What a text has to look like, in the words of its own refusal; "text" when everything is taken. */
const formOfText = (schema: z.ZodType): string => {
  const refusal = schema.safeParse("\u0001").error?.issues[0]?.message;
  return refusal === undefined
    ? "text"
    : refusal.replace(/^(?:must|may) (?:be |have |contain )?(?:an? )?/, "");
};

/** A default as the text that stands for it: a list is written with commas, an empty one is none at all. */
const defaultText = (value: unknown): string => {
  const text = Array.isArray(value) ? value.join(",") : (value ?? "");
  return text === "" ? "" : code(text);
};

/** Rows of one field, and of the fields within it. `within`: the schema of an object that a preprocess step hides. */
export const rowsOf = (name: string, schema: z.ZodType, within?: z.ZodType): FieldRow[] => {
  const node = nodeOf(schema);
  const missing = schema.safeParse(undefined);
  const inner = within === undefined ? [] : rowsWithin(name, nodeOf(within));
  const [own, ...rest] = rowsOfNode(name, node, !missing.success);
  if (own === undefined) return [];
  const isText = node.type === "string";
  return [
    {
      ...own,
      form: isText && node.enum === undefined ? formOfText(schema) : own.form,
      // A default that is made absolute or parsed afterwards is shown as a person would write it.
      default: isText && missing.success ? defaultText(node.default ?? missing.data) : own.default,
    },
    ...rest,
    ...inner,
  ];
};
