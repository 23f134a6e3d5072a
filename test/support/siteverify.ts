// A stand-in for Turnstile's and reCAPTCHA v3's siteverify, with their rules: a token is good once, for the secret of its
// site, and says for which host and action it was made. Tokens are those of test/edge/support/captcha-token.ts.
import type { ServerResponse } from "node:http";
import { CAPTCHA_SECRET } from "../edge/support/captcha-token.ts";

export const makeSiteverify = () => {
  const used = new Set<string>();

  /** `body`: a form with secret and response. */
  return (body: string, response: ServerResponse): void => {
    const form = new URLSearchParams(body);
    const token = form.get("response") ?? "";
    const described = new URLSearchParams(token);
    const answer = (content: object): void =>
      void response.writeHead(200, { "Content-Type": "application/json" }).end(JSON.stringify(content));
    const refuse = (code: string): void => answer({ success: false, "error-codes": [code] });
    const hostname = described.get("hostname");
    const trouble = described.get("trouble");
    if (trouble === "hang") return;
    if (trouble === "500") return void response.writeHead(500).end("<h1>Internal Server Error</h1>");
    if (trouble !== null) return refuse(trouble);
    if (form.get("secret") !== CAPTCHA_SECRET) return refuse("invalid-input-secret");
    if (hostname === null) return refuse("invalid-input-response");
    if (used.has(token)) return refuse("timeout-or-duplicate");
    used.add(token);
    const score = described.get("score");
    answer({
      success: true,
      challenge_ts: new Date().toISOString(),
      hostname,
      action: described.get("action"),
      ...(score === null ? { "error-codes": [], cdata: "" } : { score: Number(score) }),
    });
  };
};
