// Configuration files as what the API takes, checked without an origin: every error with its file, line and column.
import type { Document } from "yaml";
import { z } from "zod";
import { ConfigFields, SegmentFields, Source } from "../../admin/documents/config.ts";
import { unstorableTexts } from "../../admin/storable-text.ts";
import type { ConfigFeature, ConfigSegment } from "../../features/config/applied-fields.ts";
import { planConfig } from "../../features/config/plan-config.ts";
import { FeatureId, SegmentId } from "../../../shared/ids.ts";
import { didYouMean } from "../nearest.ts";
import type { ConfigFile } from "./read-files.ts";
import { parseYaml, plainTextAt, type Parsed, type Place } from "./yaml-value.ts";

export type FileError = Place & { readonly file: string; readonly field: string; readonly message: string };

export type Content = {
  readonly source: string;
  /** As they are written, each with its id and file. */
  readonly features: readonly (Readonly<Record<string, unknown>> & { readonly featureId: FeatureId })[];
  /** undefined: the files name none. */
  readonly segments?: readonly (Readonly<Record<string, unknown>> & { readonly segmentId: SegmentId })[];
};

type List = "features" | "segments";

export type ReadConfig = {
  /** null: there are errors. */
  readonly content: Content | null;
  readonly errors: readonly FileError[];
  /** Where a field of the feature or segment with this place in `content` stands. */
  readonly placeOf: (list: List, at: number, field: string) => Place & { readonly file: string };
};

const TOP_LEVEL = ["source", "segments", "features"];
/** What an editor wants to know stands in JSON as a field. */
const IGNORED: ReadonlySet<string> = new Set(["$schema"]);

/** Words that YAML 1.1 took for true and false, and that are text today. */
const hintFor = (written: string | undefined): string => {
  if (written === undefined) return "";
  if (/^(?:y|yes|on)$/i.test(written)) return ` (${written} is text in YAML 1.2: write true)`;
  if (/^(?:n|no|off)$/i.test(written)) return ` (${written} is text in YAML 1.2: write false)`;
  if (/^\d{1,3}(?:_\d{3})+$/.test(written))
    return ` (${written} is text in YAML 1.2: write ${written.replaceAll("_", "")})`;
  return /^\d+(?:\.\d+)?\s?%$/.test(written)
    ? ` (${written} is ${Math.round(Number.parseFloat(written) * 100)})`
    : "";
};

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** What an optional or defaulted schema is about. */
const inner = (schema: unknown): unknown =>
  schema instanceof z.ZodOptional || schema instanceof z.ZodDefault || schema instanceof z.ZodNullable
    ? schema.unwrap()
    : undefined;

/** The names that the schema knows at the place of an unknown one, as far as it is made of plain objects. */
const knownAt = (root: z.ZodType, path: readonly PropertyKey[]): readonly string[] => {
  let schema: unknown = root;
  for (const step of path) {
    while (schema !== undefined && !(schema instanceof z.ZodObject)) schema = inner(schema);
    schema =
      schema instanceof z.ZodObject
        ? Object.entries(schema.shape).find(([name]) => name === step)?.[1]
        : undefined;
  }
  while (schema !== undefined && !(schema instanceof z.ZodObject)) schema = inner(schema);
  return schema instanceof z.ZodObject ? Object.keys(schema.shape) : [];
};

type Found = {
  readonly path: readonly PropertyKey[];
  readonly message: string;
  /** The name itself is wrong. */
  readonly of?: "key";
};

const FORMS: Readonly<Record<string, string>> = {
  boolean: "true or false",
  number: "a number",
  int: "a whole number",
  string: "text",
  array: "a list",
  object: "a mapping",
};

/** In the words of a file's writer. */
const messageOf = (issue: z.core.$ZodIssue): string => {
  if (issue.code !== "invalid_type" || !issue.message.startsWith("Invalid input")) return issue.message;
  return issue.message.endsWith("received undefined")
    ? "is missing"
    : `must be ${FORMS[issue.expected] ?? issue.expected}`;
};

const issuesOf = (schema: z.ZodType, error: z.ZodError): Found[] =>
  error.issues.flatMap((issue): Found[] =>
    issue.code === "unrecognized_keys"
      ? issue.keys.map((key) => ({
          path: [...issue.path, key],
          message: `unknown field${didYouMean(key, knownAt(schema, issue.path))}`,
          of: "key",
        }))
      : [{ path: issue.path, message: messageOf(issue) }],
  );

/** `features.3.rule.mode` as its parts; null: it is about no feature or segment. */
export const listedIn = (
  field: string,
): { readonly list: List; readonly at: number; readonly rest: string } | null => {
  const [, list, at, rest = ""] = /^(features|segments)\.(\d+)\.?(.*)$/.exec(field) ?? [];
  return list === "features" || list === "segments" ? { list, at: Number(at), rest } : null;
};

type Origin = { readonly file: string; readonly parsed: Parsed; readonly document: Document.Parsed };

export const readConfig = (files: readonly ConfigFile[]): ReadConfig => {
  const errors: FileError[] = [];
  const features: ConfigFeature[] = [];
  const given: (Record<string, unknown> & { featureId: FeatureId })[] = [];
  const segments: ConfigSegment[] = [];
  const givenSegments: (Record<string, unknown> & { segmentId: SegmentId })[] = [];
  const origins: Record<List, { readonly origin: Origin; readonly id: string }[]> = {
    features: [],
    segments: [],
  };
  const first = { features: new Map<string, Origin>(), segments: new Map<string, Origin>() };
  const sources = new Map<string, string>();
  const wrong = (
    { file, parsed, document }: Origin,
    path: readonly PropertyKey[],
    message: string,
    of?: "key",
  ) => {
    const place = parsed.placeOf(document, path, of);
    errors.push({ file, ...place, field: path.map(String).join("."), message });
  };

  /** What stands below an id, if it is as the schema has it. */
  const readItem = <I extends z.ZodType, F extends z.ZodType>(
    origin: Origin,
    { list, name, value }: { list: List; name: string; value: unknown },
    { Id, Fields }: { Id: I; Fields: F },
  ): { id: z.output<I>; fields: z.output<F>; written: Record<string, unknown> } | null => {
    const path = [list, name];
    const id = Id.safeParse(name);
    if (!id.success) {
      wrong(origin, path, id.error.issues.map(({ message }) => message).join("; "), "key");
      return null;
    }
    const other = first[list].get(name);
    if (other !== undefined) {
      const { line } = other.parsed.placeOf(other.document, path, "key");
      wrong(origin, path, `stands in ${other.file}:${line} too`, "key");
      return null;
    }
    first[list].set(name, origin);
    const fields = value ?? {};
    const unstorable = unstorableTexts(fields);
    const parsed = Fields.safeParse(fields);
    const found: readonly Found[] =
      unstorable.length > 0 || parsed.success ? unstorable : issuesOf(Fields, parsed.error);
    for (const { path: within, message, of } of found) {
      const at = [...path, ...within];
      const hint = of === "key" ? "" : hintFor(plainTextAt(origin.document, at));
      wrong(origin, at, `${message}${hint}`, of);
    }
    if (found.length > 0 || !parsed.success) return null;
    return { id: id.data, fields: parsed.data, written: isObject(fields) ? fields : {} };
  };

  const readFeature = (origin: Origin, name: string, value: unknown): void => {
    const schemas = { Id: FeatureId, Fields: ConfigFields };
    const item = readItem(origin, { list: "features", name, value }, schemas);
    if (item === null) return;
    const own = { featureId: item.id, file: origin.file };
    features.push({ ...item.fields, ...own });
    given.push({ ...item.written, ...own });
    origins.features.push({ origin, id: item.id });
  };

  const readSegment = (origin: Origin, name: string, value: unknown): void => {
    const schemas = { Id: SegmentId, Fields: SegmentFields };
    const item = readItem(origin, { list: "segments", name, value }, schemas);
    if (item === null) return;
    const own = { segmentId: item.id, file: origin.file };
    segments.push({ ...item.fields, ...own });
    givenSegments.push({ ...item.written, ...own });
    origins.segments.push({ origin, id: item.id });
  };

  const readDocument = (origin: Origin, value: unknown): void => {
    if (!isObject(value)) return wrong(origin, [], "must be a mapping with source, segments and features");
    for (const key of Object.keys(value).filter((name) => !TOP_LEVEL.includes(name) && !IGNORED.has(name)))
      wrong(origin, [key], `unknown field${didYouMean(key, TOP_LEVEL)}`, "key");
    const { source, segments: conditions, features: named } = value;
    if (source !== undefined) {
      const parsed = Source.safeParse(source);
      if (parsed.success) sources.set(parsed.data, sources.get(parsed.data) ?? origin.file);
      else wrong(origin, ["source"], parsed.error.issues.map(({ message }) => message).join("; "));
      const other = [...sources].find(([name]) => name !== source);
      if (other !== undefined) wrong(origin, ["source"], `is ${other[0]} in ${other[1]}`);
    }
    if (isObject(conditions))
      for (const [name, fields] of Object.entries(conditions)) readSegment(origin, name, fields);
    else if (conditions !== undefined && conditions !== null)
      wrong(origin, ["segments"], "must be a mapping: the id of each segment, and its condition below");
    if (named === undefined || named === null) return undefined;
    if (!isObject(named))
      return wrong(origin, ["features"], "must be a mapping: the id of each feature, and its fields below");
    for (const [name, fields] of Object.entries(named)) readFeature(origin, name, fields);
    return undefined;
  };

  for (const { path: file, text } of files) {
    const parsed = parseYaml(text);
    for (const { path, place, message } of parsed.errors)
      errors.push({ file, ...place, field: path.map(String).join("."), message });
    for (const { document, value } of parsed.documents) readDocument({ file, parsed, document }, value);
  }
  const placeOf = (list: List, at: number, field: string) => {
    const found = origins[list][at];
    if (found === undefined) return { file: files[0]?.path ?? "", line: 1, column: 1 };
    const { origin, id } = found;
    const path = [list, id, ...field.split(".").filter((part) => part !== "")];
    return { file: origin.file, ...origin.parsed.placeOf(origin.document, path) };
  };
  const [source] = sources.keys();
  if (source === undefined && errors.length === 0)
    errors.push({
      file: files[0]?.path ?? "",
      line: 1,
      column: 1,
      field: "source",
      message: "no file names its source: write source: NAME, such as the repository, in one of them",
    });
  if (errors.length === 0 && source !== undefined) {
    const plan = planConfig(
      { related: new Map(), owned: [], segments: new Map(), owners: new Map() },
      { source, features, segments, removed: "delete", takeOver: false },
    );
    const found = plan.ok || plan.error.reason !== "invalid" ? [] : plan.error.errors;
    for (const { field, reason } of found) {
      const { list, at, rest } = listedIn(field) ?? { list: "features", at: 0, rest: "" };
      // Other segments, features of other sources, and what is open today, are the origin's to know.
      if (rest === "requires" && !reason.includes("it requires itself")) continue;
      if (reason.includes("no such segment")) continue;
      const id = origins[list][at]?.id ?? "";
      const message = reason.startsWith(`${id}: `) ? reason.slice(id.length + 2) : reason;
      errors.push({ ...placeOf(list, at, rest), field: `${list}.${id}.${rest}`, message });
    }
  }
  return {
    content:
      errors.length > 0 || source === undefined
        ? null
        : {
            source,
            features: given,
            ...(givenSegments.length === 0 ? {} : { segments: givenSegments }),
          },
    errors: errors.toSorted((a, b) => (a.file === b.file ? a.line - b.line || a.column - b.column : 0)),
    placeOf,
  };
};

export const errorLine = ({ file, line, column, field, message }: FileError): string =>
  `${file}:${line}:${column}: ${field === "" ? "" : `${field}: `}${message}`;
