// Which site's page a request comes from, as the browser says it. Browsers name the origin in every POST, and in every
// request that a script of another origin may read.

/** `none`: the request is from no page, or of a page that asks for another one by GET. `listed`: in CORS_ORIGINS. */
export type PageOrigin = "own" | "listed" | "foreign" | "none";

export type ReadPageOrigin = (request: Request) => PageOrigin;

export const makeReadPageOrigin =
  (listed: readonly string[]): ReadPageOrigin =>
  ({ url, headers }) => {
    // The browser knows best: something before the edge may change the host or the scheme.
    const site = headers.get("Sec-Fetch-Site");
    if (site === "same-origin") return "own";
    const origin = headers.get("Origin");
    if (origin === null) return site === "cross-site" || site === "same-site" ? "foreign" : "none";
    if (origin === new URL(url).origin) return "own";
    return listed.includes(origin) ? "listed" : "foreign";
  };
