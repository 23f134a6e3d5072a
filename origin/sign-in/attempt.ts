// A sign-in at the provider that has been begun: what has to come back, kept in the person's browser under a signature. One
// browser has one; a second tab that begins anew takes its place.
import { z } from "zod";

/** Long enough to type a password and to find a second factor. */
export const ATTEMPT_S = 600;

export const Attempt = z.object({
  state: z.string(),
  nonce: z.string(),
  /** PKCE's. */
  verifier: z.string(),
  next: z.string(),
  /** Unix seconds. */
  at: z.number(),
});
export type Attempt = z.infer<typeof Attempt>;

/** `text`: whatever was signed. null: it is no attempt, or too old. */
export const readAttempt = (text: string, nowS: number): Attempt | null => {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return null;
  }
  const attempt = Attempt.safeParse(json);
  if (!attempt.success) return null;
  return nowS - attempt.data.at <= ATTEMPT_S ? attempt.data : null;
};
