// What a variable's text may be: each form says in its error what is allowed.
import { isIP } from "node:net";
import { z } from "zod";
import { isLoopbackName } from "../../shared/plain-text.ts";

export const url = (protocols: readonly string[]) =>
  z.string().refine((text) => URL.canParse(text) && protocols.includes(new URL(text).protocol), {
    error: ({ input }) =>
      protocols.some((protocol) => String(input).startsWith(`${protocol}//`)) && !URL.canParse(String(input))
        ? "cannot be read as a URL; in a password write # / ? @ % as %23 %2F %3F %40 %25"
        : `must be a URL starting with ${protocols.map((protocol) => `${protocol}//`).join(" or ")}`,
  });

const PUBLIC_URL_FORM =
  "must be an address such as https://sluice.example.com, without a path; http:// only for this machine, such as http://127.0.0.1:8080";

// Browsers take a cookie with `Secure` over https alone, and over http where nothing leaves the machine.
export const PublicUrl = z
  .string()
  .refine((text) => {
    if (!URL.canParse(text)) return false;
    const parsed = new URL(text);
    const isBare = parsed.href === `${parsed.origin}/`;
    return (
      isBare &&
      (parsed.protocol === "https:" || (parsed.protocol === "http:" && isLoopbackName(parsed.hostname)))
    );
  }, PUBLIC_URL_FORM)
  .transform((text) => new URL(text).origin);

export const list = <T extends z.ZodType<string, string>>(item: T) =>
  z
    .string()
    .transform((text) => text.split(",").map((entry) => entry.trim()))
    .pipe(z.array(item));

export const token = z.string().min(8, "must have at least 8 characters");

export const IssuerUrl = z.string().refine((text) => {
  if (!URL.canParse(text)) return false;
  const { protocol, hostname, search, hash, username, password } = new URL(text);
  const isSafe = protocol === "https:" || (protocol === "http:" && isLoopbackName(hostname));
  return isSafe && `${search}${hash}${username}${password}` === "";
}, "must be the provider's issuer, such as https://login.example.com/realms/ours, without a query; http:// only for this machine");

const ROLES_FORM =
  "must be role=value[,role=value…] with the roles viewer, editor and admin; in a value %2C is a comma; * stands for everybody and may be viewer only";

export type RoleRule = { readonly role: "viewer" | "editor" | "admin"; readonly value: string };

const decoded = (text: string): string => {
  try {
    return decodeURIComponent(text);
  } catch {
    return "";
  }
};

/** `admin=platform,editor=product,viewer=*` */
export const RoleRules = z.string(ROLES_FORM).transform((text, context): RoleRule[] => {
  const rules: RoleRule[] = [];
  for (const entry of text.split(",")) {
    const [, role = "", given = ""] = /^\s*(viewer|editor|admin)=(.*)$/s.exec(entry) ?? [];
    const value = decoded(given.trim());
    const known = role === "viewer" || role === "editor" || role === "admin";
    if (!known || value === "" || (value === "*" && role !== "viewer")) {
      context.issues.push({ code: "custom", message: ROLES_FORM, input: "" });
      return z.NEVER;
    }
    rules.push({ role, value });
  }
  return rules;
});
const PRICE = "must be a price such as 0.30";
/** The host of a push names the edge, and a kid the key. */
const EDGE_KEY_FORM =
  "must be host=kid[,host=kid…] with hosts of EDGE_URLS and names of PUSH_KEYS, such as eu.shop.example=eu,us.shop.example=us";

export const EdgeKeyNames = z
  .string(EDGE_KEY_FORM)
  .transform((text, context): Readonly<Record<string, string>> => {
    const entries = text.split(",").map((entry) => /^([^\s=]+)=([A-Za-z0-9_-]{1,32})$/.exec(entry.trim()));
    const pairs = entries.map((entry): [string, string] => [entry?.[1] ?? "", entry?.[2] ?? ""]);
    if (entries.includes(null) || new Set(pairs.map(([host]) => host)).size < pairs.length) {
      context.issues.push({ code: "custom", message: EDGE_KEY_FORM, input: "" });
      return z.NEVER;
    }
    return Object.fromEntries(pairs);
  });
export const price = z
  .string()
  .regex(/^\d{1,9}(?:\.\d{1,6})?$/, PRICE)
  .transform(Number)
  .optional();

/** `10.0.0.0/8`, `fd00::/8`, or a single address. */
export const isAddressRange = (text: string): boolean => {
  const [address = "", bits, ...rest] = text.split("/");
  const version = isIP(address);
  const most = version === 4 ? 32 : 128;
  return (
    version > 0 &&
    rest.length === 0 &&
    (bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= most))
  );
};

const AGGREGATE_DATABASES_FORM =
  "must be name=postgres://…[,name=postgres://…] with different names of small letters, digits and hyphens; main is the database of DATABASE_URL";

/** `a=postgres://…,b=postgres://…` */
export const AggregateDatabaseUrls = z
  .string()
  .transform((text, context): { name: string; url: string }[] => {
    const databases = text.split(/,(?=\s*[a-z0-9-]+=postgres)/).map((entry) => {
      const [, name = "", databaseUrl = ""] =
        /^\s*([a-z][a-z0-9-]{0,30})=(postgres(?:ql)?:\/\/\S+)\s*$/.exec(entry) ?? [];
      return { name, url: databaseUrl };
    });
    const names = databases.map(({ name }) => name);
    const isWellFormed = databases.every(
      ({ name, url: databaseUrl }) => name !== "" && name !== "main" && URL.canParse(databaseUrl),
    );
    if (isWellFormed && new Set(names).size === names.length) return databases;
    context.issues.push({ code: "custom", message: AGGREGATE_DATABASES_FORM, input: "" });
    return z.NEVER;
  });
