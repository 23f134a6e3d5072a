// Whether an address of the configuration is spoken with in a way that somebody on the network between could read or change.
// Pure: it looks at URLs alone. What stays on this machine (loopback, a Unix socket) is free.

/** As URL.hostname writes it, or without the brackets of an IPv6 address. */
export const isLoopbackName = (hostname: string): boolean =>
  ["localhost", "[::1]", "::1"].includes(hostname) || /^127(\.\d{1,3}){3}$/.test(hostname);

/** `plain`: no encryption. `unverified`: encrypted, for whoever answers. */
export type Exposure = { readonly host: string; readonly how: "plain" | "unverified" };

/** What pg takes from the environment where the URL does not say it. */
export type PostgresDefaults = { readonly host: string | undefined; readonly sslmode: string | undefined };

/** What of a URL is looked at. */
type ParsedUrl = {
  readonly protocol: string;
  readonly hostname: string;
  readonly searchParams: { readonly getAll: (name: string) => string[] };
};

type Protection = "verified" | Exposure["how"];

const CERTIFICATES = ["sslrootcert", "sslcert", "sslkey"];

/** What the sslmode of libpq means to pg, which verifies more than libpq unless `uselibpqcompat` is set. */
const protectionOfMode = (mode: string | undefined, isLibpq: boolean): Protection => {
  if (mode === "disable") return "plain";
  if (mode === "no-verify") return "unverified";
  return isLibpq && mode !== undefined && mode !== "verify-full" ? "unverified" : "verified";
};

/** As pg-connection-string 2.14 reads a URL; of a parameter that comes twice the last one counts. */
const postgresProtection = (url: ParsedUrl, environmentMode: string | undefined): Protection => {
  const parameter = (name: string): string | undefined => url.searchParams.getAll(name).at(-1);
  const mode = parameter("sslmode");
  if (mode !== undefined || CERTIFICATES.some((name) => parameter(name) !== undefined))
    return protectionOfMode(mode, parameter("uselibpqcompat") === "true");
  const ssl = parameter("ssl");
  if (ssl === undefined && parameter("sslnegotiation") === "direct") return "verified";
  if (ssl === undefined)
    return environmentMode === undefined ? "plain" : protectionOfMode(environmentMode, false);
  if (ssl === "no-verify") return "unverified";
  return ssl === "true" || ssl === "1" ? "verified" : "plain";
};

/** Loopback and folders of Unix sockets are no hosts of a network. */
const exposed = (host: string, protection: Protection): Exposure | null =>
  protection === "verified" || host === "" || host.startsWith("/") || isLoopbackName(host)
    ? null
    : { host: host.toLowerCase(), how: protection };

export const postgresExposure = (url: ParsedUrl, defaults: PostgresDefaults): Exposure | null => {
  const named = url.searchParams.getAll("host").at(-1) ?? decodeURIComponent(url.hostname);
  const host = (named === "" ? (defaults.host ?? "") : named).replace(/^\[(.+)\]$/, "$1");
  return exposed(host, postgresProtection(url, defaults.sslmode));
};

/** Of the other protocols the scheme says it: `rediss:`, `https:` and `tls:` (NATS) are encrypted and verified. */
export const urlExposure = ({ protocol, hostname }: ParsedUrl): Exposure | null =>
  exposed(
    hostname.replace(/^\[(.+)\]$/, "$1"),
    /^(rediss|https|tls):$/.test(protocol) ? "verified" : "plain",
  );
