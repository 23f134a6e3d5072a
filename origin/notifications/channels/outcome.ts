// What became of one attempt to send a message. Pure.

export type Outcome =
  | { readonly kind: "delivered" }
  /** It is tried again, at the earliest after `retryAfterMs`. */
  | { readonly kind: "failed"; readonly error: string; readonly retryAfterMs: number | null }
  /** The receiver does not want this message; the next one it may. */
  | { readonly kind: "refused"; readonly error: string }
  /** The receiver wants no message any more. */
  | { readonly kind: "gone"; readonly error: string };

export type HttpAnswer = {
  readonly status: number;
  readonly retryAfter: string | null;
  /** Its first bytes. */
  readonly text: string;
};

const MOST_RETRY_AFTER_MS = 6 * 3_600_000;

/** Retry-After (RFC 9110, 10.2.3): seconds or a date. null: it says nothing that can be read. */
export const retryAfterMs = (header: string | null, nowMs: number): number | null => {
  if (header === null) return null;
  const ms = /^\d+$/.test(header.trim()) ? Number(header) * 1_000 : Date.parse(header) - nowMs;
  return Number.isNaN(ms) ? null : Math.min(MOST_RETRY_AFTER_MS, Math.max(0, ms));
};

/** Of these another message may be taken: bad content, too long, not processable. */
const REFUSALS: ReadonlySet<number> = new Set([400, 413, 415, 422]);
const LONGEST_TEXT = 120;

export const outcomeOfAnswer = ({ status, retryAfter, text }: HttpAnswer, nowMs: number): Outcome => {
  if (status >= 200 && status < 300) return { kind: "delivered" };
  const words = text.trim().slice(0, LONGEST_TEXT);
  const error = words === "" ? `it answered ${status}` : `it answered ${status}: ${words}`;
  if (status === 410) return { kind: "gone", error };
  if (REFUSALS.has(status)) return { kind: "refused", error };
  if (status >= 300 && status < 400)
    return { kind: "failed", error: `${error} (redirects are not followed)`, retryAfterMs: null };
  return { kind: "failed", error, retryAfterMs: retryAfterMs(retryAfter, nowMs) };
};
