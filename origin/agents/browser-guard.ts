// Keeps pages of other sites from using an agent's endpoint through somebody's browser, also by a name of theirs that
// they have pointed at this machine (DNS rebinding). MCP demands it of every server.
const LOOPBACK = new Set(["localhost", "127.0.0.1", "[::1]"]);

const urlOf = (text: string): URL | null => (URL.canParse(text) ? new URL(text) : null);

export type Place = {
  /** Whether the origin listens on this machine alone. */
  readonly isLocal: boolean;
  /** Its address as people see it. */
  readonly publicUrl: string;
};

/**
 * Why a request is refused; null: it may go on. A program sends no Origin. A page sends its own, which must be the origin's
 * address or, where the origin is on this machine alone, another program of this machine.
 */
export const refusalOfPage = (
  headers: { readonly host: string | undefined; readonly origin: string | undefined },
  { isLocal, publicUrl }: Place,
): string | null => {
  const own = new URL(publicUrl);
  const host = urlOf(`http://${headers.host ?? ""}`);
  const isOwnHost = host !== null && host.host === own.host;
  if (isLocal && !isOwnHost && (host === null || !LOOPBACK.has(host.hostname)))
    return "the Host is not this machine: set PUBLIC_URL where a proxy stands before the origin";
  if (headers.origin === undefined) return null;
  const page = urlOf(headers.origin);
  const isOwnPage = page !== null && page.origin === own.origin;
  const isLocalPage = isLocal && page !== null && LOOPBACK.has(page.hostname);
  return isOwnPage || isLocalPage ? null : "pages of other sites may not use this";
};
