// The provider says that a person has signed out there (OpenID Connect Back-Channel Logout 1.0). Its word is a signed token; the
// sessions of the person, or of that one sign-in, end.
import type { Context, Hono } from "hono";
import { createRemoteJWKSet, jwtVerify, type JWTPayload, type JWTVerifyGetKey } from "jose";
import { errorText } from "../runtime/error-text.ts";
import type { Provider } from "./provider.ts";
import { readForm, type SignInContext } from "./sign-in-context.ts";

const EVENT = "http://schemas.openid.net/event/backchannel-logout";
/** Section 2.6: an old token is a replayed one. */
const MAX_AGE_S = 120;
const CLOCK_TOLERANCE_S = 30;
/** Signed with the provider's own key; an algorithm with a shared secret, or none, is no such signature. */
const ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"];

/** What is wrong with the claims of a token whose signature is right; null: nothing (section 2.6). */
export const logoutFault = ({ sub, sid, events, nonce, jti }: JWTPayload): string | null => {
  if (nonce !== undefined) return "it has a nonce, as an ID token has";
  if (typeof events !== "object" || events === null || !Object.hasOwn(events, EVENT))
    return "it says no logout";
  if (jti === undefined) return "it has no jti";
  return typeof sub === "string" || typeof sid === "string" ? null : "it names neither sub nor sid";
};

export const addBackChannelLogout = (
  app: Hono,
  { sessions, limits, log }: SignInContext,
  provider: Provider,
): void => {
  let keys: { readonly uri: string; readonly get: JWTVerifyGetKey } | undefined;
  const keysAt = (uri: string): JWTVerifyGetKey => {
    if (keys?.uri !== uri) keys = { uri, get: createRemoteJWKSet(new URL(uri)) };
    return keys.get;
  };

  const refuse = async (context: Context, why: string): Promise<Response> => {
    await limits.noteFailure(context);
    log.warn({ why }, "a logout of the provider was refused");
    return context.json({ error: "invalid_request", error_description: why }, 400);
  };

  app.post("/auth/backchannel-logout", async (context) => {
    const limited = await limits.ofFailures(context);
    if (limited !== null) return limited;
    const metadata = provider.configuration()?.serverMetadata();
    if (metadata?.jwks_uri === undefined)
      return context.json({ error: "temporarily_unavailable", error_description: "come again" }, 503);
    const token = (await readForm(context)).get("logout_token") ?? "";
    let claims: JWTPayload;
    try {
      const verified = await jwtVerify(token, keysAt(metadata.jwks_uri), {
        issuer: metadata.issuer,
        audience: provider.settings.clientId,
        algorithms: ALGORITHMS,
        maxTokenAge: MAX_AGE_S,
        clockTolerance: CLOCK_TOLERANCE_S,
      });
      claims = verified.payload;
    } catch (error) {
      return refuse(context, errorText(error));
    }
    const fault = logoutFault(claims);
    if (fault !== null) return refuse(context, `the logout token is not valid: ${fault}`);
    const ended = await sessions.endOfProvider(
      {
        issuer: metadata.issuer,
        subject: claims.sub ?? null,
        providerSession: typeof claims["sid"] === "string" ? claims["sid"] : null,
        above: null,
      },
      "sluice",
    );
    log.info({ ended }, "somebody signed out at the provider");
    return context.body(null, 200);
  });
};
