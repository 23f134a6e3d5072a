// Who a request comes from: the unit of the signed cookie, else a new one. A cookie that is forged, altered or signed
// with a key that is no longer in the ring is as good as none.
import {
  decodePayload,
  encodePayload,
  formatCookie,
  parseCookie,
  signedPart,
} from "../../shared/signing/cookie.ts";
import type { StickyCohort } from "../../shared/features/assign.ts";
import { UnitId } from "../../shared/ids.ts";
import type { KeyRing } from "../../shared/signing/key-ring.ts";
import type { GateOutcome } from "../features/evaluate.ts";
import type { CompiledFeature } from "../features/compile.ts";

export type Identity = {
  readonly unitId: UnitId;
  /** Read from the cookie each time: thousands of remembered visitors would fill an isolate with maps. */
  readonly sticky: ReadonlyMap<number, StickyCohort>;
  /** Day and key of the cookie's signature; null: no cookie was sent that could be believed. */
  readonly signed: { readonly day: number; readonly kid: string } | null;
  /** The gate's last answer for this unit. Remembering it changes nothing but the time that it takes. */
  memo: { readonly features: readonly CompiledFeature[]; readonly outcome: GateOutcome } | null;
  /** When this isolate last reported all of the unit's features, in ms since 1970. */
  reportedMs: number;
  /** What the visitor's browser called itself at that time. */
  isKnownBot: boolean;
  /** Known for this request only: no cookie, no report. */
  readonly isPassing: boolean;
  /** 0 (bot) … 1 (human); null: not known. */
  readonly captchaScore: number | null;
};

type Mac = {
  readonly sign: (secret: string, text: string) => Promise<Uint8Array>;
  readonly verify: (secret: string, text: string, mac: Uint8Array) => Promise<boolean>;
};

/** Cookies found right, so that a visitor's next request needs no HMAC. Two generations of this many. */
const REMEMBERED = 10_000;
const COOKIE_DAYS = 400;
/** A cookie is signed again this long after its signature, or when its key has been replaced. */
const RENEW_DAYS = 30;
const DAY_MS = 86_400_000;

export const dayOf = (nowMs: number): number => Math.floor(nowMs / DAY_MS);

/** `__Host-` binds the cookie to the host and to https; browsers refuse the prefix on plain http. */
export const cookieName = (url: string): string => (url.startsWith("https:") ? "__Host-sluice" : "sluice");

/** The value of the cookie `name`; null when it is not sent. */
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

const toBase64Url = (bytes: Uint8Array): string =>
  btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replace(/=+$/, "");

export const fromBase64Url = (text: string): Uint8Array =>
  Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (char) => char.charCodeAt(0));

export const newIdentity = (): Identity => ({
  unitId: UnitId.parse(`anon-${toBase64Url(crypto.getRandomValues(new Uint8Array(16)))}`),
  sticky: new Map(),
  signed: null,
  memo: null,
  reportedMs: 0,
  isKnownBot: false,
  isPassing: false,
  captchaScore: null,
});

export const makeCookies = (
  ring: KeyRing,
  mac: Mac,
): {
  /** The identity of a cookie's value if it was verified lately: no waiting. */
  recall: (value: string) => Identity | undefined;
  /** null for a cookie that must not be believed. */
  believe: (value: string) => Promise<Identity | null>;
  isDue: (identity: Identity, day: number) => boolean;
  /** A whole Set-Cookie header. */
  write: (
    url: string,
    identity: Pick<Identity, "unitId" | "sticky" | "captchaScore">,
    day: number,
  ) => Promise<string>;
} => {
  let young = new Map<string, Identity>();
  let old = new Map<string, Identity>();

  const remember = (value: string, identity: Identity): void => {
    if (young.size >= REMEMBERED) {
      old = young;
      young = new Map();
    }
    young.set(value, identity);
  };

  return {
    recall: (value) => {
      const known = young.get(value);
      if (known !== undefined) return known;
      const aged = old.get(value);
      if (aged !== undefined) remember(value, aged);
      return aged;
    },

    believe: async (value) => {
      const parsed = parseCookie(value);
      const key = parsed === null ? undefined : ring.find(({ kid }) => kid === parsed.kid);
      if (parsed === null || key === undefined) return null;
      if (!(await mac.verify(key.secret, parsed.signedPart, fromBase64Url(parsed.mac)))) return null;
      const content = decodePayload(parsed.payload);
      if (content === null) return null;
      const identity: Identity = {
        unitId: content.unitId,
        get sticky() {
          return decodePayload(parsed.payload)?.sticky ?? new Map();
        },
        signed: { day: content.day, kid: key.kid },
        memo: null,
        reportedMs: 0,
        isKnownBot: false,
        isPassing: false,
        captchaScore: content.captchaScore,
      };
      remember(value, identity);
      return identity;
    },

    isDue: ({ signed }, day) =>
      signed === null || signed.kid !== ring[0].kid || day - signed.day >= RENEW_DAYS,

    write: async (url, { unitId, sticky, captchaScore }, day) => {
      const [{ kid, secret }] = ring;
      const payload = encodePayload({ unitId, sticky, day, captchaScore });
      const value = formatCookie(kid, payload, toBase64Url(await mac.sign(secret, signedPart(kid, payload))));
      const secure = url.startsWith("https:") ? "; Secure" : "";
      return `${cookieName(url)}=${value}; Path=/; Max-Age=${COOKIE_DAYS * 86_400}; HttpOnly; SameSite=Lax${secure}`;
    },
  };
};
