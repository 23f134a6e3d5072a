// Text that PostgreSQL can store: no NUL, and no half of a surrogate pair. Checked at the door, since one such text fails
// the whole transaction that it travels in.

const problemOf = (text: string): string | null => {
  if (text.includes("\0")) return "must not contain the character NUL";
  return text.isWellFormed() ? null : "must be well-formed Unicode (it has half of a surrogate pair)";
};

export type TextError = { readonly path: readonly PropertyKey[]; readonly message: string };

/** Far above what any document here needs, and far below what recursion can do. */
const MAX_DEPTH = 100;

/** The texts in a JSON document, keys included, that cannot be stored. A document that nests without end is refused here too. */
export const unstorableTexts = (json: unknown, path: readonly PropertyKey[] = []): TextError[] => {
  if (typeof json === "string") {
    const message = problemOf(json);
    return message === null ? [] : [{ path, message }];
  }
  if (typeof json !== "object" || json === null) return [];
  if (path.length > MAX_DEPTH)
    return [{ path: path.slice(0, 3), message: `must not be nested more than ${MAX_DEPTH} deep` }];
  return Object.entries(json).flatMap(([key, value]) => {
    const message = problemOf(key);
    const inside = [...path, key];
    return message === null ? unstorableTexts(value, inside) : [{ path: inside, message }];
  });
};
