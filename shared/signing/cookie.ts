// The signed cookie: `v1.<kid>.<payload>.<mac>`. It holds the visitor's unit id, sticky cohorts and captcha score, never
// whether a feature is open. A pure codec: the caller computes and checks the MAC over `signedPart`.
import { h32Joined } from "../hash.ts";
import { UnitId } from "../ids.ts";
import type { StickyCohort } from "../features/assign.ts";

/** The content of a cookie whose MAC is right. */
export type CookieContent = {
  readonly unitId: UnitId;
  /** Day of signing, in days since 1970: an old cookie is signed again before it expires. */
  readonly day: number;
  /** By `stickyKey`. Insertion order is age: the oldest first. */
  readonly sticky: ReadonlyMap<number, StickyCohort>;
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

/** Cohorts that one cookie holds at most: 6 characters each keep it well under 1 kB. */
export const MAX_STICKY = 100;

const DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const STICKY_CHARS = 6;
const CODES = ["treatment", "holdout"] as const;

/** A cohort is sticky for one epoch of one feature: a feature that is opened again assigns again. 32 bits. */
export const stickyKey = (featureId: string, epoch: number): number =>
  h32Joined(featureId, String(epoch), "#");

const encodeSticky = (key: number, cohort: StickyCohort): string => {
  let rest = key * 16 + CODES.indexOf(cohort);
  let text = "";
  for (let i = 0; i < STICKY_CHARS; i++) {
    text = DIGITS.charAt(rest % 64) + text;
    rest = Math.floor(rest / 64);
  }
  return text;
};

const decodeSticky = (text: string): Map<number, StickyCohort> | null => {
  const sticky = new Map<number, StickyCohort>();
  if (text.length % STICKY_CHARS !== 0) return null;
  for (let at = 0; at < text.length; at += STICKY_CHARS) {
    let value = 0;
    for (let i = at; i < at + STICKY_CHARS; i++) {
      const digit = DIGITS.indexOf(text.charAt(i));
      if (digit < 0) return null;
      value = value * 64 + digit;
    }
    const cohort = CODES[value % 16];
    if (cohort === undefined) return null;
    sticky.set(Math.floor(value / 16), cohort);
  }
  return sticky;
};

const escapeUnit = (unitId: string): string =>
  encodeURIComponent(unitId).replace(/[.~]/g, (char) => (char === "." ? "%2E" : "%7E"));

export const encodePayload = ({ unitId, day, sticky, captchaScore }: CookieContent): string => {
  const stickyText = [...sticky].slice(-MAX_STICKY).map(([key, cohort]) => encodeSticky(key, cohort));
  const score = captchaScore === null ? "" : `~${Math.round(captchaScore * 100)}`;
  return `${escapeUnit(unitId)}~${day.toString(36)}~${stickyText.join("")}${score}`;
};

/** null for anything that this codec did not write. */
export const decodePayload = (payload: string): CookieContent | null => {
  const match = /^([^~]+)~([0-9a-z]{1,6})~([A-Za-z0-9_-]*)(?:~(\d{1,2}|100))?$/.exec(payload);
  if (match === null) return null;
  const [, unit = "", day = "", stickyText = "", hundredths] = match;
  const sticky = decodeSticky(stickyText);
  const unitId = UnitId.safeParse(unescapeUnit(unit));
  if (sticky === null || !unitId.success) return null;
  const captchaScore = hundredths === undefined ? null : Number(hundredths) / 100;
  return { unitId: unitId.data, day: Number.parseInt(day, 36), sticky, captchaScore };
};

const unescapeUnit = (text: string): string => {
  try {
    return decodeURIComponent(text);
  } catch {
    return ""; // a malformed escape: refused as an empty unit
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

type Keys = { readonly has: (key: number) => boolean };

/**
 * `sticky` with `added` at its end. Over the cap, cohorts of features that no longer exist (not in `living`) go first, then
 * those of closed features (not in `open`), the oldest first. An added cohort that then has no room does not become
 * sticky: no cohort is given up for a new one, and a visitor of more features than a cookie holds gets no new cookie with
 * each page.
 */
export const addSticky = (
  sticky: ReadonlyMap<number, StickyCohort>,
  added: ReadonlyMap<number, StickyCohort>,
  { living, open }: { living: Keys; open: Keys },
): Map<number, StickyCohort> => {
  const all = new Map([...sticky, ...added]);
  const drop = (keys: Iterable<number>): void => {
    for (const key of keys) {
      if (all.size <= MAX_STICKY) return;
      all.delete(key);
    }
  };
  drop([...all.keys()].filter((key) => !living.has(key)));
  drop([...all.keys()].filter((key) => !open.has(key)));
  drop([...added.keys()].toReversed());
  return all;
};
