// The signed cookie: read, verified and written. A cookie that is forged, altered or signed with a key that is no longer
// in the ring is as good as none.
import type { KeyRing } from "../../shared/signing/key-ring.ts";
import {
  decodePayload,
  encodePayload,
  formatCookie,
  parseCookie,
  signedPart,
  type CookieContent,
} from "../../shared/signing/cookie.ts";
import { fromBase64Url, toBase64Url } from "../bytes.ts";
import type { Identity } from "./identity.ts";

type Mac = {
  readonly sign: (secret: string, text: string) => Promise<Uint8Array>;
  readonly verify: (secret: string, text: string, mac: Uint8Array) => Promise<boolean>;
};

/** Two generations of this many verified cookies are cached, so that a visitor's next request needs no HMAC. */
const GENERATION = 10_000;
const COOKIE_DAYS = 400;
/** A cookie is signed again this long after its signature, or when its key has been replaced. */
const RENEW_DAYS = 30;
const DAY_MS = 86_400_000;

export const dayOf = (nowMs: number): number => Math.floor(nowMs / DAY_MS);

/** `__Host-` binds the cookie to the host and to https; browsers refuse the prefix on plain http. */
export const cookieName = (url: string): string => (url.startsWith("https:") ? "__Host-sluice" : "sluice");

/** The value of the cookie `name`; null: it was not sent. */
export const readCookie = (header: string | null, name: string): string | null => {
  if (header === null) return null;
  for (let at = header.indexOf(name); at >= 0; at = header.indexOf(name, at + 1)) {
    if (header.charAt(at + name.length) !== "=" || (at > 0 && !"; ".includes(header.charAt(at - 1))))
      continue;
    const end = header.indexOf(";", at);
    return header.slice(at + name.length + 1, end < 0 ? undefined : end).trim();
  }
  return null;
};

type Visitor = Omit<CookieContent, "day">;

/** A Set-Cookie header, of today, that makes the browser keep this visitor. */
export type WriteCookie = (url: string, visitor: Visitor) => Promise<string>;

export type Cookies = {
  /** The identity of a cookie that was verified lately, without a promise. */
  readonly cached: (value: string) => Identity | undefined;
  /** null: the cookie is not valid. */
  readonly verify: (value: string) => Promise<Identity | null>;
  /** Whether the cookie has to be signed again. */
  readonly isDue: (identity: Identity, day: number) => boolean;
  /** A whole Set-Cookie header. */
  readonly write: (url: string, visitor: Visitor, day: number) => Promise<string>;
};

export const makeCookies = (ring: KeyRing, mac: Mac): Cookies => {
  let young = new Map<string, Identity>();
  let old = new Map<string, Identity>();

  const cache = (value: string, identity: Identity): void => {
    if (young.size >= GENERATION) {
      old = young;
      young = new Map();
    }
    young.set(value, identity);
  };

  return {
    cached: (value) => {
      const known = young.get(value);
      if (known !== undefined) return known;
      const aged = old.get(value);
      if (aged !== undefined) cache(value, aged);
      return aged;
    },

    verify: async (value) => {
      const parsed = parseCookie(value);
      const key = parsed === null ? undefined : ring.find(({ kid }) => kid === parsed.kid);
      if (parsed === null || key === undefined) return null;
      if (!(await mac.verify(key.secret, parsed.signedPart, fromBase64Url(parsed.mac)))) return null;
      const content = decodePayload(parsed.payload);
      if (content === null) return null;
      const identity: Identity = {
        visitorId: content.visitorId,
        userId: null,
        signed: { day: content.day, kid: key.kid },
        isEphemeral: false,
        captchaScore: content.captchaScore,
      };
      cache(value, identity);
      return identity;
    },

    isDue: ({ signed }, day) =>
      signed === null || signed.kid !== ring[0].kid || day - signed.day >= RENEW_DAYS,

    write: async (url, { visitorId, captchaScore }, day) => {
      const [{ kid, secret }] = ring;
      const payload = encodePayload({ visitorId, day, captchaScore });
      const value = formatCookie(kid, payload, toBase64Url(await mac.sign(secret, signedPart(kid, payload))));
      const secure = url.startsWith("https:") ? "; Secure" : "";
      return `${cookieName(url)}=${value}; Path=/; Max-Age=${COOKIE_DAYS * 86_400}; HttpOnly; SameSite=Lax${secure}`;
    },
  };
};
