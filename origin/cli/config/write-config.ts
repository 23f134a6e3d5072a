// Writes features as a configuration file, and brings one up to date without losing what people wrote around it.
import { Document, isMap, isScalar, type Pair, type YAMLMap } from "yaml";
import { Rule } from "../../../shared/features/rule.ts";
import { FeatureId } from "../../../shared/ids.ts";
import { err, ok, type Result } from "../../../shared/result.ts";
import { isSame } from "../../features/config/same-value.ts";
import { newFeature } from "../../features/new-feature.ts";
import { parseYaml } from "./yaml-value.ts";

export type Exported = {
  readonly featureId: string;
  readonly source: string | null;
  readonly rolledBack: {
    readonly since: string;
    readonly reason: string | null;
    readonly epoch: number;
  } | null;
  readonly config: Readonly<Record<string, unknown>>;
};

export type ExportedSegment = {
  readonly segmentId: string;
  readonly config: Readonly<Record<string, unknown>>;
};

const LAYOUT = { lineWidth: 0, flowCollectionPadding: false } as const;
const SCHEMA = "# yaml-language-server: $schema=http://127.0.0.1:8080/schemas/sluice-config.json\n";

const closedNote = ({ rolledBack }: Exported): string | undefined =>
  rolledBack === null
    ? undefined
    : ` Rolled back since ${rolledBack.since}: ${(rolledBack.reason ?? "no reason was given").replaceAll(/\s+/g, " ")}`;

export const writeConfig = (
  source: string,
  features: readonly Exported[],
  segments: readonly ExportedSegment[] = [],
): string => {
  const document = new Document({
    source,
    ...(segments.length === 0
      ? {}
      : { segments: Object.fromEntries(segments.map(({ segmentId, config }) => [segmentId, config])) }),
    features: Object.fromEntries(features.map(({ featureId, config }) => [featureId, config])),
  });
  const map = document.get("features");
  for (const feature of features) {
    const note = closedNote(feature);
    const pair = isMap(map)
      ? map.items.find(({ key }) => isScalar(key) && key.value === feature.featureId)
      : undefined;
    if (note !== undefined && isScalar(pair?.key)) pair.key.commentBefore = note;
  }
  return `${SCHEMA}${document.toString(LAYOUT)}`;
};

type Fields = Readonly<Record<string, unknown>>;

const RULE_DEFAULTS: Fields = Rule.parse({
  featureId: "any",
  activationThreshold: 0,
  retentionThreshold: 0,
  latencyP95Threshold: 1,
  minCohortSize: 1,
  evaluationWindowSeconds: 1,
});
const FEATURE_DEFAULTS: Fields = newFeature({ featureId: FeatureId.parse("any") });
/** Stay in the file where the present says nothing of them. */
const KEPT: ReadonlySet<string> = new Set(["enabled", "rolloutBps", "holdoutBps", "reopenEpoch", "rule"]);

const isFields = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const nameOf = ({ key }: Pair): string => (isScalar(key) ? (key.source ?? String(key.value)) : "");

/** Makes the mapping say the same as `now`, and touches no more of it than that takes. Whether it had to. */
const bringUpToDate = (
  document: Document,
  map: YAMLMap,
  has: Fields,
  now: Fields,
  { defaults, kept }: { defaults: Fields; kept: ReadonlySet<string> },
): boolean => {
  let isChanged = false;
  for (const name of Object.keys(has)) {
    if (name in now || kept.has(name) || isSame(name, has[name], defaults[name])) continue;
    map.items.splice(
      map.items.findIndex((pair) => nameOf(pair) === name),
      1,
    );
    isChanged = true;
  }
  for (const [name, value] of Object.entries(now)) {
    // What the file leaves to the present, it does not begin to say.
    if (isSame(name, has[name], value) || (kept.has(name) && !(name in has))) continue;
    const pair = map.items.find((one) => nameOf(one) === name);
    const inner = pair?.value;
    const had = has[name];
    if (isMap(inner) && isFields(had) && isFields(value)) {
      const within = { defaults: name === "rule" ? RULE_DEFAULTS : {}, kept: new Set<string>() };
      isChanged = bringUpToDate(document, inner, had, value, within) || isChanged;
      continue;
    }
    isChanged = true;
    const node = document.createNode(value);
    if (pair === undefined) map.add(document.createPair(name, value));
    else {
      if (isScalar(inner) && isScalar(node)) node.comment = inner.comment ?? null;
      pair.value = node;
    }
  }
  return isChanged;
};

export type Merged = { readonly text: string; readonly changed: readonly string[] };

type Item = {
  /** As a person reads it. */
  readonly name: string;
  readonly config: Fields;
};

/** What is below each id of a list. The names of what changed. */
const mergeList = (
  { document, value }: { readonly document: Document; readonly value: unknown },
  list: string,
  present: ReadonlyMap<string, Item>,
  terms: { defaults: Fields; kept: ReadonlySet<string> },
): string[] => {
  const named = isFields(value) ? value[list] : undefined;
  const map = isMap(document.contents)
    ? document.contents.items.find((pair) => nameOf(pair) === list)?.value
    : undefined;
  if (!isMap(map) || !isFields(named)) return [];
  const changed: string[] = [];
  for (const pair of map.items) {
    const id = nameOf(pair);
    const item = present.get(id);
    if (item === undefined) continue;
    const has = named[id];
    if (isMap(pair.value) && isFields(has)) {
      if (bringUpToDate(document, pair.value, has, item.config, terms)) changed.push(item.name);
    } else {
      document.setIn([list, pair.key], document.createNode(item.config));
      changed.push(item.name);
    }
  }
  return changed;
};

/** Features and segments that the file does not name are not added. The error begins with its line. */
export const mergeIntoFile = (
  text: string,
  features: readonly Exported[],
  segments: readonly ExportedSegment[] = [],
): Result<Merged, string> => {
  const { documents, errors } = parseYaml(text);
  const [error] = errors;
  if (error !== undefined) return err(`${error.place.line}:${error.place.column}: ${error.message}`);
  const ofFeatures = new Map(
    features.map(({ featureId, config }) => [featureId, { name: featureId, config }]),
  );
  const ofSegments = new Map(
    segments.map(({ segmentId, config }) => [segmentId, { name: `segment ${segmentId}`, config }]),
  );
  const changed = documents.flatMap((each) => [
    ...mergeList(each, "segments", ofSegments, { defaults: { description: null }, kept: new Set() }),
    ...mergeList(each, "features", ofFeatures, { defaults: FEATURE_DEFAULTS, kept: KEPT }),
  ]);
  if (changed.length === 0) return ok({ text, changed });
  const layout = { lineWidth: 0, flowCollectionPadding: /[[{] /.test(text) };
  return ok({ text: documents.map(({ document }) => document.toString(layout)).join(""), changed });
};
