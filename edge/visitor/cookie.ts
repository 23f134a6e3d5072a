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
import { decodeOnce } from "./cookie-header.ts";
import type { Identity } from "./identity.ts";

type Mac = {
  readonly sign: (secret: string, text: string) => Promise<Uint8Array>;
  readonly verify: (secret: string, text: string, mac: Uint8Array) => Promise<boolean>;
};

/** Two generations of this many verified cookies are cached, so that a visitor's next request needs no HMAC. */
const GENERATION = 10_000;
/** An edge writes none of more than 900 bytes; encoded again each byte of an id takes up to nine. */
const MAX_COOKIE = 4_096;
const COOKIE_DAYS = 400;
/** A cookie is signed again this long after its signature, or when its key has been replaced. */
const RENEW_DAYS = 30;
const DAY_MS = 86_400_000;

export const dayOf = (nowMs: number): number => Math.floor(nowMs / DAY_MS);

/** `__Host-` binds the cookie to the host and to https; browsers refuse the prefix on plain http. */
export const cookieName = (url: string): string => (url.startsWith("https:") ? "__Host-sluice" : "sluice");

type Visitor = Omit<CookieContent, "day">;

/** A Set-Cookie header, of today, that makes the browser keep this visitor. */
export type WriteCookie = (url: string, visitor: Visitor) => Promise<string>;

export type Cookies = {
  /** The identity of a cookie that was verified lately, without a promise. */
  readonly cached: (value: string) => Identity | undefined;
  /** null: the cookie is not valid. */
  readonly verify: (value: string) => Promise<Identity | null>;
  /** The identity of the first of the values that is valid; null: none is. */
  readonly verifyAny: (values: readonly string[]) => Promise<Identity | null>;
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

  const cached: Cookies["cached"] = (value) => {
    const known = young.get(value);
    if (known !== undefined) return known;
    const aged = old.get(value);
    if (aged !== undefined) cache(value, aged);
    return aged;
  };

  const verifyText = async (value: string): Promise<Identity | null> => {
    const parsed = parseCookie(value);
    const key = parsed === null ? undefined : ring.find(({ kid }) => kid === parsed.kid);
    if (parsed === null || key === undefined) return null;
    if (!(await mac.verify(key.secret, parsed.signedPart, fromBase64Url(parsed.mac)))) return null;
    const content = decodePayload(parsed.payload);
    if (content === null) return null;
    return {
      visitorId: content.visitorId,
      userId: null,
      signed: { day: content.day, kid: key.kid },
      isEphemeral: false,
      captchaScore: content.captchaScore,
    };
  };

  const verify: Cookies["verify"] = async (value) => {
    if (value.length > MAX_COOKIE) return null;
    const decoded = decodeOnce(value);
    const identity = (await verifyText(value)) ?? (decoded === null ? null : await verifyText(decoded));
    if (identity !== null) cache(value, identity);
    return identity;
  };

  const verifyAny: Cookies["verifyAny"] = async (values) => {
    for (const value of values) {
      const identity = cached(value) ?? (await verify(value));
      if (identity !== null) return identity;
    }
    return null;
  };

  return {
    cached,
    verify,
    verifyAny,

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
