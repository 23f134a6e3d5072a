// `POST /.sluice/captcha`: a page sends the captcha token of its visitor. The score goes into the visitor's signed cookie,
// and from there into every span. The page waits for the answer, the visitor does not: whatever the score, the site stays
// the same for them.
import { Hono } from "hono";
import * as z from "zod";
import { err, ok, type Result } from "../../shared/result.ts";
import type { CaptchaConfig } from "../config.ts";
import { readIncoming } from "../incoming-request.ts";
import { parseJson } from "../parse-json.ts";
import type { WaitUntil } from "../snapshot/cache.ts";
import type { CaptchaError, VerifyCaptcha } from "../visitor/captcha.ts";
import type { Identify } from "../visitor/identify.ts";
import type { WriteCookie } from "../visitor/cookie.ts";
import type { Identity } from "../visitor/identity.ts";
import type { ReadPageOrigin } from "./page-origin.ts";
import { problem } from "./problem.ts";
import { makeRateLimit } from "./rate-limit.ts";
import { readBody, type BodyError } from "./read-body.ts";
import { waitUntilOf } from "./wait-until.ts";

/** Tokens, counted by what they came to. */
export type CaptchaStats = Readonly<Record<"human" | "bot" | CaptchaError["reason"], number>>;

export type CaptchaRoute = { readonly route: Hono; readonly stats: () => CaptchaStats };

type Dependencies = {
  readonly config: CaptchaConfig;
  readonly verify: VerifyCaptcha;
  readonly identify: Identify;
  readonly readPageOrigin: ReadPageOrigin;
  /** A Set-Cookie header that makes the browser keep this identity. */
  readonly writeCookie: WriteCookie;
  /** Reports a unit that turned out to be a bot, so that it is counted no more. */
  readonly reportBot: (request: Request, bot: Identity, waitUntil: WaitUntil) => Promise<void>;
  readonly countFailure: (where: string, error: unknown) => void;
  readonly now: () => number;
};

type TokenError =
  | BodyError
  | CaptchaError
  | { readonly reason: "foreign" | "malformed" | "noCookie" | "tooMany" };

/** reCAPTCHA's tokens have some 2,000 characters, Turnstile's at most 2,048. */
const MAX_BYTES = 8_192;

const Body = z.object({ token: z.string().min(1) });

const readToken = async (request: Request): Promise<Result<string, TokenError>> => {
  const text = await readBody(request, MAX_BYTES);
  if (!text.ok) return text;
  const body = Body.safeParse(parseJson(text.value));
  return body.success ? ok(body.data.token) : err({ reason: "malformed" });
};

const problemOf = (error: TokenError): Response => {
  switch (error.reason) {
    case "foreign":
      return problem(403, "tokens are taken from the site's own pages only");
    case "tooLarge":
      return problem(413, `a body has at most ${error.maxBytes} bytes`);
    case "malformed":
      return problem(400, 'the body must be {"token": "…"}');
    case "noCookie":
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

export const makeCaptchaRoute = (dependencies: Dependencies): CaptchaRoute => {
  const { config, verify, identify, readPageOrigin } = dependencies;
  const { writeCookie, reportBot, countFailure, now } = dependencies;
  const stats = { human: 0, bot: 0, spent: 0, elsewhere: 0, unanswered: 0, misconfigured: 0 };
  const isAllowed = makeRateLimit();
  const route = new Hono();

  route.post("/", async (c) => {
    const { request, url } = readIncoming(c.req.raw);
    if (readPageOrigin(request) !== "own") return problemOf({ reason: "foreign" });
    const token = await readToken(request);
    if (!token.ok) return problemOf(token.error);
    const identity = await identify(readIncoming(request));
    const { visitorId } = identity;
    if (identity.signed === null || visitorId === null) return problemOf({ reason: "noCookie" });
    if (identity.captchaScore !== null) return c.body(null, 204);
    if (!isAllowed(visitorId, now())) return problemOf({ reason: "tooMany" });
    const address = request.headers.get("CF-Connecting-IP");
    const score = await verify(token.value, { hostname: new URL(url).hostname, address });
    if (!score.ok) {
      stats[score.error.reason]++;
      if (score.error.reason === "misconfigured")
        countFailure(
          "captcha",
          `${config.provider} does not take CAPTCHA_SECRET, or its key gives no scores: check both`,
        );
      return problemOf(score.error);
    }
    const scored = { ...identity, visitorId, captchaScore: score.value };
    const isBot = score.value < config.threshold;
    stats[isBot ? "bot" : "human"]++;
    if (isBot) await reportBot(request, scored, waitUntilOf(c));
    c.header("Set-Cookie", await writeCookie(url, scored));
    return c.body(null, 204);
  });

  return { route, stats: () => ({ ...stats }) };
};
