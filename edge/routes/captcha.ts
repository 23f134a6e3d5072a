// `POST /.sluice/captcha`: a page sends the captcha token of its visitor. What the provider finds goes into the visitor's
// signed cookie, and from there into every span. The page waits for the answer, the visitor does not: what they get of
// the site is the same before, after and whatever the score.
import { Hono } from "hono";
import { z } from "zod";
import { err, ok, type Result } from "../../shared/result.ts";
import type { CaptchaConfig } from "../config.ts";
import { makeEventLimit } from "./events.ts";
import { readPosted, type PostRefusal } from "./same-origin-post.ts";
import { parseJson } from "../parse-json.ts";
import { problem } from "./problem.ts";
import type { Identity } from "../visitor/cookie.ts";
import type { WaitUntil } from "../snapshot/cache.ts";
import type { Undecided, Verify } from "../visitor/captcha.ts";

/** Tokens by what became of them. */
export type CaptchaStats = Readonly<Record<"human" | "bot" | Undecided, number>>;

export type Captcha = { readonly route: Hono; readonly stats: () => CaptchaStats };

type Dependencies = {
  readonly config: CaptchaConfig;
  readonly verify: Verify;
  readonly identify: (request: Request) => Identity | Promise<Identity>;
  /** A Set-Cookie header that makes the browser keep this identity. */
  readonly remember: (url: string, identity: Identity) => Promise<string>;
  /** Reports a unit that turned out to be a bot, so that it is counted no more. */
  readonly tellOfBot: (request: Request, bot: Identity, waitUntil: WaitUntil) => Promise<void>;
  readonly countFailure: (where: string, error: unknown) => void;
  readonly now: () => number;
};

type Refusal = PostRefusal | "malformed" | "nobody" | "tooMany" | Undecided;

/** reCAPTCHA's tokens have some 2,000 characters, Turnstile's at most 2,048. */
const MAX_CHARACTERS = 8_192;

const Body = z.object({ token: z.string().min(1) });

const readToken = async (request: Request): Promise<Result<string, PostRefusal | "malformed">> => {
  const text = await readPosted(request, MAX_CHARACTERS);
  if (!text.ok) return text;
  const body = Body.safeParse(parseJson(text.value));
  return body.success ? ok(body.data.token) : err("malformed");
};

const refused = (refusal: Refusal): Response => {
  switch (refusal) {
    case "foreign":
      return problem(403, "tokens are taken from the site's own pages only");
    case "tooLarge":
      return problem(413, `a body has at most ${MAX_CHARACTERS} characters`);
    case "malformed":
      return problem(400, 'the body must be {"token": "…"}');
    case "nobody":
      return problem(409, "the visitor has no cookie of Sluice that the score could be kept in");
    case "tooMany":
      return problem(429, "one visitor sent too many tokens");
    case "spent":
      return problem(422, "the token was used before or is too old");
    case "elsewhere":
      return problem(422, "the token was made for another host or action");
    case "unanswered":
    case "misconfigured":
      return problem(503, "the token could not be verified");
  }
};

export const makeCaptcha = (dependencies: Dependencies): Captcha => {
  const { config, verify, identify, remember, tellOfBot, countFailure, now } = dependencies;
  const stats = { human: 0, bot: 0, spent: 0, elsewhere: 0, unanswered: 0, misconfigured: 0 };
  const mayAsk = makeEventLimit();
  const route = new Hono();

  route.post("/", async (c) => {
    const request = c.req.raw;
    const token = await readToken(request);
    if (!token.ok) return refused(token.error);
    const identity = await identify(request);
    if (identity.signed === null || identity.isPassing) return refused("nobody");
    if (identity.captchaScore !== null) return c.body(null, 204);
    if (!mayAsk(identity.unitId, now())) return refused("tooMany");
    const address = request.headers.get("CF-Connecting-IP");
    const verdict = await verify(token.value, { hostname: new URL(request.url).hostname, address });
    if ("undecided" in verdict) {
      stats[verdict.undecided]++;
      if (verdict.undecided === "misconfigured")
        countFailure(
          "captcha",
          `${config.provider} does not take CAPTCHA_SECRET, or its key gives no scores`,
        );
      return refused(verdict.undecided);
    }
    const scored = { ...identity, captchaScore: verdict.score };
    const isBot = verdict.score < config.threshold;
    stats[isBot ? "bot" : "human"]++;
    if (isBot) await tellOfBot(request, scored, (promise) => c.executionCtx.waitUntil(promise));
    c.header("Set-Cookie", await remember(request.url, scored));
    return c.body(null, 204);
  });

  return { route, stats: () => ({ ...stats }) };
};
