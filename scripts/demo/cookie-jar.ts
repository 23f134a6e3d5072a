// One visitor's cookies, for one site: every Set-Cookie is kept or, when it expires the cookie, dropped.
// Path and domain are not looked at: a simulated visitor only ever speaks to one host.

export interface CookieJar {
  readonly keep: (setCookies: readonly string[], nowMs: number) => void;
  /** The Cookie header, undefined when there is nothing to send. */
  readonly header: () => string | undefined;
}

const isExpired = (attributes: readonly string[], nowMs: number): boolean => {
  let expiresAtMs = Number.POSITIVE_INFINITY;
  for (const attribute of attributes) {
    const [name = "", value = ""] = attribute.split("=", 2).map((part) => part.trim());
    // Max-Age wins over Expires wherever it stands (RFC 6265, 5.3).
    if (name.toLowerCase() === "max-age") return Number(value) <= 0;
    if (name.toLowerCase() === "expires") expiresAtMs = Date.parse(value);
  }
  return expiresAtMs <= nowMs;
};

export const makeCookieJar = (): CookieJar => {
  const cookies = new Map<string, string>();
  return {
    keep: (setCookies, nowMs) => {
      for (const line of setCookies) {
        const [pair = "", ...attributes] = line.split(";");
        const equals = pair.indexOf("=");
        if (equals <= 0) continue;
        const name = pair.slice(0, equals).trim();
        if (isExpired(attributes, nowMs)) cookies.delete(name);
        else cookies.set(name, pair.slice(equals + 1).trim());
      }
    },
    header: () =>
      cookies.size === 0 ? undefined : [...cookies].map(([name, value]) => `${name}=${value}`).join("; "),
  };
};
