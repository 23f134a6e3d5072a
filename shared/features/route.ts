// Routes: paths of the site, in the part of URLPattern's pathname syntax (https://urlpattern.spec.whatwg.org/) that can be
// matched in time linear in the path: `:name` (and `:name?`, `:name+`, `:name*`) as a whole segment, and one `*`.
import { z } from "zod";

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
  path: PathPattern.describe("`/products/:id`, `/shop/*` or a plain path."),
  methods: z
    .array(z.string().regex(/^[A-Z]+$/, "must be upper case"))
    .optional()
    .describe("HTTP methods. None: all of them."),
});
export type Route = z.infer<typeof Route>;

export type CompiledPath = {
  readonly test: (path: string) => boolean;
  /** The part of the path for each name, and for "*". null: the path does not match. */
  readonly match: (path: string) => ReadonlyMap<string, string> | null;
};

/** Percent-encoded as in a URL: a pattern may be written with or without it. */
const canonical = (text: string): string => encodeURI(text).replaceAll("%25", "%");

const SEGMENT = "[^/]+";
const SEGMENTS = `${SEGMENT}(?:/${SEGMENT})*`;

/** A segment as a regular expression, with the name of its group if it has one. */
const compileSegment = (segment: string): { source: string; names: readonly string[] } => {
  const [, name, modifier] = /^:(\w+)([?*+]?)$/.exec(segment) ?? [];
  if (name === undefined) {
    const literals = segment.split("*").map((text) => canonical(text).replace(/[.$^|[\]]/g, "\\$&"));
    return { source: `/${literals.join("(.*)")}`, names: literals.length > 1 ? ["*"] : [] };
  }
  const one = modifier === "+" || modifier === "*" ? SEGMENTS : SEGMENT;
  const source = modifier === "?" || modifier === "*" ? `(?:/(${one}))?` : `/(${one})`;
  return { source, names: [name] };
};

/** The regular expression is compiled for the first path that needs it: most patterns of a snapshot meet none. */
const compilePattern = (pattern: string): { expression: () => RegExp; names: () => readonly string[] } => {
  let made: { expression: RegExp; names: readonly string[] } | null = null;
  const make = () => {
    const segments = pattern.slice(1).split("/").map(compileSegment);
    const expression = new RegExp(`^${segments.map(({ source }) => source).join("")}$`);
    return (made = { expression, names: segments.flatMap(({ names }) => names) });
  };
  return { expression: () => (made ?? make()).expression, names: () => (made ?? make()).names };
};

const compileTest = (pattern: string, expression: () => RegExp): CompiledPath["test"] => {
  const at = pattern.search(/[:*]/);
  if (at < 0) {
    const literal = canonical(pattern);
    return (path) => path === literal;
  }
  // A name that is left out takes the slash before it along.
  const start = canonical(pattern.slice(0, pattern[at] === ":" ? at - 1 : at));
  if (at === pattern.length - 1) return (path) => path.startsWith(start);
  return (path) => path.startsWith(start) && expression().test(path);
};

/** `pattern` must be a valid PathPattern. */
export const compilePath = (pattern: string): CompiledPath => {
  const { expression, names } = compilePattern(pattern);
  return {
    test: compileTest(pattern, expression),
    match: (path) => {
      const found = expression().exec(path);
      return found === null ? null : new Map(names().map((name, at) => [name, found[at + 1] ?? ""]));
    },
  };
};
