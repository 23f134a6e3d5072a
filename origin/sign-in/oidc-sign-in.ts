// Signing in at the provider: authorization code with PKCE, state and nonce (OpenID Connect Core 1.0, section 3.1).
import type { Context, Hono } from "hono";
import * as oidc from "openid-client";
import { errorText } from "../runtime/error-text.ts";
import { ATTEMPT_S, readAttempt, type Attempt } from "./attempt.ts";
import { nextPath } from "./next-path.ts";
import { refusalPage } from "./page.ts";
import { personOf } from "./person-of-claims.ts";
import type { Provider } from "./provider.ts";
import { claimAt, roleOf, roleValues, type Claims } from "./role-of-claims.ts";
import { signIn, type SignInContext } from "./sign-in-context.ts";

const MAX_SHOWN = 300;

const providerTrouble = (context: Context, why: string) =>
  refusalPage(context, { status: 503, title: "The provider cannot be used now", why });

/** What the ID token does not say may stand in the provider's answer about the person. */
const allClaims = async (
  configuration: oidc.Configuration,
  { settings }: Provider,
  tokens: Awaited<ReturnType<typeof oidc.authorizationCodeGrant>>,
): Promise<Claims> => {
  const claims: Claims = { ...tokens.claims() };
  const isComplete = ["email", ...settings.roleClaims].every((name) => claimAt(claims, name) !== undefined);
  if (isComplete || configuration.serverMetadata().userinfo_endpoint === undefined) return claims;
  const more = await oidc.fetchUserInfo(configuration, tokens.access_token, String(claims["sub"]));
  return { ...more, ...claims };
};

export const addOidcSignIn = (app: Hono, signInContext: SignInContext, provider: Provider): void => {
  const { access, sessions, cookies, limits, publicUrl, log } = signInContext;
  const { settings } = provider;
  const redirectUri = `${publicUrl}/auth/callback`;

  app.get("/auth/oidc", async (context) => {
    const configuration = provider.configuration();
    if (configuration === undefined)
      return providerTrouble(context, `${settings.issuer}: ${provider.trouble() ?? ""}`);
    const attempt: Attempt = {
      state: oidc.randomState(),
      nonce: oidc.randomNonce(),
      verifier: oidc.randomPKCECodeVerifier(),
      next: nextPath(context.req.query("next")),
      at: Date.now() / 1_000,
    };
    cookies.set(context, "sluice-sign-in", sessions.signAttempt(JSON.stringify(attempt)), ATTEMPT_S);
    const url = oidc.buildAuthorizationUrl(configuration, {
      redirect_uri: redirectUri,
      scope: settings.scope,
      state: attempt.state,
      nonce: attempt.nonce,
      code_challenge: await oidc.calculatePKCECodeChallenge(attempt.verifier),
      code_challenge_method: "S256",
    });
    return context.redirect(url.href);
  });

  const refuse = async (
    context: Context,
    { title, why, log: facts }: { title: string; why: string; log: object },
  ): Promise<Response> => {
    await limits.noteFailure(context);
    log.warn(facts, `a sign-in at the provider was refused: ${title}`);
    return refusalPage(context, { status: 403, title, why: why.slice(0, MAX_SHOWN) });
  };

  app.get("/auth/callback", async (context) => {
    const configuration = provider.configuration();
    if (configuration === undefined) return providerTrouble(context, provider.trouble() ?? "");
    const text = sessions.readAttempt(cookies.get(context, "sluice-sign-in") ?? "");
    // Whatever comes of it, it is over: a second answer to the same question is none.
    cookies.clear(context, "sluice-sign-in");
    const attempt = text === null ? null : readAttempt(text, Date.now() / 1_000);
    // Not counted as a failure: it costs nothing, and whoever sends it often would keep a whole proxy's people out.
    if (attempt === null)
      return refusalPage(context, {
        status: 403,
        title: "This sign-in was not begun here",
        why: `It took more than ten minutes, was begun in another tab or browser, or at another address than ${publicUrl} (PUBLIC_URL). Begin again.`,
      });
    const limited = await limits.ofFailures(context);
    if (limited !== null) return limited;

    let claims: Claims;
    let idToken: string | null;
    try {
      const answer = new URL(`${redirectUri}${new URL(context.req.url).search}`);
      const tokens = await oidc.authorizationCodeGrant(configuration, answer, {
        pkceCodeVerifier: attempt.verifier,
        expectedState: attempt.state,
        expectedNonce: attempt.nonce,
        idTokenExpected: true,
      });
      idToken = tokens.id_token ?? null;
      claims = await allClaims(configuration, provider, tokens);
    } catch (error) {
      // The error's own fields may hold tokens; its text does not.
      return refuse(context, {
        title: "The provider's answer cannot be used",
        why: errorText(error),
        log: { reason: errorText(error) },
      });
    }

    const person = personOf(claims);
    if (!person.ok)
      return refuse(context, {
        title: "The provider does not say who you are",
        why: person.error,
        log: { reason: person.error },
      });
    const { actor, subject, providerSession } = person.value;
    const { issuer } = configuration.serverMetadata();
    const values = roleValues(claims, settings.roleClaims);
    const role = roleOf(values, settings.roles);
    // What an earlier role has made would else outlive it.
    await sessions.endOfProvider({ issuer, subject, providerSession: null, above: role }, "sluice");
    const revoked = await access.revokeTokensAbove({ issuer, subject, scope: role }, "sluice");
    if (revoked > 0) log.warn({ actor, role, revoked }, "tokens beyond a person's role were revoked");
    if (role === null)
      return refuse(context, {
        title: "You have no role here",
        why: `The provider knows you as ${actor.slice("user:".length)}, and ${settings.roleClaims.join(" and ")} (OIDC_ROLE_CLAIM) ${
          values.length === 0 ? "says nothing" : `is ${values.join(", ")}`
        }. None of OIDC_ROLES fits. Ask whoever operates Sluice.`,
        log: { actor, values },
      });
    return signIn(context, signInContext, {
      actor,
      scope: role,
      tags: null,
      method: "oidc",
      tokenId: null,
      issuer,
      subject,
      providerSession,
      idToken,
      next: attempt.next,
    });
  });
};

/** Where the browser goes to sign out at the provider too; null: the provider has no such page, or cannot be reached. */
export const signOutUrl = (
  provider: Provider,
  session: { issuer: string | null; idToken?: string | null },
  publicUrl: string,
): string | null => {
  const configuration = provider.configuration();
  const metadata = configuration?.serverMetadata();
  if (configuration === undefined || metadata?.end_session_endpoint === undefined) return null;
  if (session.issuer !== metadata.issuer) return null;
  return oidc.buildEndSessionUrl(configuration, {
    post_logout_redirect_uri: `${publicUrl}/auth/sign-in`,
    ...(typeof session.idToken !== "string" ? {} : { id_token_hint: session.idToken }),
  }).href;
};
