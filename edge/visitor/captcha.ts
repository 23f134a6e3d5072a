// What a token that Turnstile or reCAPTCHA v3 gave a visitor's browser is worth, by the provider's siteverify. Two
// answers decide: a token that is good for this page has its score, and one that the provider calls invalid is a
// bot's. Everything else says nothing about the visitor, who stays without a score.
import { z } from "zod";
import type { CaptchaConfig } from "../config.ts";
import { parseJson } from "../parse-json.ts";

/** The action that pages name when they ask the provider for a token. */
export const CAPTCHA_ACTION = "sluice";

const VERIFY_MS = 3_000;

/** Turnstile's and reCAPTCHA's answers, as far as they are read. Only reCAPTCHA v3 has a score. */
const Answer = z.object({
  success: z.boolean(),
  score: z.number().min(0).max(1).optional(),
  hostname: z.string().optional(),
  action: z.string().optional(),
  "error-codes": z.array(z.string()).default([]),
});
type Answer = z.infer<typeof Answer>;

/**
 * Why a token decides nothing: it was used before or is too old; it was made for another host or action; the provider
 * did not answer, or with an error of its own; or it does not take our secret, or is not the configured one.
 */
export type Undecided = "spent" | "elsewhere" | "unanswered" | "misconfigured";

/** `score`: 0 (bot) … 1 (human), in hundredths. */
export type Verdict = { readonly score: number } | { readonly undecided: Undecided };

const MISCONFIGURED = new Set([
  "missing-input-secret",
  "invalid-input-secret",
  "invalid-keys",
  "bad-request",
]);

const refusedFor = (codes: readonly string[]): Verdict => {
  if (codes.some((code) => MISCONFIGURED.has(code))) return { undecided: "misconfigured" };
  if (codes.includes("timeout-or-duplicate")) return { undecided: "spent" };
  return codes.includes("invalid-input-response") ? { score: 0 } : { undecided: "unanswered" };
};

/** `hostname`: of the page that sent the token. */
const judge = (provider: CaptchaConfig["provider"], answer: Answer, hostname: string): Verdict => {
  if (!answer.success) return refusedFor(answer["error-codes"]);
  if (answer.hostname !== hostname || answer.action !== CAPTCHA_ACTION) return { undecided: "elsewhere" };
  if (provider === "turnstile") return { score: 1 };
  if (answer.score === undefined) return { undecided: "misconfigured" };
  return { score: Math.round(answer.score * 100) / 100 };
};

/** `address`: the visitor's, which the provider compares with the one that it gave the token to. */
export type Verify = (token: string, from: { hostname: string; address: string | null }) => Promise<Verdict>;

export const makeVerify =
  ({ provider, secret, verifyUrl }: CaptchaConfig): Verify =>
  async (token, { hostname, address }) => {
    const body = new URLSearchParams({ secret, response: token });
    if (address !== null) body.set("remoteip", address);
    const signal = AbortSignal.timeout(VERIFY_MS);
    const answered = await fetch(verifyUrl, { method: "POST", body, redirect: "manual", signal })
      .then((response) => response.text())
      .catch(() => "");
    const answer = Answer.safeParse(parseJson(answered));
    return answer.success ? judge(provider, answer.data, hostname) : { undecided: "unanswered" };
  };
