// The upstream's side of a request: one upstream request per request, bodies streamed, nothing touched but the names
// that are ours. Framing (Connection, Keep-Alive, TE, Trailer, Transfer-Encoding, Upgrade) belongs to the runtime.

import { UNSHARED_REQUEST } from "./caching.ts";
import type { Place } from "../features/compile-gate.ts";

export const FEATURES_HEADER = "Sluice-Features";
export const UNIT_HEADER = "Sluice-Unit";

/** Where the path begins in an absolute URL. */
const pathStart = (url: string): number => {
  const at = url.indexOf("/", url.indexOf("//") + 2);
  return at < 0 ? url.length : at;
};

export const pathOf = (url: string): string => {
  const begin = pathStart(url);
  const query = url.indexOf("?", begin);
  return (query < 0 ? url.slice(begin) : url.slice(begin, query)) || "/";
};

/**
 * The visitor's own host and scheme, for an upstream that is reached under another name; what the visitor claims about
 * them is overwritten. X-Forwarded-For is the platform's, which has appended the visitor's address where there is one.
 */
const tellForwarded = (headers: Headers, url: string): void => {
  const scheme = url.indexOf(":");
  headers.set("X-Forwarded-Host", url.slice(scheme + 3, pathStart(url)));
  headers.set("X-Forwarded-Proto", url.slice(0, scheme));
  const address = headers.get("CF-Connecting-IP");
  if (address !== null && !headers.has("X-Forwarded-For")) headers.set("X-Forwarded-For", address);
};

/** What the upstream is told of a visitor. */
export type Told = { readonly features: string; readonly unitId: string };

const targetOf = (url: string, base: string, path: string | null): string => {
  if (base === "" && path === null) return url;
  const begin = pathStart(url);
  const query = url.indexOf("?", begin);
  const tail = path === null ? url.slice(begin) : path + (query < 0 ? "" : url.slice(query));
  return (base === "" ? url.slice(0, begin) : base) + tail;
};

/**
 * A request on its way upstream, as `fetch` takes it: making a Request of the visitor's and fetching that copies method,
 * headers and Cloudflare's properties twice, a tenth of what a request costs at all (measured).
 */
export type Outgoing = {
  readonly to: string | Request;
  readonly init: RequestInit<RequestInitCfProperties> & { readonly headers: Headers };
};

/** What a Connection header says to the runtime, or may not take away from a message. */
const NO_NOMINEES = new Set(["close", "keep-alive", "upgrade", "host", "content-length", ""]);

/** The headers that a Connection header nominates for its own hop (RFC 9110, 7.6.1). */
export const nominatedBy = (connection: string | null): readonly string[] =>
  connection === null || NO_NOMINEES.has(connection)
    ? []
    : connection
        .split(",")
        .map((name) => name.trim().toLowerCase())
        .filter((name) => !NO_NOMINEES.has(name) && /^[!#$%&'*+.^_`|~0-9a-z-]+$/.test(name));

/**
 * The request as it goes upstream. `told` null: as if Sluice were not there, except that nobody may pose as it.
 * `upstreamUrl` empty: the site's own URL, which Cloudflare takes to the server behind the Worker's route.
 * `place`: where a feature wants the request served instead.
 */
export const toUpstream = (
  request: Request,
  url: string,
  { upstreamUrl, told, place }: { upstreamUrl: string; told: Told | null; place: Place | null },
): Outgoing => {
  const { method, body } = request;
  const base = place?.upstream ?? upstreamUrl;
  const headers = new Headers(request.headers);
  for (const name of nominatedBy(headers.get("Connection"))) headers.delete(name);
  if (headers.has("Proxy-Connection")) headers.delete("Proxy-Connection");
  if (base !== "") tellForwarded(headers, url);
  if (told !== null) {
    headers.set(FEATURES_HEADER, told.features);
    headers.set(UNIT_HEADER, encodeUnit(told.unitId));
    headers.set("Cache-Control", UNSHARED_REQUEST);
  } else {
    if (headers.has(FEATURES_HEADER)) headers.delete(FEATURES_HEADER);
    if (headers.has(UNIT_HEADER)) headers.delete(UNIT_HEADER);
  }
  const target = targetOf(url, base, place?.path ?? null);
  // Such a body is allowed to pass (RFC 9110, 9.3.1), but not to be named here.
  if (body !== null && (method === "GET" || method === "HEAD"))
    return { to: new Request(target, request), init: { headers } };
  return { to: target, init: { method, headers, body, redirect: "manual" } };
};

/** Header values are Latin-1; a unit id from a sign-in may be any text and is then percent-encoded. */
const encodeUnit = (unitId: string): string =>
  /^[\u0021-\u007e]*$/.test(unitId) ? unitId : encodeURIComponent(unitId);

/** The answer when the upstream cannot be reached: the visitor would get the like from any proxy. */
export const unreachable = (): Response =>
  new Response("Bad Gateway: the site did not answer.\n", {
    status: 502,
    headers: { "Content-Type": "text/plain; charset=utf-8", "Cache-Control": "no-store" },
  });
