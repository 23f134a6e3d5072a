// The Cookie header: what a request was sent under one name. It may be several values, and more than browsers write.

/** Further cookies of one name are not tried: each costs an HMAC. */
const MAX_TRIED = 8;

const NONE: readonly string[] = [];

/**
 * The values that cookie `name` was sent with, in the order in which to try them. Browsers send the cookie of `Path=/`
 * after those of longer paths, so the last is the one that every page of the site gets. workerd joins several Cookie
 * lines by `, `, which another cookie's value may hold too: what begins after it comes behind everything else.
 */
export const cookieValues = (header: string | null, name: string): readonly string[] => {
  if (header === null) return NONE;
  const found = findValues(header, name);
  if (found.joined.length === 0 && found.values.length < 2) return found.values;
  return [...found.values.toReversed(), ...found.joined.toReversed()].slice(0, MAX_TRIED);
};

/** The value of a cookie of the site's own; of several the first, as most servers read it. null: it was not sent. */
export const readCookie = (header: string | null, name: string): string | null => {
  if (header === null) return null;
  const { values, joined } = findValues(header, name);
  return values[0] ?? joined[0] ?? null;
};

/** In the order of the header; `joined` are those that begin after `, `. */
const findValues = (header: string, name: string): { values: string[]; joined: readonly string[] } => {
  const values: string[] = [];
  let joined: string[] | null = null;
  for (let at = header.indexOf(name); at >= 0; at = header.indexOf(name, at + 1)) {
    const begin = valueStart(header, at + name.length);
    if (begin < 0) continue;
    const separator = separatorBefore(header, at);
    if (separator === ";") values.push(valueAt(header, begin));
    else if (separator === ",") (joined ??= []).push(valueAt(header, begin));
  }
  return { values, joined: joined ?? NONE };
};

const isBlank = (char: string): boolean => char === " " || char === "\t";

/** Where the value begins if a name ends at `at`; -1: it is no name, or goes on. */
const valueStart = (header: string, at: number): number => {
  let begin = at;
  while (isBlank(header.charAt(begin))) begin++;
  return header.charAt(begin) === "=" ? begin + 1 : -1;
};

/** What stands before a name; the beginning of the header counts as `;`. null: the name has begun before. */
const separatorBefore = (header: string, at: number): ";" | "," | null => {
  let before = at - 1;
  while (isBlank(header.charAt(before))) before--;
  const char = header.charAt(before);
  if (before < 0 || char === ";") return ";";
  return char === "," && before < at - 1 ? "," : null;
};

/** Another line of cookies, joined to this one. */
const NEXT_LINE = /, [!#$%&'*+.^_`|~\w-]+=/;

/** Without the blanks and the quotes around it. */
const valueAt = (header: string, begin: number): string => {
  const semicolon = header.indexOf(";", begin);
  const rest = header.slice(begin, semicolon < 0 ? undefined : semicolon);
  const comma = rest.includes(", ") ? rest.search(NEXT_LINE) : -1;
  const value = (comma < 0 ? rest : rest.slice(0, comma)).trim();
  return value.length > 1 && value.startsWith('"') && value.endsWith('"') ? value.slice(1, -1) : value;
};

/** What sits between a browser and the edge may have written a cookie again, with its value encoded. null: it has not. */
export const decodeOnce = (value: string): string | null => {
  if (!value.includes("%")) return null;
  try {
    return decodeURIComponent(value);
  } catch {
    return null; // no encoded text
  }
};
