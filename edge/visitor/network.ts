// The network that a request comes from: of an IPv4 address the first 24 bits, of an IPv6 address the first 48. What is
// told of it outside of the isolate is a keyed hash that changes with the day.
import type { KeyRing } from "../../shared/signing/key-ring.ts";
import { dayOf } from "./cookie.ts";

type Sign = (secret: string, text: string) => Promise<Uint8Array>;

/** 16 hexadecimal digits; a promise the first time; null: not known. */
export type NetworkHash = (address: string | null, nowMs: number) => string | null | Promise<string>;

/** Networks that are remembered; beyond, the memory begins anew. */
const MANY = 10_000;

const IPV4 = /^(?:::ffff:)?(\d{1,3}\.\d{1,3}\.\d{1,3})\.\d{1,3}$/i;

/** The first three groups of an IPv6 address, without leading zeros. */
const firstGroups = (address: string): string => {
  const [head = "", tail] = address.toLowerCase().split("::");
  const groups = head === "" ? [] : head.split(":");
  const left = tail === undefined || tail === "" ? [] : tail.split(":");
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - groups.length - left.length);
  const all = [...groups, ...Array.from({ length: zeros }, () => "0"), ...left];
  return all
    .slice(0, 3)
    .map((group) => group.replace(/^0+(?=.)/, ""))
    .join(":");
};

/** null: there is no address. Only the platform tells it: visitors cannot send CF-Connecting-IP themselves. */
export const networkOf = (address: string | null): string | null => {
  if (address === null || address === "") return null;
  return IPV4.exec(address)?.[1] ?? (address.includes(":") ? firstGroups(address) : null);
};

export const makeNetworkHash = ([{ secret }]: KeyRing, sign: Sign): NetworkHash => {
  let day = -1;
  let known = new Map<string, string>();

  const compute = async (network: string): Promise<string> => {
    const mac = await sign(secret, `network ${day} ${network}`);
    const hash = [...mac.subarray(0, 8)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
    if (known.size >= MANY) known = new Map();
    known.set(network, hash);
    return hash;
  };

  return (address, nowMs) => {
    const network = networkOf(address);
    if (network === null) return null;
    if (day !== dayOf(nowMs)) {
      day = dayOf(nowMs);
      known = new Map();
    }
    return known.get(network) ?? compute(network);
  };
};
