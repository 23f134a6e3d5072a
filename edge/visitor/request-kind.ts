// What a request is for, as far as it says so itself. Only a visit makes a unit: whatever a browser fetches beside, ahead of
// or for a page would be a further one, that never acts and never comes back.
import { isWellKnownPath } from "../../shared/features/asset-path.ts";
import { acceptsAsset } from "./asset.ts";

/**
 * `visit`: a page that a person waits for, or a request that does not say what it is for. `call`: a script's, which counts
 * for the unit whose cookie it brings. `aside`: assets, HEAD, OPTIONS, well-known files, what is fetched ahead, and whatever comes
 * from a client that does not name itself; it counts for nothing.
 */
export type RequestKind = "visit" | "call" | "aside";

/** Destinations of a navigation (Fetch, 2.2.5). */
const PAGES = new Set(["document", "iframe", "frame"]);

/** A page fetched or rendered before anybody has asked for it. Browsers say it under several names. */
const isAhead = (headers: Headers): boolean =>
  /prefetch|prerender|preview/i.test(
    headers.get("Sec-Purpose") ?? headers.get("Purpose") ?? headers.get("X-Moz") ?? "",
  );

/** A script's own prefetch: browsers say nothing of it, and Next.js fetches what each visible link leads to. */
const isScriptAhead = (headers: Headers): boolean => headers.has("Next-Router-Prefetch") || isAhead(headers);

/** Every browser names itself (User-Agent). A program that does not is nobody who acts or comes back. */
const isUnnamed = (headers: Headers): boolean => (headers.get("User-Agent") ?? "") === "";

export const requestKind = (request: Pick<Request, "method" | "headers">, path: string): RequestKind => {
  const { method, headers } = request;
  if (method === "HEAD" || method === "OPTIONS" || isWellKnownPath(path)) return "aside";
  const destination = headers.get("Sec-Fetch-Dest");
  if (destination === null && method === "GET" && acceptsAsset(request, path)) return "aside";
  if (destination !== null && destination !== "empty" && !PAGES.has(destination)) return "aside";
  if (isUnnamed(headers)) return "aside";
  if (destination === "empty") return isScriptAhead(headers) ? "aside" : "call";
  return isAhead(headers) ? "aside" : "visit";
};
