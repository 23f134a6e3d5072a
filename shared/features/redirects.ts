// Where a redirect of a gate leads, and with which method the browser comes back. The origin asks it of all features when
// one is saved, the edge before it answers.
import { canonicalPath, readPath } from "./canonical-path.ts";
import type { WhenClosed } from "./gate.ts";

export type Redirect = Extract<WhenClosed, { action: "redirect" }>;

/** The canonical path on this site to which the redirect leads. null: it leaves the site. */
export const pathOnSite = (
  { to }: Pick<Redirect, "to">,
  isSite: (host: string) => boolean,
): string | null => {
  if (to.startsWith("/")) return canonicalPath(to);
  const [, scheme, authority = "", path = ""] = /^(https?):\/\/([^/]+)(.*)$/.exec(to.toLowerCase()) ?? [];
  const host = authority
    .slice(authority.lastIndexOf("@") + 1)
    .replace(scheme === "https" ? /:443$/ : /:80$/, "");
  return isSite(host) ? canonicalPath(to.slice(to.length - path.length)) : null;
};

/** Whether both canonical paths may be one page of the site, in some spelling. */
export const isSamePage = (a: string, b: string): boolean => {
  if (a === b) return true;
  const pages = new Set(readPath(a).map(({ folded }) => folded.join("/")));
  return readPath(b).some(({ folded }) => pages.has(folded.join("/")));
};

/** The method of the request that follows (https://fetch.spec.whatwg.org/#http-redirect-fetch). */
export const methodAfter = (status: Redirect["status"], method: string): string => {
  if (status === 307 || method === "HEAD") return method;
  return status === 303 || method === "POST" ? "GET" : method;
};
