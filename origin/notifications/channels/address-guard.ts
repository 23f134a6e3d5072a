// Which addresses a target may have. Whoever may add a target could else make the origin ask what only the origin can reach: its
// own network, the cloud's metadata service, itself. Pure but for the look-up, which comes as an argument.
import type { LookupAddress, LookupOptions } from "node:dns";
import type { LookupFunction } from "node:net";
import ipaddr from "ipaddr.js";
import { err, ok, type Result } from "../../../shared/result.ts";

/** What `NOTIFY_ALLOW_HOSTS` names: names of hosts, addresses and ranges of addresses. */
export type AllowedHosts = {
  readonly names: ReadonlySet<string>;
  readonly ranges: readonly [ipaddr.IPv4 | ipaddr.IPv6, number][];
};

const asRange = (entry: string): [ipaddr.IPv4 | ipaddr.IPv6, number] | null => {
  if (ipaddr.isValidCIDR(entry)) return ipaddr.parseCIDR(entry);
  if (!isAddress(entry)) return null;
  const address = ipaddr.process(entry);
  return [address, address.kind() === "ipv4" ? 32 : 128];
};

/** A dotted quad or IPv6; not the other spellings that ipaddr.js reads. */
const isAddress = (text: string): boolean =>
  ipaddr.IPv4.isValidFourPartDecimal(text) || ipaddr.IPv6.isValid(text);

export const parseAllowedHosts = (entries: readonly string[]): AllowedHosts => {
  const ranges = entries.map(asRange);
  return {
    names: new Set(entries.filter((_, at) => ranges[at] === null).map((name) => name.toLowerCase())),
    ranges: ranges.filter((range) => range !== null),
  };
};

const isInRange = (
  address: ipaddr.IPv4 | ipaddr.IPv6,
  [base, bits]: [ipaddr.IPv4 | ipaddr.IPv6, number],
): boolean =>
  address instanceof ipaddr.IPv4
    ? base instanceof ipaddr.IPv4 && address.match(base, bits)
    : base instanceof ipaddr.IPv6 && address.match(base, bits);

const GLOBAL_UNICAST: [ipaddr.IPv6, number] = [ipaddr.IPv6.parse("2000::"), 3];

/** Whether anybody may be there: no private, loopback, link-local, translated or reserved address. */
const isPublic = (address: ipaddr.IPv4 | ipaddr.IPv6): boolean =>
  address.range() === "unicast" && (address instanceof ipaddr.IPv4 || address.match(...GLOBAL_UNICAST));

export const mayConnect = (text: string, allowed: AllowedHosts): boolean => {
  // A zone (`fe80::1%eth0`) names an interface of this machine.
  if (!isAddress(text) || text.includes("%")) return false;
  // An IPv4 address written as IPv6 (::ffff:127.0.0.1) is that IPv4 address.
  const address = ipaddr.process(text);
  return isPublic(address) || allowed.ranges.some((range) => isInRange(address, range));
};

const hostOf = (url: URL): string => url.hostname.replace(/^\[|\]$/g, "").toLowerCase();

const isNamed = (host: string, allowed: AllowedHosts): boolean =>
  allowed.names.has(host) ||
  (isAddress(host) && allowed.ranges.some((r) => isInRange(ipaddr.process(host), r)));

const PORTS: ReadonlySet<string> = new Set(["", "8443"]);

/**
 * The URL of a target, or why it may not be one. The parser of URLs has turned other spellings of an address (decimal, octal,
 * hexadecimal, short) into the usual one. A name is only looked up when it is connected to.
 */
export const readTargetUrl = (text: string, allowed: AllowedHosts): Result<URL, string> => {
  if (!URL.canParse(text)) return err("must be a URL");
  const url = new URL(text);
  const host = hostOf(url);
  const named = isNamed(host, allowed);
  if (url.username !== "" || url.password !== "") return err("must not hold a user name or password");
  if (url.protocol !== "https:" && !(named && url.protocol === "http:"))
    return err("must start with https:// (or http:// at a host that NOTIFY_ALLOW_HOSTS names)");
  if (!named && !PORTS.has(url.port))
    return err("must have the port 443 or 8443, or a host that NOTIFY_ALLOW_HOSTS names");
  if (!named && isAddress(host) && !mayConnect(host, allowed))
    return err("must not be an address of a private network, unless NOTIFY_ALLOW_HOSTS names it");
  return ok(url);
};

type Resolve = (
  host: string,
  options: LookupOptions & { all: true },
  callback: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
) => void;

/**
 * A look-up for connections: they get only addresses that may be connected to. What was looked up is what is connected to, so a
 * name that has another address the next moment (DNS rebinding) gains nothing.
 */
export const guardedLookup =
  (allowed: AllowedHosts, resolve: Resolve): LookupFunction =>
  (host, options, callback) => {
    resolve(host, { ...options, all: true }, (error, addresses) => {
      if (error !== null) return callback(error, "");
      const isTrusted = allowed.names.has(host.toLowerCase());
      const good = addresses.filter(({ address }) => isTrusted || mayConnect(address, allowed));
      const [first] = good;
      if (first === undefined) {
        const what = `${host} has an address of a private network; NOTIFY_ALLOW_HOSTS can allow it`;
        return callback(Object.assign(new Error(what), { code: "EACCES" }), "");
      }
      return options.all === true ? callback(null, good) : callback(null, first.address, first.family);
    });
  };
