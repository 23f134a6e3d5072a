// Who may send telemetry: the holder of INGEST_TOKEN or of an API token with the scope `ingest`. Without an INGEST_TOKEN
// every program of its own machine may, where an origin listens on that alone. What a proxy of this machine hands on may be from
// anybody, so that needs a token.
import type { IncomingHttpHeaders } from "node:http";
import { BlockList, isIP } from "node:net";
import { isLoopbackName } from "../../shared/plain-text.ts";
import type { Access } from "../access/make-access.ts";
import { bearerToken, sameSecret } from "../runtime/secrets.ts";

const loopback = new BlockList();
loopback.addSubnet("127.0.0.0", 8);
loopback.addAddress("::1", "ipv6");

/** `host`: an address to listen on. */
export const isLoopback = (host: string): boolean => {
  if (host === "localhost") return true;
  const family = isIP(host);
  return family !== 0 && loopback.check(host, family === 6 ? "ipv6" : "ipv4");
};

/** Headers by which proxies say that they are there: nginx, Caddy, Apache, HAProxy, Envoy, Traefik, cloudflared. */
const OF_PROXIES = [
  "forwarded",
  "x-forwarded-for",
  "x-forwarded-host",
  "x-forwarded-proto",
  "x-real-ip",
  "via",
  "cf-connecting-ip",
] as const;

/** What shows that a request to this machine's own address came through a proxy; null: nothing does. */
const signOfProxy = (headers: IncomingHttpHeaders): string | null => {
  const found = OF_PROXIES.find((name) => headers[name] !== undefined);
  if (found !== undefined) return found;
  const { host } = headers;
  if (host === undefined) return null;
  const url = URL.parse(`http://${host}`);
  return url !== null && isLoopbackName(url.hostname) ? null : "host";
};

/** `proxied`: a program of this machine might send it without a token; `by` is the header that shows it was handed on. */
export type IngestRight =
  | { readonly may: true }
  | { readonly may: false; readonly reason: "unauthorized" }
  | { readonly may: false; readonly reason: "proxied"; readonly by: string };

export type MayIngest = (headers: IncomingHttpHeaders) => Promise<IngestRight>;

export const makeMayIngest =
  (options: { token: string | undefined; host: string; access: Pick<Access, "principalOf"> }): MayIngest =>
  async (headers) => {
    const { token, host, access } = options;
    const isOpen = token === undefined && isLoopback(host);
    const by = isOpen ? signOfProxy(headers) : null;
    if (isOpen && by === null) return { may: true };
    const given = bearerToken(headers.authorization);
    if (given !== undefined) {
      if (token !== undefined && sameSecret(given, token)) return { may: true };
      if ((await access.principalOf(given))?.scope === "ingest") return { may: true };
    }
    return by === null ? { may: false, reason: "unauthorized" } : { may: false, reason: "proxied", by };
  };
