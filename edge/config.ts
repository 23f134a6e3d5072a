// The Worker's environment, parsed once an isolate. A wrong variable is named; the site is then served ungated.
import type { JSONWebKeySet } from "jose";
import * as z from "zod";
import { PathPattern } from "../shared/features/route.ts";
import { CaptchaThreshold } from "../shared/telemetry/captcha-threshold.ts";
import { KeyRing } from "../shared/signing/key-ring.ts";
import type { Result } from "../shared/result.ts";
import { parseVariables, whole, type VariableError } from "../shared/variables.ts";
import { parseJson } from "./parse-json.ts";

const base = z
  .string()
  .regex(/^https?:\/\/[^/?#]+(\/[^?#]*)?$/, "must be an http(s) URL without query")
  .transform((url) => url.replace(/\/+$/, ""));

const baseOrEmpty = z
  .string()
  .pipe(z.union([z.literal(""), base], "must be empty or an http(s) URL without query"))
  .default("");

const Jwks = z.object({ keys: z.array(z.looseObject({ kty: z.string() })).min(1) });

const keySetForm = "must be empty, an http(s) URL or a JSON Web Key Set";

const KeySet = z.string().transform((text, context): URL | JSONWebKeySet | null => {
  if (text.trim() === "") return null;
  if (/^https?:\/\//.test(text) && URL.canParse(text)) return new URL(text);
  const parsed = Jwks.safeParse(parseJson(text));
  if (parsed.success) return parsed.data;
  context.issues.push({ code: "custom", message: keySetForm, input: "" });
  return z.NEVER;
});

const UnitFrom = z.string().transform((text, context): { kind: "header" | "claim"; name: string } | null => {
  if (text === "") return null;
  const [, kind, name] = /^(header|claim):([\u0021-\u007e]+)$/.exec(text) ?? [];
  if (name !== undefined) return { kind: kind === "claim" ? "claim" : "header", name };
  context.issues.push({ code: "custom", message: "must be empty, header:NAME or claim:NAME", input: "" });
  return z.NEVER;
});

const Consent = z
  .string()
  .transform((text, context): "assumed" | "none" | { cookie: string; value: string } => {
    if (text === "assumed" || text === "none") return text;
    const [, cookie, value] = /^cookie:([^=;\s]+)=([^;\s]+)$/.exec(text) ?? [];
    if (cookie !== undefined && value !== undefined) return { cookie, value };
    context.issues.push({ code: "custom", message: "must be assumed, none or cookie:NAME=VALUE", input: "" });
    return z.NEVER;
  });

const patternsForm = "must be empty or paths such as /beta/* or /products/:id, separated by spaces";

const Patterns = z
  .string()
  .transform((text) => text.split(/\s+/).filter((pattern) => pattern !== ""))
  .refine((patterns) => patterns.every((pattern) => PathPattern.safeParse(pattern).success), patternsForm);

const decodePercents = (text: string): string | null => {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
};

const originsForm = "must be empty or origins such as https://app.shop.example, separated by spaces";

/** As browsers write an origin: scheme, host and port, without a path. `*` is none: any page could then read with cookies. */
const Origins = z
  .string()
  .transform((text) => text.split(/\s+/).filter((origin) => origin !== ""))
  .refine(
    (origins) =>
      origins.every(
        (origin) =>
          /^https?:[^*]+$/.test(origin) && URL.canParse(origin) && new URL(origin).origin === origin,
      ),
    originsForm,
  );

const headersForm = "must be empty or headers such as authorization=Bearer%20abc, separated by commas";

const OtlpHeaders = z.string().transform((text, context): Readonly<Record<string, string>> => {
  const headers: Record<string, string> = {};
  for (const part of text.split(",").filter((each) => each.trim() !== "")) {
    const [, name, value] = /^\s*([\w!#$%&'*+.^`|~-]+)\s*=\s*(.*?)\s*$/.exec(part) ?? [];
    const decoded = decodePercents(value ?? "");
    if (name === undefined || decoded === null) {
      context.issues.push({ code: "custom", message: headersForm, input: "" });
      return z.NEVER;
    }
    headers[name] = decoded;
  }
  return headers;
});

const VERIFY_URLS = {
  turnstile: "https://challenges.cloudflare.com/turnstile/v0/siteverify",
  recaptcha: "https://www.google.com/recaptcha/api/siteverify",
} as const;

const keysOrNone = z
  .string()
  .transform((text, context): KeyRing | null => {
    if (text === "") return null;
    const keys = KeyRing.safeParse(text);
    if (keys.success) return keys.data;
    for (const { message } of keys.error.issues)
      context.issues.push({
        code: "custom",
        message: message.replace(/^must be/, "must be empty or"),
        input: "",
      });
    return z.NEVER;
  })
  .default(null);

/** Each variable by its name, with the text that docs/reference/environment.md shows. */
export const Variables = z.object({
  UPSTREAM_URL: baseOrEmpty.describe(
    "The site behind the edge. Empty: the Worker runs on a route before the site and reaches it by the request's own URL.",
  ),
  ORIGIN_URL: baseOrEmpty.describe("The origin that takes telemetry. Empty: no telemetry is sent."),
  INGEST_TOKEN: z.string().default("").describe("The origin's ingest token."),
  PUSH_KEYS: KeyRing.describe("Keys that verify pushes."),
  PUSH_AUDIENCE: z
    .string()
    .toLowerCase()
    .regex(/^(?:[^/?#@\s]+)?$/, "must be empty or a host, with its port if it is not the usual one")
    .default("")
    .describe(
      "Host of this edge in the origin's `EDGE_URLS`. Set it where something before the edge changes the Host header. Empty: the host of the request.",
    ),
  COOKIE_KEYS: KeyRing.describe("Keys that sign visitors' cookies."),
  PREVIEW_KEYS: keysOrNone.describe("Keys that verify preview links. Empty: there are no previews."),
  SERVER_KEYS: keysOrNone.describe(
    "Keys of servers that may evaluate any unit and see private features: each sends one secret, without its kid, as `Authorization: Bearer` or `X-API-Key`. Empty: nobody may.",
  ),
  CORS_ORIGINS: Origins.default([]).describe(
    "Origins of other sites whose pages may evaluate features and send events here, with cookies. Empty: the site's own pages only.",
  ),
  WATCH_MS: whole(50, 20_000, 1_000).describe(
    "Milliseconds between two beats of a watch: answers that bring no change and confirm the snapshot.",
  ),
  MAX_STALE_MS: whole(50, 20_000, 2_000).describe(
    "Milliseconds after which an unconfirmed snapshot is stale and `failureMode` holds.",
  ),
  NEW_UNITS_A_MINUTE: whole(1, 1_000_000, 600).describe(
    "How many new visitors one network (IPv4 /24, IPv6 /48) can make in a minute and isolate. Its further requests without a cookie get what is open to everybody, and no cookie.",
  ),
  UNFINISHED_AFTER_MS: whole(500, 25_000, 10_000).describe(
    "Milliseconds of waiting after which a response hangs, and is reported as unfinished. A latency threshold above it cannot be exceeded by a response that never ends.",
  ),
  KEEP_PAGES: z
    .enum(["on", "off"], "must be on or off")
    .default("on")
    .describe(
      "Whether the edge keeps pages of feature routes that the site lets shared caches keep, one for each combination of cohorts. `off`: each of these requests reaches the site.",
    ),
  REPLICA_SHARDS: whole(1, 64, 1).describe("How many replicas share the isolates of one location."),
  CLOSED_WITHOUT_STATE: Patterns.default([]).describe(
    "Paths, as in a feature's routes and separated by spaces, that are answered with 404 while the edge knows no feature: at a cold start at which neither a replica nor KV answers, when the gate fails, and when a variable is wrong. For pages that must stay closed; `failureMode` covers them wherever the features are known.",
  ),
  JWT_KEY_SET: KeySet.default(null).describe(
    "Keys of the site's own tokens, for targeting by claims: a JSON Web Key Set or its URL. Empty: there are no claims.",
  ),
  JWT_FROM: z
    .string()
    .regex(/^(?:header|cookie):[\u0021-\u007e]+$/, "must be header:NAME or cookie:NAME")
    .default("header:authorization")
    .describe("Where a request carries its token. A leading `Bearer ` of a header is left out."),
  JWT_ISSUER: z.string().default("").describe("The `iss` that a token must have. Empty: any."),
  JWT_AUDIENCE: z.string().default("").describe("The `aud` that a token must have. Empty: any."),
  UNIT_FROM: UnitFrom.default(null).describe(
    "Who is signed in: a claim of the verified token, or a header that something before the Worker sets and takes away from visitors who send it. Empty: nobody is signed in.",
  ),
  CONSENT: Consent.default("assumed").describe(
    "Whether a visitor may be recognised from one request to the next: `assumed`, `none`, or only with this cookie. A request with `Sluice-Consent: none` refuses for itself.",
  ),
  CAPTCHA_PROVIDER: z
    .enum(["", "turnstile", "recaptcha"], "must be empty, turnstile or recaptcha")
    .default("")
    .describe("Who verifies the captcha tokens that pages send. Empty: nobody."),
  CAPTCHA_SECRET: z
    .string()
    .default("")
    .describe("Secret of the captcha key. Needed with `CAPTCHA_PROVIDER`."),
  CAPTCHA_VERIFY_URL: baseOrEmpty.describe("Where tokens are verified. Empty: the provider's own address."),
  CAPTCHA_THRESHOLD: CaptchaThreshold,
  OTEL_EXPORTER_OTLP_ENDPOINT: baseOrEmpty.describe(
    "Where the edge's part of a change's trace goes: a collector of OTLP/HTTP, without `/v1/traces`. Empty: nothing is sent.",
  ),
  OTEL_EXPORTER_OTLP_HEADERS: OtlpHeaders.default({}).describe(
    "Headers for that collector, `name=value` with commas between; values are percent-encoded.",
  ),
  DEBUG_HEADERS: z
    .enum(["on-request", "always"], "must be on-request or always")
    .default("on-request")
    .describe(
      "Which responses carry `Sluice-Revision`, `Sluice-Age` and `Server-Timing`. `on-request`: to requests with `Sluice-Debug: 1`.",
    ),
});

export type CaptchaConfig = {
  readonly provider: keyof typeof VERIFY_URLS;
  readonly secret: string;
  readonly verifyUrl: string;
  /** A score below this is a bot's. */
  readonly threshold: number;
};

const KEY_VARIABLES = ["PUSH_KEYS", "COOKIE_KEYS", "PREVIEW_KEYS", "SERVER_KEYS"] as const;

/** A key that has two purposes could be used for either by everybody who needs it for one. */
const secretsSharedWith = (variables: z.infer<typeof Variables>): Map<string, string> => {
  const ownerOf = new Map<string, string>();
  const shared = new Map<string, string>();
  for (const name of KEY_VARIABLES)
    for (const { secret } of variables[name] ?? []) {
      const owner = ownerOf.get(secret) ?? name;
      if (owner !== name) shared.set(name, owner);
      ownerOf.set(secret, owner);
    }
  return shared;
};

const Config = Variables.transform((variables, context) => {
  for (const [name, owner] of secretsSharedWith(variables))
    context.issues.push({
      code: "custom",
      path: [name],
      message: `must not hold a secret of ${owner}`,
      input: "",
    });
  const { CAPTCHA_PROVIDER, CAPTCHA_SECRET, CAPTCHA_VERIFY_URL, CAPTCHA_THRESHOLD, ...rest } = variables;
  if (CAPTCHA_PROVIDER === "") return { ...rest, CAPTCHA: null };
  if (CAPTCHA_SECRET === "")
    context.issues.push({
      code: "custom",
      path: ["CAPTCHA_SECRET"],
      message: "must be set when CAPTCHA_PROVIDER is",
      input: "",
    });
  const CAPTCHA: CaptchaConfig = {
    provider: CAPTCHA_PROVIDER,
    secret: CAPTCHA_SECRET,
    verifyUrl: CAPTCHA_VERIFY_URL || VERIFY_URLS[CAPTCHA_PROVIDER],
    threshold: CAPTCHA_THRESHOLD,
  };
  return { ...rest, CAPTCHA };
});
export type Config = z.infer<typeof Config>;

/** `env` may also hold bindings. */
export const parseConfig = (env: object): Result<Config, VariableError[]> => parseVariables(Config, env);
