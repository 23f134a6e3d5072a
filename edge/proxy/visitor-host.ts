// The answer of another upstream, as if the visitor's own host had given it: a redirect must not lead the visitor to an
// internal host, nor a cookie be set for one.
import { pathStart } from "../incoming-request.ts";

/** Headers whose value is an address. */
const ADDRESSES = ["Location", "Content-Location"];

type Place = { readonly origin: string; readonly host: string; readonly folder: string };

/** `url` may have a path; its end is its folder. */
const placeOf = (url: string): Place => {
  const begin = pathStart(url);
  const authority = url.slice(url.indexOf("//") + 2, begin).toLowerCase();
  return {
    origin: url.slice(0, begin),
    host: authority.slice(authority.lastIndexOf("@") + 1),
    folder: url.slice(begin),
  };
};

const nameOf = (host: string): string => host.replace(/:\d+$/, "");

const isBelow = (path: string, folder: string): boolean =>
  path === folder || path.startsWith(`${folder}/`) || path.startsWith(`${folder}?`);

/** A path of the upstream as the visitor asks for it: the folder of `gate.upstream` is not in it. */
const withoutFolder = (path: string, { folder }: Place): string =>
  folder !== "" && isBelow(path, folder) ? path.slice(folder.length) || "/" : path;

/** Also for another scheme or none: visitors cannot reach the upstream's host by any. */
const moveAddress = (address: string, upstream: Place, visitor: Place): string => {
  if (/^\/(?!\/)/.test(address)) return withoutFolder(address, upstream);
  const [, authority = "", rest = ""] = /^(?:https?:)?\/\/([^/?#]*)(.*)$/is.exec(address) ?? [];
  const host = authority.slice(authority.lastIndexOf("@") + 1).toLowerCase();
  if (host === "" || nameOf(host) !== nameOf(upstream.host)) return address;
  return visitor.origin + withoutFolder(rest.startsWith("/") ? rest : `/${rest}`, upstream);
};

const domainMatches = (host: string, domain: string): boolean =>
  host === domain || host.endsWith(`.${domain}`);

const moveCookie = (cookie: string, upstream: Place, visitor: Place): string =>
  cookie
    .split(";")
    .flatMap((part) => {
      const [, name = "", value = ""] = /^\s*(domain|path)\s*=\s*(.*?)\s*$/i.exec(part) ?? [];
      if (name.toLowerCase() === "path") return [` Path=${withoutFolder(value, upstream)}`];
      const domain = value.replace(/^\./, "").toLowerCase();
      // A browser drops a cookie for a domain that is not the visitor's. Without one it is for the visitor's host.
      const isForeign = name !== "" && !domainMatches(nameOf(visitor.host), domain);
      return isForeign && domainMatches(nameOf(upstream.host), domain) ? [] : [part];
    })
    .join(";");

/** `upstream`: another than the site's own, to which the request for `url` was sent. */
export const bringToVisitorsHost = (response: Response, upstream: string, url: string): Response => {
  const from = placeOf(upstream);
  const to = placeOf(url);
  const { headers } = response;
  const cookies = headers.getSetCookie();
  const addresses = ADDRESSES.flatMap((name) => {
    const address = headers.get(name);
    return address === null ? [] : [[name, moveAddress(address, from, to)] as const];
  });
  const refresh = headers.get("Refresh");
  if ((cookies.length === 0 && addresses.length === 0 && refresh === null) || response.status === 101)
    return response;
  const moved = new Response(response.body, response);
  for (const [name, address] of addresses) moved.headers.set(name, address);
  if (refresh !== null)
    moved.headers.set(
      "Refresh",
      refresh.replace(
        /^([^;]*;\s*url=["']?)([^"']*)/i,
        (_, begin: string, address: string) => begin + moveAddress(address, from, to),
      ),
    );
  if (cookies.length > 0) moved.headers.delete("Set-Cookie");
  for (const cookie of cookies) moved.headers.append("Set-Cookie", moveCookie(cookie, from, to));
  return moved;
};
