// Signing in with a token in a form, or with a link that works once.
import type { Hono } from "hono";
import { html } from "hono/html";
import { nextPath } from "./next-path.ts";
import { page, refusalPage } from "./page.ts";
import { otherSiteProblem, readForm, signIn, type SignInContext } from "./sign-in-context.ts";

const NO_PROVIDER = { issuer: null, subject: null, providerSession: null, idToken: null };

const USED_LINK = {
  status: 410 as const,
  title: "This link does not work any more",
  why: "It works once, for five minutes, and while the token that made it can be used. Ask for a new one.",
};

export const addTokenSignIn = (app: Hono, signInContext: SignInContext): void => {
  const { access, sessions, limits, publicUrl } = signInContext;

  app.post("/auth/token", async (context) => {
    const otherSite = otherSiteProblem(context, publicUrl);
    if (otherSite !== null) return otherSite;
    const form = await readForm(context);
    const token = form.get("token")?.trim() ?? "";
    // As in the API: one whose token is in use gets through, whatever others try from behind the same proxy.
    const limited = access.hasSeen(token) ? null : await limits.ofFailures(context);
    if (limited !== null) return limited;
    const caller = await access.callerOf(token);
    if (caller === null) {
      await limits.noteFailure(context);
      return refusalPage(context, {
        status: 401,
        title: "This token is not valid",
        why: "It is unknown, expired or revoked.",
      });
    }
    const { principal, credential } = caller;
    const { actor, scope, tags } = principal;
    if (scope === "ingest")
      return refusalPage(context, {
        status: 403,
        title: "This token sends telemetry only",
        why: "To sign in, a token needs the scope viewer, editor or admin.",
      });
    return signIn(context, signInContext, {
      ...NO_PROVIDER,
      actor,
      scope,
      tags,
      method: "token",
      tokenId: credential.kind === "token" ? credential.tokenId : null,
      next: nextPath(form.get("next") ?? undefined),
    });
  });

  // Looking at it does not use it up: chat programs look at links to show a preview.
  app.get("/auth/link/:code", async (context) => {
    const refusal = await limits.ofFailures(context);
    if (refusal !== null) return refusal;
    const code = await sessions.readCode(context.req.param("code"), "link");
    if (code === null) {
      await limits.noteFailure(context);
      return refusalPage(context, USED_LINK);
    }
    return page(context, {
      title: "Sign in",
      body: html`<p>You will be signed in as <code>${code.actor}</code> with the scope ${code.scope}.</p>
        <form method="post"><button>Sign in</button></form>`,
    });
  });

  app.post("/auth/link/:code", async (context) => {
    const refusal = otherSiteProblem(context, publicUrl) ?? (await limits.ofFailures(context));
    if (refusal !== null) return refusal;
    const code = await sessions.useCode(context.req.param("code"), "link");
    if (code === null) {
      await limits.noteFailure(context);
      return refusalPage(context, USED_LINK);
    }
    const { actor, scope, tags, tokenId } = code;
    return signIn(context, signInContext, {
      ...NO_PROVIDER,
      actor,
      scope,
      tags,
      method: "link",
      tokenId,
      // The form has no action: it is sent to the link's own address, with its query.
      next: nextPath(context.req.query("next")),
    });
  });
};
