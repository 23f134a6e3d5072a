// Which responses a shared cache may keep, and for how long (RFC 9111, 3 and 4.2): the part of it that needs no guess. A
// response is kept only if it says for how long itself.
import { err, ok, type Result } from "../../../shared/result.ts";

/** Times of one response, in milliseconds from now. */
export type Freshness = {
  readonly freshMs: number;
  /** After that it is still answered with while it is asked for again (RFC 5861). */
  readonly staleMs: number;
  /** After that it is still answered with where the upstream fails. */
  readonly errorMs: number;
  /** How old it was when it came. */
  readonly ageMs: number;
};

export type Keepable = Freshness & {
  /**
   * Request headers on which the response depends, in lower case and in order. `cookie`: it does not say that it is for
   * everybody, so it is kept for those only who send no cookie of the site.
   */
  readonly vary: readonly string[];
};

/** Why a response is not kept. */
export type UnkeptError = {
  readonly reason: "status" | "cookie" | "control" | "lifetime" | "vary" | "personal" | "form";
};

type Directives = ReadonlyMap<string, string>;

const DIRECTIVE = /([\w-]+)(?:\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,;"]*)))?/g;

/** By their names in lower case. Of two of a name the stricter one holds, whatever comes first. */
export const directivesOf = (control: string): Directives => {
  const directives = new Map<string, string>();
  for (const [, name = "", quoted, token] of control.matchAll(DIRECTIVE)) {
    const key = name.toLowerCase();
    const value = quoted ?? token ?? "";
    const known = directives.get(key);
    directives.set(key, known === undefined || Number(value) < Number(known) ? value : known);
  }
  return directives;
};

const SECOND = 1_000;
/** What a cache may take for ever (RFC 9111, 1.2.2). */
const LONGEST_S = 31_536_000;

/** What is no number of seconds counts as none, so that the response is stale. */
const secondsOf = (directives: Directives, name: string): number | null => {
  const value = directives.get(name);
  if (value === undefined) return null;
  return /^\d{1,15}$/.test(value) ? Math.min(Number(value), LONGEST_S) : 0;
};

const timeOf = (date: string | null): number | null => {
  const time = date === null ? Number.NaN : Date.parse(date);
  return Number.isNaN(time) ? null : time;
};

/** Those that speak to a cache such as this one come before those that speak to all (RFC 9213). */
const TARGETED = ["Cloudflare-CDN-Cache-Control", "CDN-Cache-Control"];

const FORBIDDING = ["private", "no-store", "no-cache", "must-understand"];

const freshnessOf = (headers: Headers): Result<Freshness, UnkeptError> => {
  const targeted = TARGETED.map((name) => headers.get(name)).find((value) => value !== null && value !== "");
  const directives = directivesOf(targeted ?? headers.get("Cache-Control") ?? "");
  if (FORBIDDING.some((name) => directives.has(name))) return err({ reason: "control" });
  const seconds = (name: string): number | null => secondsOf(directives, name);
  const lifetimeS = seconds("s-maxage") ?? seconds("max-age");
  const expires = headers.get("Expires");
  const byDate = targeted === undefined && expires !== null ? timeOf(expires) : null;
  const date = timeOf(headers.get("Date"));
  const lifetimeMs =
    lifetimeS === null
      ? byDate === null || date === null
        ? 0
        : Math.min(byDate - date, LONGEST_S * SECOND)
      : lifetimeS * SECOND;
  const age = headers.get("Age");
  const ageMs = age !== null && /^\d{1,15}$/.test(age) ? Number(age) * SECOND : 0;
  if (lifetimeMs - ageMs <= 0) return err({ reason: "lifetime" });
  // `s-maxage` means what `proxy-revalidate` says (RFC 9111, 5.2.2.10), unless the response says how long it may be stale.
  const mustRevalidate = directives.has("must-revalidate") || directives.has("proxy-revalidate");
  return ok({
    freshMs: lifetimeMs - ageMs,
    staleMs: mustRevalidate ? 0 : (seconds("stale-while-revalidate") ?? 0) * SECOND,
    errorMs: mustRevalidate ? 0 : (seconds("stale-if-error") ?? 0) * SECOND,
    ageMs,
  });
};

/** `max-age` alone is also said by sites that have never had a shared cache, on pages of people who are signed in. */
const isForEverybody = (headers: Headers): boolean => {
  if (TARGETED.some((name) => headers.has(name))) return true;
  const directives = directivesOf(headers.get("Cache-Control") ?? "");
  return directives.has("public") || directives.has("s-maxage");
};

/** Of these the page is somebody's, or has too many forms to be asked for twice. */
const UNKEPT_VARY = new Set(["*", "cookie", "authorization", "sluice-unit", "user-agent"]);
/** The key of a page says these anyhow. */
const KNOWN_VARY = new Set(["", "accept-encoding", "sluice-features"]);
const MOST_VARY = 8;

/** null: it depends on too much. */
export const varyOf = (headers: Headers): readonly string[] | null => {
  const names = (headers.get("Vary") ?? "").split(",").map((name) => name.trim().toLowerCase());
  const vary = [...new Set(names.filter((name) => !KNOWN_VARY.has(name)))].toSorted();
  const isFit =
    vary.length <= MOST_VARY && vary.every((name) => !UNKEPT_VARY.has(name) && /^[\w-]+$/.test(name));
  return isFit ? vary : null;
};

/** The response is of one visitor, whatever it says about caches: a nonce is for one page view. */
const isPersonal = (headers: Headers, vary: readonly string[]): boolean => {
  const policies = ["Content-Security-Policy", "Content-Security-Policy-Report-Only"];
  const origin = headers.get("Access-Control-Allow-Origin");
  return (
    policies.some((name) => headers.get(name)?.includes("'nonce-") === true) ||
    headers.has("Clear-Site-Data") ||
    (origin !== null && origin !== "*" && !vary.includes("origin"))
  );
};

const READABLE = new Set(["identity", "gzip", "br"]);

export const keepableOf = ({ status, headers }: Response): Result<Keepable, UnkeptError> => {
  if (status !== 200) return err({ reason: "status" });
  if (headers.has("Set-Cookie")) return err({ reason: "cookie" });
  const freshness = freshnessOf(headers);
  if (!freshness.ok) return freshness;
  const vary = varyOf(headers);
  if (vary === null) return err({ reason: "vary" });
  if (isPersonal(headers, vary)) return err({ reason: "personal" });
  const isReadable = READABLE.has(headers.get("Content-Encoding")?.toLowerCase() ?? "identity");
  const isEndless = headers.get("Content-Type")?.startsWith("text/event-stream") === true;
  if (!isReadable || isEndless) return err({ reason: "form" });
  return ok({ ...freshness.value, vary: isForEverybody(headers) ? vary : [...vary, "cookie"].toSorted() });
};
