// Routes: paths of the site, in the part of URLPattern's pathname syntax (https://urlpattern.spec.whatwg.org/) that can be
// matched in time linear in the path: `:name` (and `:name?`, `:name+`, `:name*`) as a whole segment, and one `*`. Unlike
// URLPattern, a route matches every spelling of its path (canonical-path.ts).
import * as z from "zod";
import { decodePlain, foldCase, readPath, type PathReading } from "./canonical-path.ts";

const MAX_PATTERN = 512;
const FORM = /^(?:\/(?::[A-Za-z_]\w*[?*+]?|[^/:*+?{}()\\#\s]*(?:\*[^/:*+?{}()\\#\s]*)?))+$/;

const count = (text: string, of: RegExp): number => text.match(of)?.length ?? 0;

/** Two parts that may each take any number of segments could share a path in too many ways to try them all. */
const isUnambiguous = (pattern: string): boolean => {
  const names = pattern.match(/:\w+/g) ?? [];
  return count(pattern, /[*+]/g) <= 1 && new Set(names).size === names.length;
};

export const PathPattern = z
  .string()
  .max(MAX_PATTERN)
  .refine((text) => text.length <= MAX_PATTERN && FORM.test(text) && isUnambiguous(text), {
    message:
      "must be a path such as /products/:id or /shop/*: names are whole segments, and only one * or + may be in it",
  });

export const Route = z.strictObject({
  path: PathPattern.describe(
    "`/products/:id`, `/shop/*` or a plain path. Every spelling of the path is matched.",
  ),
  methods: z
    .array(z.string().regex(/^[A-Z]+$/, "must be upper case"))
    .optional()
    .describe("HTTP methods. None: all of them."),
  caseSensitive: z
    .boolean()
    .optional()
    .describe("Whether `/Shop` and `/shop` are different pages of the site. Without it they are the same."),
});
export type Route = z.infer<typeof Route>;

export type CompiledPath = {
  /** `path` is canonical, or its readings. */
  readonly test: (path: string | readonly PathReading[]) => boolean;
  /** The part of the path for each name, and for "*". null: the path does not match. */
  readonly match: (path: string | readonly PathReading[]) => ReadonlyMap<string, string> | null;
};

/** What a segment of a pattern takes of a path. */
type Part =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "name"; readonly name: string; readonly least: 0 | 1; readonly takesMany: boolean }
  | { readonly kind: "star"; readonly before: string; readonly after: string };

const compilePart = (segment: string, fold: (text: string) => string): Part => {
  const [, name, modifier = ""] = /^:(\w+)([?*+]?)$/.exec(segment) ?? [];
  if (name !== undefined) {
    const least = modifier === "?" || modifier === "*" ? 0 : 1;
    return { kind: "name", name, least, takesMany: modifier === "+" || modifier === "*" };
  }
  const [before = "", after] = segment
    .split("*")
    .map((text) => fold(decodePlain(encodeURI(text).replaceAll("%25", "%"))));
  return after === undefined ? { kind: "text", text: before } : { kind: "star", before, after };
};

const leastOf = (part: Part): number => {
  if (part.kind === "name") return part.least;
  return part.kind === "text" || part.before + part.after !== "" ? 1 : 0;
};

const mostOf = (part: Part): number =>
  part.kind === "star" || (part.kind === "name" && part.takesMany) ? Number.POSITIVE_INFINITY : 1;

type Pattern = {
  readonly parts: readonly Part[];
  /** How many segments the parts from each place on take at least and at most. */
  readonly least: readonly number[];
  readonly most: readonly number[];
  readonly isFolded: boolean;
};

const compileParts = (pattern: string, caseSensitive: boolean): Pattern => {
  const fold = caseSensitive ? (text: string) => text : foldCase;
  const segments = pattern.split("/").filter((segment) => segment !== "");
  const parts = segments.map((segment) => compilePart(segment, fold));
  const least = [0];
  const most = [0];
  for (const part of parts.toReversed()) {
    least.unshift(leastOf(part) + (least[0] ?? 0));
    most.unshift(mostOf(part) + (most[0] ?? 0));
  }
  return { parts, least, most, isFolded: !caseSensitive };
};

/** Whether the part may take the segments from `begin` to `end`, of which there are enough. */
const mayTake = (part: Part, segments: readonly string[], begin: number, end: number): boolean => {
  if (part.kind === "name") return true;
  const first = segments[begin] ?? "";
  if (part.kind === "text") return first === part.text;
  const { before, after } = part;
  const last = segments[end - 1] ?? "";
  const isLongEnough = end - begin > 1 || first.length >= before.length + after.length;
  return isLongEnough && first.startsWith(before) && last.endsWith(after);
};

/**
 * Where each part ends, or null: as a regular expression would find it, greedy from the left. What failed once is not
 * tried again, and only one part may take any number of segments. So the time is linear in the path, and at most
 * quadratic in the pattern.
 */
const findEnds = ({ parts, least, most, isFolded }: Pattern, reading: PathReading): number[] | null => {
  const segments = isFolded ? reading.folded : reading.segments;
  const total = segments.length;
  const width = total + 1;
  const ends: number[] = [];
  let failed: Set<number> | null = null;
  const findFrom = (at: number, begin: number): boolean => {
    const left = total - begin;
    if (left < (least[at] ?? 0) || left > (most[at] ?? 0)) return false;
    const part = parts[at];
    if (part === undefined) return true;
    if (failed?.has(at * width + begin) === true) return false;
    const fewest = Math.max(begin + leastOf(part), total - (most[at + 1] ?? 0));
    const furthest = Math.min(begin + mostOf(part), total - (least[at + 1] ?? 0));
    for (let end = furthest; end >= fewest; end--) {
      if (!mayTake(part, segments, begin, end) || !findFrom(at + 1, end)) continue;
      ends[at] = end;
      return true;
    }
    (failed ??= new Set()).add(at * width + begin);
    return false;
  };
  return findFrom(0, 0) ? ends : null;
};

/** What a part took, as it may be sent. A star at the end also takes the slashes there. */
const partTaken = (part: Part, { text, starts, segments }: PathReading, begin: number, end: number) => {
  if (begin === end) return "";
  const isAll = part.kind === "star" && part.after === "" && end === segments.length;
  const last = starts[end - 1] ?? 0;
  const slash = text.indexOf("/", last);
  const taken = text.slice(starts[begin], isAll || slash < 0 ? text.length : slash);
  if (part.kind !== "star" || part.before + part.after === "") return taken;
  const plain = decodePlain(taken);
  return plain.slice(part.before.length, plain.length - part.after.length);
};

const partsTaken = ({ parts }: Pattern, reading: PathReading, ends: readonly number[]) => {
  const taken = new Map<string, string>();
  for (const [at, part] of parts.entries()) {
    const begin = ends[at - 1] ?? 0;
    if (part.kind !== "text")
      taken.set(part.kind === "star" ? "*" : part.name, partTaken(part, reading, begin, ends[at] ?? begin));
  }
  return taken;
};

/** What every path on the route begins with, in lower case: up to the first segment that varies. */
export const literalStart = ({ path }: Route): string => {
  const { parts } = compileParts(path, false);
  const varies = parts.findIndex(({ kind }) => kind !== "text");
  const fixed = varies < 0 ? parts : parts.slice(0, varies);
  const texts = fixed.map((part) => (part.kind === "text" ? part.text : ""));
  if (varies < 0) return `/${texts.join("/")}`;
  const varying = parts[varies];
  return `/${texts.map((text) => `${text}/`).join("")}${varying?.kind === "star" ? varying.before : ""}`;
};

/** `pattern` must be a valid PathPattern. It is compiled for the first path that it meets: most patterns meet none. */
export const compilePath = (
  pattern: string,
  { caseSensitive = false }: Pick<Route, "caseSensitive"> = {},
): CompiledPath => {
  let made: Pattern | null = null;
  const compiled = (): Pattern => (made ??= compileParts(pattern, caseSensitive));
  const readingsOf = (path: string | readonly PathReading[]) =>
    typeof path === "string" ? readPath(path) : path;
  return {
    test: (path) => readingsOf(path).some((reading) => findEnds(compiled(), reading) !== null),
    match: (path) => {
      for (const reading of readingsOf(path)) {
        const ends = findEnds(compiled(), reading);
        if (ends !== null) return partsTaken(compiled(), reading, ends);
      }
      return null;
    },
  };
};
