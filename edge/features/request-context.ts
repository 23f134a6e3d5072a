// What targeting may ask of a request. Read only when a condition asks, from what the request itself carries.
import type { Device, EvaluationContext } from "../../shared/features/compile-targeting.ts";
import type { Claims } from "../visitor/claims.ts";
import { readCookie } from "../visitor/cookie.ts";

/** By the words that browsers have agreed on; what says neither is a desktop. null: no User-Agent. */
const deviceOf = (headers: Headers): Device | null => {
  const agent = headers.get("User-Agent");
  if (agent === null) return null;
  const isMobile = headers.get("Sec-CH-UA-Mobile") === "?1" || agent.includes("Mobi");
  if (agent.includes("iPad") || agent.includes("Tablet") || (agent.includes("Android") && !isMobile))
    return "tablet";
  return isMobile ? "mobile" : "desktop";
};

/** Cloudflare's, of the visitor's address; null where Cloudflare does not know or does not stand in front. */
const countryOf = (cf: CfProperties | undefined): string | null => {
  const country = cf === undefined || !("country" in cf) ? null : cf.country;
  return typeof country === "string" ? country : null;
};

const isScalar = (value: unknown): value is string | number | boolean =>
  typeof value === "string" || typeof value === "number" || typeof value === "boolean";

/** `a.b` is the claim of that name, else `b` within `a`. */
const findClaim = (claims: Claims, name: string): unknown => {
  if (Object.hasOwn(claims, name)) return claims[name];
  let found: unknown = claims;
  for (const part of name.split(".")) {
    if (typeof found !== "object" || found === null || !Object.hasOwn(found, part)) return undefined;
    found = Object.getOwnPropertyDescriptor(found, part)?.value;
  }
  return found;
};

const valuesOf = (claim: unknown): readonly string[] =>
  (Array.isArray(claim) ? claim : [claim]).filter(isScalar).map(String);

/** Computed when first asked for: a request may meet a hundred features that ask the same. */
const once = <T>(compute: () => T): (() => T) => {
  let made: { readonly value: T } | null = null;
  return () => (made ??= { value: compute() }).value;
};

/** `claims` are those of a verified token; null: there is none. */
export const factsOf = (request: Request, path: string, claims: Claims | null): EvaluationContext => {
  const cookies = once(() => request.headers.get("Cookie"));
  const headers = new Map<string, string | null>();
  return {
    country: once(() => countryOf(request.cf)),
    path: () => path,
    device: once(() => deviceOf(request.headers)),
    header: (name) => {
      const known = headers.get(name);
      if (known !== undefined) return known;
      const value = request.headers.get(name);
      headers.set(name, value);
      return value;
    },
    cookie: (name) => readCookie(cookies(), name),
    claim: (name) => (claims === null ? [] : valuesOf(findClaim(claims, name))),
  };
};
