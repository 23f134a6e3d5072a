// The evaluation context of a request, read from the request itself and only when a condition asks.
import type { Device, EvaluationContext } from "../../shared/features/compile-targeting.ts";
import type { IncomingRequest } from "../incoming-request.ts";
import type { Claims } from "../visitor/claims.ts";
import { readCookie } from "../visitor/cookie-header.ts";

/** By the words that browsers have agreed on; a browser that sends none of them is a desktop's. null: no User-Agent. */
const deviceOf = (headers: Headers): Device | null => {
  const agent = headers.get("User-Agent");
  if (agent === null) return null;
  const isMobile = headers.get("Sec-CH-UA-Mobile") === "?1" || agent.includes("Mobi");
  if (agent.includes("iPad") || agent.includes("Tablet") || (agent.includes("Android") && !isMobile))
    return "tablet";
  return isMobile ? "mobile" : "desktop";
};

/** The country of the visitor's address, from Cloudflare; null: Cloudflare does not know it, or is not in front. */
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

/** Computes at the first call: a request may meet a hundred features that ask the same. */
const once = <T>(compute: () => T): (() => T) => {
  let computed: { readonly value: T } | null = null;
  return () => (computed ??= { value: compute() }).value;
};

/** `path`: of the page that is asked about. `claims`: of a verified token; null: there is none. */
export const evaluationContextOf = (
  { request, headers: sent, cookies }: IncomingRequest,
  path: string,
  claims: Claims | null,
): EvaluationContext => {
  const headers = new Map<string, string | null>();
  return {
    country: once(() => countryOf(request.cf)),
    path: () => path,
    device: once(() => deviceOf(sent)),
    header: (name) => {
      const known = headers.get(name);
      if (known !== undefined) return known;
      const value = sent.get(name);
      headers.set(name, value);
      return value;
    },
    cookie: (name) => readCookie(cookies, name),
    claim: (name) => (claims === null ? [] : valuesOf(findClaim(claims, name))),
  };
};
