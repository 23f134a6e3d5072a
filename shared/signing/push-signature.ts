// Signature of a push and of its answer: `t=<unix seconds>,kid=<id>,v1=<hex HMAC-SHA256 of "t.body">`. The caller
// computes the HMAC.

export type SignatureHeader = {
  readonly timestamp: number;
  readonly kid: string;
  /** lower-case hex */
  readonly mac: string;
};

/** How far the sender's clock may be off, in seconds. */
export const SIGNATURE_TOLERANCE_S = 300;

export const signedText = (timestamp: number, body: string): string => `${timestamp}.${body}`;

/**
 * The text that an edge signs for its answer to a push. The nonce of the push is in it, so no answer can be used twice,
 * and no answer passes for a push.
 */
export const answerText = (
  timestamp: number,
  { nonce, status, body }: { readonly nonce: string; readonly status: number; readonly body: string },
): string => signedText(timestamp, `push-answer.${nonce}.${status}.${body}`);

/**
 * The text of `Sluice-Sender: <hex HMAC-SHA256>`, by which a push shows before its body is read that its sender holds the
 * key. It covers the signature of the body, so it serves for no other.
 */
export const senderText = ({ timestamp, mac }: Pick<SignatureHeader, "timestamp" | "mac">): string =>
  signedText(timestamp, `sender.${mac}`);

export const formatSignature = ({ timestamp, kid, mac }: SignatureHeader): string =>
  `t=${timestamp},kid=${kid},v1=${mac}`;

/** null for anything that is not exactly such a header. */
export const parseSignature = (header: string): SignatureHeader | null => {
  const match = /^t=(\d{1,12}),kid=([A-Za-z0-9_-]{1,32}),v1=([0-9a-f]{64})$/.exec(header);
  if (match === null) return null;
  const [, timestamp = "", kid = "", mac = ""] = match;
  return { timestamp: Number(timestamp), kid, mac };
};
