// From which address a request came: the peer's, or what a proxy of one's own says of it.
import { BlockList, isIP } from "node:net";
import { getConnInfo } from "@hono/node-server/conninfo";
import type { Context } from "hono";

/** An IPv4 address that a socket for both versions shows as IPv6. */
const withoutMapping = (address: string): string => address.replace(/^::ffff:(?=\d+\.)/i, "");

const makeIsIn = (ranges: readonly string[]): ((address: string) => boolean) => {
  const list = new BlockList();
  for (const range of ranges) {
    const [address = "", bits] = range.split("/");
    const family = isIP(address) === 4 ? "ipv4" : "ipv6";
    if (bits === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number(bits), family);
  }
  return (address) => list.check(address, isIP(address) === 4 ? "ipv4" : "ipv6");
};

export type AddressOf = (context: Context) => string;

/**
 * Each proxy appends the address that it was asked from to X-Forwarded-For. The list is read from its end as long as proxies
 * of one's own say it: what stands before was sent by whoever they were asked by.
 */
export const makeAddressOf = (trustedProxies: readonly string[]): AddressOf => {
  const isTrusted = makeIsIn(trustedProxies);
  return (context) => {
    const env: unknown = context.env;
    const isConnected = typeof env === "object" && env !== null && "incoming" in env;
    let address = withoutMapping(isConnected ? (getConnInfo(context).remote.address ?? "") : "");
    const hops = (context.req.header("x-forwarded-for") ?? "").split(",").toReversed();
    for (const hop of hops) {
      const before = withoutMapping(hop.trim());
      if (isIP(address) === 0 || isIP(before) === 0 || !isTrusted(address)) break;
      address = before;
    }
    return address;
  };
};
