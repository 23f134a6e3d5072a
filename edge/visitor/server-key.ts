// Whether a caller is a server that holds one of SERVER_KEYS. It may ask about every feature and every unit, and it says
// itself whom a request is about. Everybody else is told what their own browser gets.
import type { KeyRing } from "../../shared/signing/key-ring.ts";

/** `wrong`: a key was sent that is none. */
export type Authority = "server" | "none" | "wrong";

/** No promise for the many who send no key. */
export type ReadAuthority = (headers: Headers) => Authority | Promise<Authority>;

const BEARER = /^bearer +([^\s]+)$/i;

const digestOf = (text: string): Promise<ArrayBuffer> =>
  crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));

export const makeReadAuthority = (ring: KeyRing | null): ReadAuthority => {
  const isKey = async (sent: string): Promise<boolean> => {
    const digest = await digestOf(sent);
    let found = false;
    for (const { secret } of ring ?? [])
      found = crypto.subtle.timingSafeEqual(digest, await digestOf(secret)) || found;
    return found;
  };

  return (headers) => {
    const key = headers.get("X-API-Key");
    if (key !== null) return isKey(key).then((is) => (is ? "server" : "wrong"));
    // The site's own token may stand there too.
    const bearer = BEARER.exec(headers.get("Authorization") ?? "")?.[1];
    return ring === null || bearer === undefined
      ? "none"
      : isKey(bearer).then((is) => (is ? "server" : "none"));
  };
};
