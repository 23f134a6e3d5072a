// Where a person goes after signing in: a path of this origin, whatever a link asked for.

/** The console's. */
const FIRST_PAGE = "/";

/** The path, its query and its fragment; the first page for what would lead elsewhere. */
export const nextPath = (given: string | undefined): string => {
  if (given === undefined || given.length > 2_000 || !given.startsWith("/")) return FIRST_PAGE;
  const base = "https://own.invalid";
  if (!URL.canParse(given, base)) return FIRST_PAGE;
  const url = new URL(given, base);
  const path = `${url.pathname}${url.search}${url.hash}`;
  // `/.//host` is of this origin, and its normal form names another one.
  return url.origin === base && !path.startsWith("//") && !path.startsWith("/auth/sign-in")
    ? path
    : FIRST_PAGE;
};
