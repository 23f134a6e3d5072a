// The evaluation context of a request, read from the request itself and only when a condition asks.
import type { EvaluationContext } from "../../shared/features/compile-targeting.ts";
import { claimValues, deviceOf } from "../../shared/features/request-values.ts";
import type { IncomingRequest } from "../incoming-request.ts";
import type { Claims } from "../visitor/claims.ts";
import { readCookie } from "../visitor/cookie-header.ts";

/** The country of the visitor's address, from Cloudflare; null: Cloudflare does not know it, or is not in front. */
const countryOf = (cf: CfProperties | undefined): string | null => {
  const country = cf === undefined || !("country" in cf) ? null : cf.country;
  return typeof country === "string" ? country : null;
};

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
    device: once(() => deviceOf((name) => sent.get(name))),
    header: (name) => {
      const known = headers.get(name);
      if (known !== undefined) return known;
      const value = sent.get(name);
      headers.set(name, value);
      return value;
    },
    cookie: (name) => readCookie(cookies, name),
    claim: (name) => (claims === null ? [] : claimValues(claims, name)),
  };
};
