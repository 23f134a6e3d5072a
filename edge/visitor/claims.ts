// The claims of the site's own token, for targeting and sign-in: only of a token whose signature, time, issuer and
// audience hold. Every other token, and a key set that does not answer in time, means that there are no claims. It is
// never an error.
import { createLocalJWKSet, createRemoteJWKSet, jwtVerify, type JWTPayload } from "jose";
import type { Config } from "../config.ts";
import { within } from "../waiting.ts";
import { cookieValues } from "./cookie-header.ts";

export type Claims = Readonly<JWTPayload>;
export type ReadClaims = (request: Request) => Promise<Claims | null>;

/** Only public keys: an edge that verifies must not be able to sign. */
const ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"];
const VERIFY_MS = 1_000;
/** Verified tokens that are cached, so that a visitor's next request needs no signature check. */
const MAX_CACHED = 5_000;
const MAX_TOKEN = 8_192;

/** The scheme of RFC 6750, in any case. */
const BEARER = /^bearer +/i;
const TOKEN = /^[\w-]+\.[\w-]+\.[\w-]+$/;

/** What may be the site's token, in the order in which to try them: of several cookies the one that verifies is it. */
const readTokens = (request: Request, from: string): readonly string[] => {
  const name = from.slice(from.indexOf(":") + 1);
  const sent = from.startsWith("cookie:")
    ? cookieValues(request.headers.get("Cookie"), name)
    : [request.headers.get(name) ?? ""];
  return sent
    .map((text) => text.replace(BEARER, "").trim())
    .filter((text) => text.length <= MAX_TOKEN && TOKEN.test(text));
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

  const verify = async (token: string): Promise<Claims | null> => {
    const known = verified.get(token);
    if (known !== undefined && now() < known.expiresMs) return known.claims;
    verified.delete(token);
    const claims = await jwtVerify(token, keys, {
      algorithms: ALGORITHMS,
      requiredClaims: ["exp"],
      currentDate: new Date(now()),
      ...(issuer === "" ? {} : { issuer }),
      ...(audience === "" ? {} : { audience }),
    }).then(
      ({ payload }) => payload,
      () => null,
    );
    if (claims === null) return null;
    if (verified.size >= MAX_CACHED) verified.clear();
    verified.set(token, { claims, expiresMs: (claims.exp ?? 0) * 1_000 });
    return claims;
  };

  const verifyAny = async (tokens: readonly string[]): Promise<Claims | null> => {
    for (const token of tokens) {
      const claims = await verify(token);
      if (claims !== null) return claims;
    }
    return null;
  };

  return async (request) => {
    const tokens = readTokens(request, from);
    if (tokens.length === 0) return null;
    return within(VERIFY_MS, verifyAny(tokens), "token").catch(() => null);
  };
};
