// YAML 1.2 as plain values, with the place of each. JSON is a part of it. Aliases are followed as far as a file of features
// may need, and not as far as a bomb of them would like.
import {
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  parseAllDocuments,
  type Document,
  type Node,
  type Pair,
  type Scalar,
} from "yaml";

export type Place = { readonly line: number; readonly column: number };
export type PlacedError = {
  readonly path: readonly PropertyKey[];
  readonly place: Place;
  readonly message: string;
};

/** Nodes of a file once its aliases are written out. */
const MAX_NODES = 1_000_000;
const MAX_DEPTH = 40;

export type Parsed = {
  readonly documents: readonly { readonly document: Document.Parsed; readonly value: unknown }[];
  readonly errors: readonly PlacedError[];
  /** The place of the deepest part of the path that is there. */
  readonly placeOf: (document: Document.Parsed, path: readonly PropertyKey[], of?: "value" | "key") => Place;
};

class Refused extends Error {
  readonly offset: number;
  constructor(message: string, offset: number) {
    super(message);
    this.offset = offset;
  }
}

const offsetOf = (node: unknown): number =>
  typeof node === "object" && node !== null && "range" in node && Array.isArray(node.range)
    ? Number(node.range[0])
    : 0;

const textOf = ({ source, value }: Scalar): string => source ?? (typeof value === "string" ? value : "");

/** A key as it is written: 404 and no are texts there, whatever they would be as values. */
const keyText = (pair: Pair): string => {
  const { key } = pair;
  if (!isScalar(key) || key.value === null)
    throw new Refused("a key must be text", offsetOf(key ?? pair.value));
  return textOf(key);
};

const resolve = (document: Document.Parsed, node: unknown): unknown =>
  isAlias(node) ? node.resolve(document) : node;

const isMergeKey = ({ key }: Pair): boolean => isScalar(key) && key.source === "<<" && key.type === "PLAIN";

const makeToValue = (document: Document.Parsed) => {
  let nodes = 0;
  const within = new Set<unknown>();
  const toValue = (given: unknown, depth: number): unknown => {
    const offset = offsetOf(given);
    const node = resolve(document, given);
    nodes += 1;
    if (isAlias(given) && node === undefined)
      throw new Refused(`there is no anchor &${given.source}`, offset);
    if (nodes > MAX_NODES) throw new Refused(`its aliases make more than ${MAX_NODES} values of it`, offset);
    if (depth > MAX_DEPTH || within.has(node))
      throw new Refused(within.has(node) ? "an alias leads round in a circle" : "is nested too deep", offset);
    if (isScalar(node)) return node.value;
    if (!isMap(node) && !isSeq(node)) return null;
    within.add(node);
    const value = isSeq(node)
      ? node.items.map((item) => toValue(item, depth + 1))
      : toObject(node.items, depth);
    within.delete(node);
    return value;
  };
  const toObject = (items: readonly Pair[], depth: number): Record<string, unknown> => {
    const entries = new Map<string, unknown>();
    const merged = new Map<string, unknown>();
    for (const pair of items) {
      if (isMergeKey(pair)) {
        const value = toValue(pair.value, depth + 1);
        for (const one of Array.isArray(value) ? value : [value]) {
          if (typeof one !== "object" || one === null)
            throw new Refused("<< must be followed by an alias of a mapping", offsetOf(pair.key));
          for (const [key, item] of Object.entries(one)) if (!merged.has(key)) merged.set(key, item);
        }
        continue;
      }
      const key = keyText(pair);
      if (entries.has(key)) throw new Refused(`${JSON.stringify(key)} stands here twice`, offsetOf(pair.key));
      entries.set(key, toValue(pair.value, depth + 1));
    }
    return Object.fromEntries([...merged, ...entries]);
  };
  return (node: Node | null) => toValue(node, 0);
};

const MAX_ERRORS = 5;
/** What the library makes of the end of the stack. */
const TOO_DEEP = /call stack/i;

const firstLine = (text: string): string => text.split("\n")[0] ?? "";

/** Never throws: what is wrong is among the errors. */
export const parseYaml = (text: string): Parsed => {
  const lines = new LineCounter();
  const placeAt = (offset: number): Place => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  const errors: PlacedError[] = [];
  const wrong = (message: string, offset: number) =>
    errors.push({ path: [], place: placeAt(offset), message });
  let parsed: readonly Document.Parsed[] = [];
  try {
    // Keys are compared here, since the library compares each with each.
    const found = parseAllDocuments(text.replace(/^\uFEFF/, ""), {
      lineCounter: lines,
      prettyErrors: false,
      uniqueKeys: false,
    });
    parsed = "empty" in found ? [] : found;
  } catch (cause) {
    // The library goes down by recursion.
    if (!(cause instanceof RangeError)) throw cause;
    wrong("is nested too deep", 0);
  }
  const documents = parsed.flatMap((document) => {
    // The first error often makes others of all that follows.
    for (const { message, pos } of [...document.errors, ...document.warnings].slice(0, MAX_ERRORS))
      wrong(TOO_DEEP.test(message) ? "is nested too deep" : firstLine(message), pos[0]);
    const { yaml } = document.directives;
    if (yaml.explicit === true && yaml.version !== "1.2")
      wrong(`%YAML ${yaml.version} would read words such as no in another way: leave the line out`, 0);
    if (document.errors.length > 0 || document.contents === null) return [];
    try {
      return [{ document, value: makeToValue(document)(document.contents) }];
    } catch (cause) {
      if (!(cause instanceof Refused)) throw cause;
      wrong(cause.message, cause.offset);
      return [];
    }
  });
  return {
    documents,
    errors,
    placeOf: (document, path, of = "value") => {
      let node: unknown = document.contents;
      let offset = offsetOf(node);
      for (const [at, step] of path.entries()) {
        node = resolve(document, node);
        if (isMap(node)) {
          const pair = node.items.find(({ key }) => isScalar(key) && textOf(key) === step);
          if (pair === undefined) break;
          const isWanted = at === path.length - 1 && of === "value" && pair.value !== null;
          offset = offsetOf(isWanted ? pair.value : pair.key);
          node = pair.value;
        } else if (isSeq(node) && node.items[Number(step)] !== undefined) {
          node = node.items[Number(step)];
          offset = offsetOf(node);
        } else break;
      }
      return placeAt(offset);
    },
  };
};

/** The scalar that stands at the path, as it is written; undefined: something else does. */
export const plainTextAt = (document: Document.Parsed, path: readonly PropertyKey[]): string | undefined => {
  let node: unknown = document.contents;
  for (const step of path) {
    node = resolve(document, node);
    if (isMap(node)) node = node.items.find(({ key }) => isScalar(key) && textOf(key) === step)?.value;
    else if (isSeq(node)) node = node.items[Number(step)];
    else return undefined;
  }
  return isScalar(node) && node.type === "PLAIN" ? node.source : undefined;
};
