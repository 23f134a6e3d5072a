// The request that the upstream gets: one for each of the visitor's, with a streamed body and every header as it came but
// Sluice's own. Framing (Connection, Keep-Alive, TE, Trailer, Transfer-Encoding, Upgrade) belongs to the runtime.
import type { Destination } from "../features/compile-gate.ts";
import type { Address, SentRequest } from "../incoming-request.ts";
import { UNSHARED_REQUEST } from "./caching.ts";

export const FEATURES_HEADER = "Sluice-Features";
export const UNIT_HEADER = "Sluice-Unit";

/**
 * Names under which a visitor could say what only the edge may say: CGI, WSGI and PHP read `_` as `-`, and some frameworks
 * take the path from a header. Each look costs 0.2 µs (measured), so there is one for each name that matters.
 */
const SPOOFS = ["Sluice_Features", "Sluice_Unit", "X-Original-URL", "X-Rewrite-URL"];
/** The edge cannot vouch for these, and an upstream of another name would take them for a proxy's. */
const UNVOUCHED = ["Forwarded", "X-Real-IP", "X-Forwarded-Port"];

const removeAll = (headers: Headers, names: readonly string[]): void => {
  for (const name of names) if (headers.has(name)) headers.delete(name);
};

/**
 * Tells an upstream of another name the visitor's own host and scheme, and overwrites such headers of the visitor's. The
 * platform has appended the visitor's address to X-Forwarded-For where there is one.
 */
const tellForwarded = (headers: Headers, { host, scheme }: Address): void => {
  removeAll(headers, UNVOUCHED);
  headers.set("X-Forwarded-Host", host);
  headers.set("X-Forwarded-Proto", scheme);
  const address = headers.get("CF-Connecting-IP");
  if (address !== null && !headers.has("X-Forwarded-For")) headers.set("X-Forwarded-For", address);
};

/** What `Sluice-Features` and `Sluice-Unit` tell the upstream. `visitorId` null: the request is no visitor's. */
type Evaluated = { readonly features: string; readonly visitorId: string | null };

/** `path` null: that of the request. */
const targetOf = (address: Address, base: string, path: string | null): string => {
  const { origin, target } = address;
  return (base === "" ? origin : base) + (path === null ? target : path + target.slice(address.path.length));
};

/**
 * A request for the upstream, as `fetch` takes it. A Request made of the visitor's and then fetched would copy method,
 * headers and Cloudflare's properties twice, which is a tenth of the CPU of a whole request (measured).
 */
export type UpstreamRequest = {
  readonly to: string | Request;
  readonly init: RequestInit<RequestInitCfProperties> & { readonly headers: Headers };
};

/** Names that a Connection header may hold and that do not nominate a header. */
const NO_NOMINEES = new Set(["close", "keep-alive", "upgrade", "host", "content-length", ""]);

/**
 * Headers for all recipients: a Connection header must not nominate them (RFC 9110, 7.6.1), and one that does would take
 * away what the platform, the visitor's browser or the edge has to say.
 */
const END_TO_END =
  /^(?:(?:cf|sec|sluice|content|accept|access-control|if|x-forwarded|cache|cdn)-.*|accept|authorization|cookie|set-cookie|forwarded|x-real-ip|true-client-ip|via|origin|referer|user-agent|range|traceparent|tracestate|baggage|date|vary|etag|location|expires|last-modified|strict-transport-security|priority)$/;

/** The headers that a Connection header nominates for its own hop (RFC 9110, 7.6.1). */
export const nominatedBy = (connection: string | null): readonly string[] =>
  connection === null || NO_NOMINEES.has(connection)
    ? []
    : connection
        .split(",")
        .map((name) => name.trim().toLowerCase())
        .filter((name) => !NO_NOMINEES.has(name) && /^[!#$%&'*+.^_`|~0-9a-z-]+$/.test(name))
        .filter((name) => !END_TO_END.test(name));

/**
 * The request as it goes upstream, with the path that the gate compared. `evaluated` null: as if Sluice were not there, except that nobody may pose as it.
 * `upstreamUrl` empty: the site's own URL, which Cloudflare takes to the server behind the Worker's route.
 * `destination`: where a feature's gate sends the request instead.
 */
export const toUpstream = (
  { request, address }: SentRequest,
  {
    upstreamUrl,
    evaluated,
    destination,
  }: { upstreamUrl: string; evaluated: Evaluated | null; destination: Destination | null },
): UpstreamRequest => {
  const { method, body } = request;
  const base = destination?.upstream ?? upstreamUrl;
  const headers = new Headers(request.headers);
  for (const name of nominatedBy(headers.get("Connection"))) headers.delete(name);
  if (headers.has("Proxy-Connection")) headers.delete("Proxy-Connection");
  removeAll(headers, SPOOFS);
  if (base !== "") tellForwarded(headers, address);
  setOrDelete(headers, FEATURES_HEADER, evaluated?.features ?? null);
  const visitorId = evaluated?.visitorId ?? null;
  setOrDelete(headers, UNIT_HEADER, visitorId === null ? null : encodeUnit(visitorId));
  if (evaluated !== null) headers.set("Cache-Control", UNSHARED_REQUEST);
  const target = targetOf(address, base, destination?.path ?? null);
  // Such a body may pass (RFC 9110, 9.3.1), but fetch does not take it as part of `init`.
  if (body !== null && (method === "GET" || method === "HEAD"))
    return { to: new Request(target, request), init: { headers } };
  return { to: target, init: { method, headers, body, redirect: "manual" } };
};

const setOrDelete = (headers: Headers, name: string, value: string | null): void => {
  if (value !== null) headers.set(name, value);
  else if (headers.has(name)) headers.delete(name);
};

/** Header values are Latin-1; older cookies have ids of signed-in users, which may be any text. */
const encodeUnit = (unitId: string): string =>
  /^[\u0021-\u007e]*$/.test(unitId) ? unitId : encodeURIComponent(unitId);

/** The answer when the upstream cannot be reached. */
export const unreachable = (): Response =>
  new Response("Bad Gateway: the site did not answer.\n", {
    status: 502,
    headers: { "Content-Type": "text/plain; charset=utf-8", "Cache-Control": "no-store" },
  });
