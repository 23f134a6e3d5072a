// Verifies a token that Turnstile or reCAPTCHA v3 gave a visitor's browser. Two answers of the provider decide: a token
// that is good for this page has a score, and one that the provider calls invalid is a bot's. Every other answer says
// nothing about the visitor, who then has no score.
import * as z from "zod";
import { err, ok, type Result } from "../../shared/result.ts";
import type { CaptchaConfig } from "../config.ts";
import { parseJson } from "../parse-json.ts";

/** The action that pages name when they ask the provider for a token. */
export const CAPTCHA_ACTION = "sluice";

const VERIFY_MS = 3_000;

/** The parts of Turnstile's and reCAPTCHA's answers that are read here. Only reCAPTCHA v3 has a score. */
const Answer = z.object({
  success: z.boolean(),
  score: z.number().min(0).max(1).optional(),
  hostname: z.string().optional(),
  action: z.string().optional(),
  "error-codes": z.array(z.string()).default([]),
});
type Answer = z.infer<typeof Answer>;

/**
 * Why a token decides nothing. `spent`: it was used before or is too old. `elsewhere`: it is for another host or action.
 * `unanswered`: the provider did not answer, or with an error of its own. `misconfigured`: the provider does not take our
 * secret, or is not the configured one.
 */
export type CaptchaError = { readonly reason: "spent" | "elsewhere" | "unanswered" | "misconfigured" };

/** 0 (bot) … 1 (human), in hundredths. */
type Score = number;

const MISCONFIGURED = new Set([
  "missing-input-secret",
  "invalid-input-secret",
  "invalid-keys",
  "bad-request",
]);

const readErrorCodes = (codes: readonly string[]): Result<Score, CaptchaError> => {
  if (codes.some((code) => MISCONFIGURED.has(code))) return err({ reason: "misconfigured" });
  if (codes.includes("timeout-or-duplicate")) return err({ reason: "spent" });
  return codes.includes("invalid-input-response") ? ok(0) : err({ reason: "unanswered" });
};

/** `hostname`: of the page that sent the token. */
const readAnswer = (
  provider: CaptchaConfig["provider"],
  answer: Answer,
  hostname: string,
): Result<Score, CaptchaError> => {
  if (!answer.success) return readErrorCodes(answer["error-codes"]);
  if (answer.hostname !== hostname || answer.action !== CAPTCHA_ACTION) return err({ reason: "elsewhere" });
  if (provider === "turnstile") return ok(1);
  if (answer.score === undefined) return err({ reason: "misconfigured" });
  return ok(Math.round(answer.score * 100) / 100);
};

/** `address`: the visitor's, which the provider compares with the one that it gave the token to. */
export type VerifyCaptcha = (
  token: string,
  from: { hostname: string; address: string | null },
) => Promise<Result<Score, CaptchaError>>;

export const makeVerifyCaptcha =
  ({ provider, secret, verifyUrl }: CaptchaConfig): VerifyCaptcha =>
  async (token, { hostname, address }) => {
    const body = new URLSearchParams({ secret, response: token });
    if (address !== null) body.set("remoteip", address);
    const signal = AbortSignal.timeout(VERIFY_MS);
    const text = await fetch(verifyUrl, { method: "POST", body, redirect: "manual", signal })
      .then((response) => response.text())
      .catch(() => "");
    const answer = Answer.safeParse(parseJson(text));
    return answer.success ? readAnswer(provider, answer.data, hostname) : err({ reason: "unanswered" });
  };
