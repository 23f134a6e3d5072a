// What targeting reads of a request's headers and of a token's claims. Pure: the edge hands it a request's own, the origin those
// that a person has named.
import type { Device } from "./compile-targeting.ts";

/** By the words that browsers have agreed on; a browser that sends none of them is a desktop's. null: no User-Agent. */
export const deviceOf = (header: (name: string) => string | null): Device | null => {
  const agent = header("User-Agent");
  if (agent === null) return null;
  const isMobile = header("Sec-CH-UA-Mobile") === "?1" || agent.includes("Mobi");
  if (agent.includes("iPad") || agent.includes("Tablet") || (agent.includes("Android") && !isMobile))
    return "tablet";
  return isMobile ? "mobile" : "desktop";
};

const isScalar = (value: unknown): value is string | number | boolean =>
  typeof value === "string" || typeof value === "number" || typeof value === "boolean";

/** `a.b` is the claim of that name, else `b` within `a`. */
const findClaim = (claims: Readonly<Record<string, unknown>>, name: string): unknown => {
  if (Object.hasOwn(claims, name)) return claims[name];
  let found: unknown = claims;
  for (const part of name.split(".")) {
    if (typeof found !== "object" || found === null || !Object.hasOwn(found, part)) return undefined;
    found = Object.getOwnPropertyDescriptor(found, part)?.value;
  }
  return found;
};

/** The values of a claim; one that is a list has several. */
export const claimValues = (claims: Readonly<Record<string, unknown>>, name: string): readonly string[] => {
  const claim = findClaim(claims, name);
  return (Array.isArray(claim) ? claim : [claim]).filter(isScalar).map(String);
};
