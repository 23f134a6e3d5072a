// From what the provider says of a person to what the person may do here.
import type { Scope } from "../access/principal.ts";

export type Claims = Readonly<Record<string, unknown>>;

export type RoleRule = { readonly role: Scope; readonly value: string };

/** Stands for everybody whom the provider signs in. */
const EVERYBODY = "*";
const GREATEST_FIRST: readonly Scope[] = ["admin", "editor", "viewer"];

const isRecord = (value: unknown): value is Claims =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** A claim by its own name, `https://example.com/roles`, or by a path into it, `realm_access.roles`. */
export const claimAt = (claims: Claims, name: string): unknown => {
  if (Object.hasOwn(claims, name)) return claims[name];
  let at: unknown = claims;
  for (const part of name.split(".")) {
    if (!isRecord(at) || !Object.hasOwn(at, part)) return undefined;
    at = at[part];
  }
  return at;
};

const textsOf = (value: unknown): string[] =>
  (Array.isArray(value) ? value : [value]).filter((one) => typeof one === "string");

/** An address that the provider has not verified is what somebody has typed. */
const isBelievable = (claims: Claims, name: string): boolean =>
  name !== "email" || claims["email_verified"] === true;

/** The texts in the claims that roles are looked up in. */
export const roleValues = (claims: Claims, names: readonly string[]): string[] =>
  names.flatMap((name) => (isBelievable(claims, name) ? textsOf(claimAt(claims, name)) : []));

/** The greatest role that a value stands for; null: none does. */
export const roleOf = (values: readonly string[], rules: readonly RoleRule[]): Scope | null =>
  GREATEST_FIRST.find((role) =>
    rules.some((rule) => rule.role === role && (rule.value === EVERYBODY || values.includes(rule.value))),
  ) ?? null;
