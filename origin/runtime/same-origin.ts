// Where a browser's request comes from. A page of another origin cannot change these headers.
import type { Context } from "hono";

/** From a page of this origin. An older browser says so by `Origin` alone; what says neither is no such request. */
export const comesFromOwnPage = (context: Context, publicUrl: string): boolean => {
  const site = context.req.header("sec-fetch-site");
  return site === undefined ? context.req.header("origin") === publicUrl : site === "same-origin";
};

/** From a page of another origin. What a person types or opens, and what is no browser, comes from none. */
export const comesFromOtherPage = (context: Context): boolean => {
  const site = context.req.header("sec-fetch-site");
  return site === "cross-site" || site === "same-site";
};
