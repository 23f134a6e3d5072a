// Two people change one document: what each of them changed, field by field, and one document of both. Pure.

export type Fields = Readonly<Record<string, unknown>>;

/** `mine`, `theirs`: only one of us changed the field. `both`: each to another value, so a person has to choose. */
export type Difference = {
  /** Dotted: `compare.activation`. */
  readonly path: string;
  readonly by: "mine" | "theirs" | "both";
  readonly base: unknown;
  readonly mine: unknown;
  readonly theirs: unknown;
};

export type Side = "mine" | "theirs";

const isFields = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Whether two JSON values are equal. A field without a value is the same as none. */
export const isSame = (one: unknown, other: unknown): boolean => {
  if (Array.isArray(one) && Array.isArray(other))
    return one.length === other.length && one.every((each, at) => isSame(each, other[at]));
  if (!isFields(one) || !isFields(other)) return one === other;
  return [...new Set([...Object.keys(one), ...Object.keys(other)])].every((name) =>
    isSame(one[name], other[name]),
  );
};

/** Each value by its dotted path. What stands in `nested` is taken apart; all else is compared as a whole. */
const flatten = (
  fields: Fields,
  nested: readonly string[],
  under = "",
): readonly (readonly [string, unknown])[] =>
  Object.entries(fields).flatMap(([name, value]) => {
    const path = `${under}${name}`;
    if (!nested.includes(path)) return [[path, value] as const];
    return isFields(value) ? flatten(value, nested, `${path}.`) : [];
  });

/** What mine and theirs changed since base. What both changed to the same value is no difference. */
export const differencesOf = (
  { base, mine, theirs }: { base: Fields; mine: Fields; theirs: Fields },
  nested: readonly string[],
): readonly Difference[] => {
  const before = new Map(flatten(base, nested));
  const ours = new Map(flatten(mine, nested));
  const others = new Map(flatten(theirs, nested));
  return [...new Set([...ours.keys(), ...others.keys(), ...before.keys()])].flatMap((path) => {
    const each = { base: before.get(path), mine: ours.get(path), theirs: others.get(path) };
    const isMine = !isSame(each.mine, each.base);
    const isTheirs = !isSame(each.theirs, each.base);
    if ((!isMine && !isTheirs) || isSame(each.mine, each.theirs)) return [];
    return [{ path, by: isMine && isTheirs ? "both" : isMine ? "mine" : "theirs", ...each } as const];
  });
};

const put = (fields: Fields, [name = "", ...rest]: readonly string[], value: unknown): Fields => {
  const inner = fields[name];
  const next = rest.length === 0 ? value : put(isFields(inner) ? inner : {}, rest, value);
  const { [name]: _, ...others } = fields;
  return next === undefined ? others : { ...others, [name]: next };
};

/** Their document with what is mine in it. A field that both changed is theirs unless `choices` says mine. */
export const mergeOf = (
  theirs: Fields,
  differences: readonly Difference[],
  choices: Readonly<Record<string, Side>> = {},
): Fields =>
  differences
    .filter(({ by, path }) => by === "mine" || (by === "both" && choices[path] === "mine"))
    .reduce((fields, { path, mine }) => put(fields, path.split("."), mine), theirs);
