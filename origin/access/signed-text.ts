// Text in a cookie that only a holder of the keys can have made: `v1.<kid>.<text>.<mac>`. A purpose goes into the MAC, so that
// what was signed for one use is no good for another.
import { createHmac } from "node:crypto";
import type { Key, KeyRing } from "../../shared/signing/key-ring.ts";
import { sameSecret } from "../runtime/secrets.ts";

export type Purpose = "session" | `session of ADMIN_TOKEN ${string}` | "csrf" | "sign-in";

const macOf = ({ kid, secret }: Key, purpose: Purpose, text: string): string =>
  createHmac("sha256", secret).update(`sluice ${purpose} v1.${kid}.${text}`).digest("base64url");

/** `text`: base64url. */
export const signText = ([key]: KeyRing, purpose: Purpose, text: string): string =>
  `v1.${key.kid}.${text}.${macOf(key, purpose, text)}`;

/** The text; null unless one of the keys has signed exactly this for the purpose. */
export const verifyText = (keys: KeyRing, purpose: Purpose, value: string): string | null => {
  const [, kid, text = "", mac = ""] =
    /^v1\.([A-Za-z0-9_-]{1,32})\.([A-Za-z0-9_-]{1,4000})\.([A-Za-z0-9_-]{43})$/.exec(value) ?? [];
  const key = keys.find((one) => one.kid === kid);
  return key !== undefined && sameSecret(mac, macOf(key, purpose, text)) ? text : null;
};
