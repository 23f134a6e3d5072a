// The claims of the site's own token, for targeting and sign-in: only of a token whose signature, time, issuer and
// audience hold. Every other token, and a key set that does not answer in time, means that there are no claims. It is
// never an error.
import { createLocalJWKSet, createRemoteJWKSet, jwtVerify, type JWTPayload } from "jose";
import type { Config } from "../config.ts";
import { within } from "../waiting.ts";
import { readCookie } from "./cookie.ts";

export type Claims = Readonly<JWTPayload>;
export type ReadClaims = (request: Request) => Promise<Claims | null>;

/** Only public keys: an edge that verifies must not be able to sign. */
const ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"];
const VERIFY_MS = 1_000;
/** Verified tokens that are cached, so that a visitor's next request needs no signature check. */
const MAX_CACHED = 5_000;
const MAX_TOKEN = 8_192;

const readToken = (request: Request, from: string): string | null => {
  const name = from.slice(from.indexOf(":") + 1);
  const text = from.startsWith("cookie:")
    ? readCookie(request.headers.get("Cookie"), name)
    : request.headers.get(name);
  if (text === null || text.length > MAX_TOKEN) return null;
  return text.startsWith("Bearer ") ? text.slice("Bearer ".length) : text;
};

export const makeReadClaims = (
  { JWT_KEY_SET: keySet, JWT_FROM: from, JWT_ISSUER: issuer, JWT_AUDIENCE: audience }: Config,
  now: () => number,
): ReadClaims => {
  if (keySet === null) return async () => null;
  const keys =
    keySet instanceof URL
      ? createRemoteJWKSet(keySet, { timeoutDuration: VERIFY_MS })
      : createLocalJWKSet(keySet);
  const verified = new Map<string, { claims: Claims; expiresMs: number }>();

  return async (request) => {
    const token = readToken(request, from);
    if (token === null) return null;
    const known = verified.get(token);
    if (known !== undefined && now() < known.expiresMs) return known.claims;
    verified.delete(token);
    const verifying = jwtVerify(token, keys, {
      algorithms: ALGORITHMS,
      requiredClaims: ["exp"],
      currentDate: new Date(now()),
      ...(issuer === "" ? {} : { issuer }),
      ...(audience === "" ? {} : { audience }),
    });
    const claims = await within(VERIFY_MS, verifying, "token").then(
      ({ payload }) => payload,
      () => null,
    );
    if (claims === null) return null;
    if (verified.size >= MAX_CACHED) verified.clear();
    verified.set(token, { claims, expiresMs: (claims.exp ?? 0) * 1_000 });
    return claims;
  };
};
