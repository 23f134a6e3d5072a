// Text that PostgreSQL can store: no NUL, and no half of a surrogate pair. Checked at the door, since one such text fails
// the whole transaction that it travels in.

const problemOf = (text: string): string | null => {
  if (text.includes("\0")) return "must not contain the character NUL";
  return text.isWellFormed() ? null : "must be well-formed Unicode (it has half of a surrogate pair)";
};

export type TextError = { readonly path: readonly PropertyKey[]; readonly message: string };

/** The texts in a JSON document, keys included, that cannot be stored. */
export const unstorableTexts = (json: unknown, path: readonly PropertyKey[] = []): TextError[] => {
  if (typeof json === "string") {
    const message = problemOf(json);
    return message === null ? [] : [{ path, message }];
  }
  if (typeof json !== "object" || json === null) return [];
  return Object.entries(json).flatMap(([key, value]) => {
    const message = problemOf(key);
    const inside = [...path, key];
    return message === null ? unstorableTexts(value, inside) : [{ path: inside, message }];
  });
};
