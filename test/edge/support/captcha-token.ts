// Tokens as the stand-in for siteverify takes them: what it is to answer, as a query (`score=0.3&hostname=…&action=…`).

export const CAPTCHA_SECRET = "captcha-secret-of-the-tests";

/** Whether siteverify should misbehave: an error page, an error of its own, or no answer at all. */
export type Trouble = "500" | "internal-error" | "hang";

export type TokenFields = {
  readonly score?: number;
  readonly hostname: string;
  readonly action?: string;
  readonly trouble?: Trouble;
};

let tokens = 0;

/** A token that nobody has used yet. */
export const makeToken = ({ score, hostname, action = "sluice", trouble }: TokenFields): string =>
  new URLSearchParams({
    ...(score === undefined ? {} : { score: String(score) }),
    hostname,
    action,
    ...(trouble === undefined ? {} : { trouble }),
    id: `${Date.now()}-${tokens++}-${Math.random()}`,
  }).toString();
