// The pages under /auth: people sign in and out here. What a program does is below /admin/v1.
import { Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import { html } from "hono/html";
import { nextPath } from "./next-path.ts";
import { page, refusalPage, STYLE, type Markup } from "./page.ts";
import { currentSession, otherSiteProblem, readForm, type SignInContext } from "./sign-in-context.ts";
import { addCliSignIn } from "./cli-sign-in.ts";
import type { ProviderPages } from "./provider-pages.ts";
import { addTokenSignIn } from "./token-sign-in.ts";

const MAX_FORM_BYTES = 64 * 1024;

/** The origin of a URL, for a policy. */
const originsOf = (url: string | null): string[] => (url === null ? [] : [new URL(url).origin]);

const providerPart = (provider: ProviderPages, next: string): Markup => {
  const { issuer } = provider;
  const trouble = provider.trouble();
  return trouble === undefined
    ? html`<a class="button" href="/auth/oidc?next=${encodeURIComponent(next)}"
        >Sign in with ${new URL(issuer).host}</a
      >`
    : html`<p role="alert">${issuer} cannot be used for signing in now: ${trouble}</p>`;
};

/** `provider`: undefined where none is configured. */
export const makeSignInApp = (signInContext: SignInContext, provider?: ProviderPages): Hono => {
  const { sessions, cookies, publicUrl, log } = signInContext;
  const app = new Hono();
  app.use("/auth/*", async (context, next) => {
    await next();
    if (!context.res.headers.has("cache-control")) context.header("cache-control", "no-store");
  });
  app.use(
    "/auth/*",
    bodyLimit({
      maxSize: MAX_FORM_BYTES,
      onError: (context) =>
        refusalPage(context, { status: 413, title: "Too much at once", why: "No form here is that long." }),
    }),
  );
  app.get("/auth/style.css", (context) =>
    context.body(STYLE, 200, {
      "content-type": "text/css; charset=utf-8",
      "cache-control": "public, max-age=3600",
    }),
  );

  app.get("/auth/sign-in", async (context) => {
    const next = nextPath(context.req.query("next"));
    const current = await currentSession(context, signInContext);
    return page(context, {
      title: current === null ? "Sign in" : "You are signed in",
      // The form for signing out is answered with the way to the provider's own page.
      formTargets:
        current === null ? [] : originsOf(provider?.signOutUrl(current.session, publicUrl) ?? null),
      body: html`${
          current === null
            ? ""
            : html`<p>As <code>${current.session.actor}</code> with the scope ${current.session.scope}.</p>
                <form method="post" action="/auth/sign-out">
                  <input type="hidden" name="csrf" value="${sessions.csrfToken(current.cookie)}" />
                  <button>Sign out</button>
                </form>
                <a class="button" href="${next}">Go on</a>`
        }
        ${provider === undefined ? "" : providerPart(provider, next)}
        <form method="post" action="/auth/token">
          <input type="hidden" name="next" value="${next}" />
          <label for="token">API token</label>
          <input id="token" name="token" type="password" required autocomplete="off" />
          <button>Sign in with the token</button>
        </form>`,
    });
  });

  app.post("/auth/sign-out", async (context) => {
    const refusal = otherSiteProblem(context, publicUrl);
    if (refusal !== null) return refusal;
    const current = await currentSession(context, signInContext);
    let elsewhere: string | null = null;
    if (current !== null) {
      const form = await readForm(context);
      if (!sessions.isCsrfToken(current.cookie, form.get("csrf") ?? ""))
        return refusalPage(context, {
          status: 403,
          title: "You are still signed in",
          why: "The form is of another session. Sign out from the sign-in page.",
        });
      const { sessionId, actor } = current.session;
      const ended = await sessions.end(sessionId, actor);
      if (ended !== null) elsewhere = provider?.signOutUrl(ended, publicUrl) ?? null;
      log.info({ actor }, "somebody signed out");
    }
    cookies.clear(context, "sluice-session");
    return context.redirect(elsewhere ?? "/auth/sign-in", 303);
  });

  addTokenSignIn(app, signInContext);
  addCliSignIn(app, signInContext);
  provider?.addTo(app, signInContext);
  return app;
};
