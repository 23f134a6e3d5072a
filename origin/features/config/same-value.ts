// Whether two values of a field are the same: whatever the order of an object's fields, and of the items of a set.

const inOrder = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(inOrder);
  if (typeof value !== "object" || value === null) return value;
  const fields = Object.entries(value)
    .filter(([, item]) => item !== undefined)
    .toSorted(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(fields.map(([name, item]) => [name, inOrder(item)]));
};

/** One text for all ways to write a value. */
export const canonicalText = (value: unknown): string => JSON.stringify(inOrder(value)) ?? "";

/** Fields whose items have no order. */
const SETS: ReadonlySet<string> = new Set(["tags", "requires"]);

const isList = (value: unknown): value is readonly unknown[] => Array.isArray(value);
const compare = (a: string, b: string): number => (a < b ? -1 : Number(a > b));
const asSet = (list: readonly unknown[]): string =>
  canonicalText([...new Set(list.map(String))].toSorted(compare));

export const isSame = (field: string, a: unknown, b: unknown): boolean =>
  SETS.has(field) && isList(a) && isList(b) ? asSet(a) === asSet(b) : canonicalText(a) === canonicalText(b);
