// A command line gets a token of the person whose browser agrees (`npx sluice login`). The code goes to a port of the person's own
// machine and is of use only with a secret that the command line has kept, as with PKCE.
import { hash, randomBytes } from "node:crypto";
import type { Hono } from "hono";
import { html } from "hono/html";
import { z } from "zod";
import { problem } from "../runtime/problem.ts";
import { sameSecret } from "../runtime/secrets.ts";
import { page, refusalPage } from "./page.ts";
import { currentSession, otherSiteProblem, readForm, type SignInContext } from "./sign-in-context.ts";

const TOKEN_LIFE_MS = 7 * 24 * 3_600_000;

const Request = z.object({
  port: z.coerce.number().int().min(1_024).max(65_535),
  /** base64url of the secret's SHA-256 */
  challenge: z.string().regex(/^[A-Za-z0-9_-]{43}$/),
  state: z.string().regex(/^[A-Za-z0-9_-]{20,100}$/),
  machine: z.string().regex(/^[^\p{C}]{1,100}$/u),
});

const Redeemed = z.object({
  code: z.string().max(100),
  verifier: z.string().regex(/^[A-Za-z0-9_-]{43,128}$/),
});

const BAD_REQUEST = {
  status: 400 as const,
  title: "This is not how the command line asks",
  why: "Run npx sluice login and open the address that it prints.",
};
const OF_A_TOKEN = {
  status: 409 as const,
  title: "You are signed in with a token",
  why: "Give that token to the command line itself: npx sluice login --token",
};

/** At most 100 characters, as names of tokens are. */
const tokenName = (actor: string, machine: string): string =>
  `${actor.slice(0, 60)} at ${machine.slice(0, 24)} (${randomBytes(3).toString("hex")})`.toWellFormed();

export const addCliSignIn = (app: Hono, signInContext: SignInContext): void => {
  const { access, sessions, limits, publicUrl, log } = signInContext;

  app.get("/auth/cli", async (context) => {
    const asked = Request.safeParse(context.req.query());
    if (!asked.success) return refusalPage(context, BAD_REQUEST);
    const current = await currentSession(context, signInContext);
    if (current === null) {
      const here = new URL(context.req.url);
      return context.redirect(`/auth/sign-in?next=${encodeURIComponent(`${here.pathname}${here.search}`)}`);
    }
    if (current.session.tokenId !== null) return refusalPage(context, OF_A_TOKEN);
    const { port, challenge, state, machine } = asked.data;
    return page(context, {
      title: "Let the command line in?",
      formTargets: [`http://127.0.0.1:${port}`],
      body: html`<p>
          npx sluice login on <code>${machine}</code> asks for a token as
          <code>${current.session.actor}</code> with the scope ${current.session.scope}, for seven days.
        </p>
        <p>Agree only if you have just run it yourself.</p>
        <form method="post" action="/auth/cli">
          <input type="hidden" name="csrf" value="${sessions.csrfToken(current.cookie)}" />
          <input type="hidden" name="port" value="${port}" />
          <input type="hidden" name="challenge" value="${challenge}" />
          <input type="hidden" name="state" value="${state}" />
          <input type="hidden" name="machine" value="${machine}" />
          <button>Agree</button>
        </form>`,
    });
  });

  app.post("/auth/cli", async (context) => {
    const refusal = otherSiteProblem(context, publicUrl);
    if (refusal !== null) return refusal;
    const form = await readForm(context);
    const asked = Request.safeParse(Object.fromEntries(form));
    const current = await currentSession(context, signInContext);
    if (!asked.success || current === null || !sessions.isCsrfToken(current.cookie, form.get("csrf") ?? ""))
      return refusalPage(context, BAD_REQUEST);
    const { actor, scope, tags, tokenId, issuer, subject } = current.session;
    if (tokenId !== null) return refusalPage(context, OF_A_TOKEN);
    const { port, challenge, state, machine } = asked.data;
    const { code } = await sessions.makeCode({
      purpose: "cli",
      actor,
      scope,
      tags,
      tokenId: null,
      issuer,
      subject,
      challenge: Buffer.from(challenge, "base64url"),
      machine,
    });
    const query = new URLSearchParams({ code, state }).toString();
    return context.redirect(`http://127.0.0.1:${port}/callback?${query}`, 303);
  });

  app.post("/auth/cli/token", async (context) => {
    const limited = await limits.ofFailures(context);
    if (limited !== null) return limited;
    const refuse = async (detail: string): Promise<Response> => {
      await limits.noteFailure(context);
      return problem(context, { status: 400, title: "Bad Request", detail });
    };
    const asked = Redeemed.safeParse(Object.fromEntries(await readForm(context)));
    if (!asked.success) return refuse("a form with code and verifier is required");
    const found = await sessions.useCode(asked.data.code, "cli");
    const challenge = hash("sha256", asked.data.verifier, "base64url");
    if (found === null || !sameSecret(found.challenge?.toString("base64url") ?? "", challenge))
      return refuse(
        "the code is not valid: it works once, for a minute, at the command line that asked for it",
      );
    const { actor, scope, tags, issuer, subject, machine } = found;
    const created = await access.createToken(
      {
        name: tokenName(actor, machine ?? ""),
        scope,
        tags,
        expiresAt: new Date(Date.now() + TOKEN_LIFE_MS),
        person: { holder: actor, issuer, subject },
      },
      actor,
    );
    if (created === null) return refuse("a token with this name exists: try again");
    log.info({ actor, scope, token: created.tokenId }, "a command line got a token of a person");
    return context.json({ token: created.secret, actor, scope, expiresAt: created.expiresAt });
  });
};
