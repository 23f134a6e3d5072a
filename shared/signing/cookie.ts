// The signed cookie: `v1.<kid>.<payload>.<mac>`. It holds who the visitor is, never their cohorts and never whether a
// feature is open: the hash decides that at each request. A pure codec: the caller computes and checks the MAC over
// `signedPart`.
import { UnitId } from "../ids.ts";

/** The content of a cookie whose MAC is right. */
export type CookieContent = {
  readonly visitorId: UnitId;
  /** Day of signing, in days since 1970: an old cookie is signed again before it expires. */
  readonly day: number;
  /** 0 (bot) … 1 (human), in hundredths; null: no captcha has found anything. */
  readonly captchaScore: number | null;
};

export type ParsedCookie = {
  readonly kid: string;
  readonly payload: string;
  /** base64url */
  readonly mac: string;
  /** The text under the MAC. */
  readonly signedPart: string;
};

/**
 * The version of the hash that makes buckets is the third part of a payload. The first version is written as nothing, so
 * that an older edge reads the cookie too. Cookies of such an edge have cohorts there, which no longer mean anything.
 */
const HASH_VERSION = "";

const escapeId = (visitorId: string): string =>
  encodeURIComponent(visitorId).replace(/[.~]/g, (char) => (char === "." ? "%2E" : "%7E"));

export const encodePayload = ({ visitorId, day, captchaScore }: CookieContent): string => {
  const score = captchaScore === null ? "" : `~${Math.round(captchaScore * 100)}`;
  return `${escapeId(visitorId)}~${day.toString(36)}~${HASH_VERSION}${score}`;
};

/** null for anything that no edge wrote. */
export const decodePayload = (payload: string): CookieContent | null => {
  const match = /^([^~]+)~([0-9a-z]{1,6})~[A-Za-z0-9_-]*(?:~(\d{1,2}|100))?$/.exec(payload);
  if (match === null) return null;
  const [, id = "", day = "", hundredths] = match;
  const visitorId = UnitId.safeParse(unescapeId(id));
  if (!visitorId.success) return null;
  const captchaScore = hundredths === undefined ? null : Number(hundredths) / 100;
  return { visitorId: visitorId.data, day: Number.parseInt(day, 36), captchaScore };
};

const unescapeId = (text: string): string => {
  try {
    return decodeURIComponent(text);
  } catch {
    return ""; // a malformed escape: refused as an empty id
  }
};

export const signedPart = (kid: string, payload: string): string => `v1.${kid}.${payload}`;

export const formatCookie = (kid: string, payload: string, mac: string): string =>
  `${signedPart(kid, payload)}.${mac}`;

/** Splits a cookie's value; null unless it has the form. Nothing in it may be believed before the MAC is checked. */
export const parseCookie = (value: string): ParsedCookie | null => {
  const match = /^v1\.([A-Za-z0-9_-]{1,32})\.([^.]{1,2048})\.([A-Za-z0-9_-]{43})$/.exec(value);
  if (match === null) return null;
  const [, kid = "", payload = "", mac = ""] = match;
  return { kid, payload, mac, signedPart: signedPart(kid, payload) };
};
