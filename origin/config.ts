// Configuration: read from the environment once, refused at start with the variable's name and what it may be.
import { isIP } from "node:net";
import { resolve } from "node:path";
import { z } from "zod";
import { WeeklyTime } from "../shared/weekly-time.ts";
import { PARTITION_COUNTS } from "../shared/telemetry/partition-numbers.ts";
import { CaptchaThreshold } from "../shared/telemetry/captcha-threshold.ts";
import { isRandomSecret, KeyRing } from "../shared/signing/key-ring.ts";
import { isLoopbackName, postgresExposure, urlExposure, type Exposure } from "../shared/plain-text.ts";
import { err, type Result } from "../shared/result.ts";
import {
  listeningPort,
  parseVariables,
  whole,
  withoutEmpty,
  type VariableError,
} from "../shared/variables.ts";

const url = (protocols: readonly string[]) =>
  z
    .string()
    .refine(
      (text) => URL.canParse(text) && protocols.includes(new URL(text).protocol),
      `must be a URL starting with ${protocols.map((protocol) => `${protocol}//`).join(" or ")}`,
    );

const PUBLIC_URL_FORM =
  "must be an address such as https://sluice.example.com, without a path; http:// only for this machine, such as http://127.0.0.1:8080";

// Browsers take a cookie with `Secure` over https alone, and over http where nothing leaves the machine.
const PublicUrl = z
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

const list = <T extends z.ZodType<string, string>>(item: T) =>
  z
    .string()
    .transform((text) => text.split(",").map((entry) => entry.trim()))
    .pipe(z.array(item));

const ROLES = ["ingest", "fold", "evaluate", "push", "admin"] as const;
export type Role = (typeof ROLES)[number];

const token = z.string().min(8, "must have at least 8 characters");

const IssuerUrl = z.string().refine((text) => {
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
const RoleRules = z.string(ROLES_FORM).transform((text, context): RoleRule[] => {
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

const EdgeKeyNames = z.string(EDGE_KEY_FORM).transform((text, context): Readonly<Record<string, string>> => {
  const entries = text.split(",").map((entry) => /^([^\s=]+)=([A-Za-z0-9_-]{1,32})$/.exec(entry.trim()));
  const pairs = entries.map((entry): [string, string] => [entry?.[1] ?? "", entry?.[2] ?? ""]);
  if (entries.includes(null) || new Set(pairs.map(([host]) => host)).size < pairs.length) {
    context.issues.push({ code: "custom", message: EDGE_KEY_FORM, input: "" });
    return z.NEVER;
  }
  return Object.fromEntries(pairs);
});
const price = z
  .string()
  .regex(/^\d{1,9}(?:\.\d{1,6})?$/, PRICE)
  .transform(Number)
  .optional();

/** `10.0.0.0/8`, `fd00::/8`, or a single address. */
const isAddressRange = (text: string): boolean => {
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
const AggregateDatabaseUrls = z.string().transform((text, context): { name: string; url: string }[] => {
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

/** Each variable by its name, with the text that docs/reference/environment.md shows. */
export const Variables = z.object({
  ORIGIN_PORT: listeningPort(8080).describe("Port of the origin."),
  ORIGIN_HOST: z
    .string()
    .min(1, "must be an address to listen on")
    .default("127.0.0.1")
    .describe("Address that the origin listens on."),
  DRAIN_MS: whole(0, 60_000, 0).describe(
    "Milliseconds for which a process that is asked to stop still takes requests, while `/readyz` says 503 and each answer ends its connection: the time in which your load balancer notices.",
  ),
  PUBLIC_URL: PublicUrl.optional().describe(
    "The origin's address as people see it, such as `https://sluice.example.com`: links in messages begin with it, and sign-in comes back to it. Unset: `http://127.0.0.1:` and `ORIGIN_PORT`.",
  ),
  // Absolute from here on: programs that are started with it have working directories of their own.
  DATA_DIR: z
    .string()
    .default(".data")
    .transform((folder) => resolve(folder))
    .describe("Folder of the embedded PostgreSQL. A relative one is below the working directory."),
  DATABASE_URL: url(["postgres:", "postgresql:"])
    .optional()
    .describe(
      "A PostgreSQL 17 of your own. With `?sslmode=verify-full` the connection is encrypted and the server's certificate verified, with `&sslrootcert=/path/to/ca.pem` by an authority of your own. Unset: the embedded one.",
    ),
  MIGRATE: z
    .enum(["start", "wait", "only"], { error: "must be one of start wait only" })
    .default("start")
    .describe(
      "Who brings the database to this version's schema. `start`: this process, when it starts. `wait`: another one, for which it waits; its login then needs no more than the role `sluice_service`. `only`: this process, which ends then.",
    ),
  DATABASE_REPLICA_URL: url(["postgres:", "postgresql:"])
    .optional()
    .describe(
      "A standby that answers the admin API's questions about the past. Unset: the primary answers them.",
    ),
  AGGREGATE_DATABASE_URLS: AggregateDatabaseUrls.default([]).describe(
    "Further PostgreSQL 17 databases for the aggregates, `a=postgres://…,b=postgres://…`: `sluice partitions move` brings partitions there. Unset: the main database has all of them.",
  ),
  REDIS_URL: list(url(["redis:", "rediss:"]))
    .optional()
    .describe(
      "Redis, or the nodes of a Redis Cluster separated by commas. `rediss://` is encrypted and verified, with `?sslrootcert=/path/to/ca.pem` by an authority of your own, and `&sslcert=…&sslkey=…` names a certificate of this client; the first URL says so for all. Unset: a bus within the process.",
    ),
  SPAN_LOG_PARTITIONS: z
    .enum(
      PARTITION_COUNTS.map(String),
      `must be ${PARTITION_COUNTS.slice(0, -1).join(", ")} or ${PARTITION_COUNTS.at(-1)}`,
    )
    .transform(Number)
    .optional()
    .describe(
      "How many partitions the span log has, and so how many processes may fold it. The first start of an installation fixes it; another value is refused after that. Unset: what is fixed, 4 at first.",
    ),
  SPAN_LOG_URL: list(url(["nats:", "tls:"]))
    .optional()
    .describe(
      "NATS servers of one cluster with JetStream, separated by commas, that keep acknowledged telemetry; a user and a password may stand in the first. Unset: PostgreSQL keeps it.",
    ),
  SPAN_LOG_PREFIX: z
    .string()
    .regex(/^[A-Za-z0-9_-]{1,64}$/, "must be 1 to 64 letters, digits, - or _")
    .default("sluice-spans")
    .describe(
      "With `SPAN_LOG_URL`: what the names of the streams begin with. Two installations on one cluster have two.",
    ),
  SPAN_LOG_REPLICAS: z
    .enum(["1", "3", "5"], "must be 1, 3 or 5")
    .default("3")
    .transform(Number)
    .describe(
      "With `SPAN_LOG_URL`: on how many servers each block is before it is acknowledged; most of them have it then.",
    ),
  SPAN_LOG_CA_FILE: z
    .string()
    .optional()
    .describe(
      "With `SPAN_LOG_URL`: the certificate, as a PEM file, of an authority of your own that the servers' are by. The connection is encrypted then.",
    ),
  SPAN_LOG_CREDENTIALS_FILE: z
    .string()
    .optional()
    .describe("With `SPAN_LOG_URL`: a NATS credentials file (`.creds`) that the origin signs in with."),
  EDGE_URLS: list(url(["http:", "https:"]))
    .default([])
    .describe("Edges that the origin pushes to, separated by commas."),
  ALLOW_PLAINTEXT_TO: list(
    z.string().regex(/^[\w.:-]+$/, "must be names of hosts or addresses, separated by commas"),
  )
    .default([])
    .describe(
      "Hosts of `DATABASE_URL`, `DATABASE_REPLICA_URL`, `AGGREGATE_DATABASE_URLS`, `REDIS_URL`, `SPAN_LOG_URL`, `EDGE_URLS` and `CLICKHOUSE_URL`, separated by commas, that may be spoken with unencrypted or unverified, since the network between is yours alone. Other hosts than this machine are refused at start otherwise.",
    ),
  PUSH_KEYS: KeyRing.optional().describe("Keys that sign pushes and receipts. Needed with `EDGE_URLS`."),
  EDGE_KEY_NAMES: EdgeKeyNames.default({}).describe(
    "Which of `PUSH_KEYS` an edge has, by its host: `eu.shop.example=eu,us.shop.example=us`. An edge that is not named has the first.",
  ),
  PREVIEW_KEYS: KeyRing.optional().describe(
    "The edge's keys of preview links, with which the admin API and the console make some. Unset: links are made where the keys are, by `sluice preview`.",
  ),
  ADMIN_TOKEN: token
    .optional()
    .describe(
      "Bearer token of the admin API; 32 random bytes where `ORIGIN_HOST` or `PUBLIC_URL` is not of this machine alone. Unset: one is made at each start and printed.",
    ),
  SESSION_KEYS: KeyRing.optional().describe(
    "Keys that sign the cookies of people who are signed in. Unset: made at each start, so that sessions end with the process and hold at no other one.",
  ),
  OIDC_ISSUER: IssuerUrl.optional().describe(
    "OpenID Connect provider at which people sign in. Unset: they sign in with tokens and links only.",
  ),
  OIDC_CLIENT_ID: z.string().min(1).optional().describe("Sluice's client id at the provider."),
  OIDC_CLIENT_SECRET: token.optional().describe("The client's secret."),
  OIDC_SCOPE: z
    .string()
    .refine(
      (text) =>
        /^[\x21\x23-\x5b\x5d-\x7e]+( [\x21\x23-\x5b\x5d-\x7e]+)*$/.test(text) &&
        text.split(" ").includes("openid"),
      "must be scopes separated by spaces, openid among them",
    )
    .default("openid email profile")
    .describe("What the provider is asked to tell about a person."),
  OIDC_ROLE_CLAIM: list(z.string().min(1, "must be names of claims separated by commas"))
    .default(["roles"])
    .describe(
      "Claims that roles are looked up in, separated by commas: names such as `groups`, or paths such as `realm_access.roles`.",
    ),
  OIDC_ROLES: RoleRules.default([
    { role: "viewer", value: "viewer" },
    { role: "editor", value: "editor" },
    { role: "admin", value: "admin" },
  ]).describe(
    "Which values of the claims are which role, `admin=platform,editor=product,viewer=*`. `*` is everybody whom the provider signs in. Unset: the values are the roles' own names. Whoever has no role is refused.",
  ),
  INGEST_TOKEN: token
    .optional()
    .describe(
      "Bearer token of telemetry, beside API tokens with the scope `ingest`; as strong as `ADMIN_TOKEN`. Unset: telemetry needs none where `ORIGIN_HOST` is this machine alone.",
    ),
  PSEUDONYM_KEYS: KeyRing.optional().describe(
    "Keys by which units get the pseudonyms that they are stored under. The first is for epochs that begin from now on; keep the others. Unset: the database keeps a key of its own, beside what it protects.",
  ),
  UNIT_IDS: z
    .enum(["pseudonymous", "raw"], { error: "must be pseudonymous or raw" })
    .default("pseudonymous")
    .describe(
      "How units are stored of epochs that begin from now on: under pseudonyms, or by the ids that telemetry names (`raw`).",
    ),
  OTEL_EXPORTER_OTLP_ENDPOINT: url(["http:", "https:"])
    .optional()
    .describe(
      "Where Sluice's own traces go, a collector of OTLP/HTTP without `/v1/traces`: evaluation, decision, commit and push of each change. Unset: none are made. `OTEL_EXPORTER_OTLP_HEADERS` and the other variables of OpenTelemetry's exporter hold too.",
    ),
  METRICS_TOKEN: token
    .optional()
    .describe("Bearer token of `/metrics`; as strong as `ADMIN_TOKEN`. Unset: everybody may read them."),
  SLACK_WEBHOOK_URL: url(["https:", "http:"])
    .optional()
    .describe(
      "An incoming webhook of Slack that is told of rollbacks and of features that are kept, beside the targets of `/admin/v1/notifications`.",
    ),
  SMTP_URL: url(["smtp:", "smtps:"])
    .optional()
    .describe(
      "Mail server for targets of the type `email`: `smtps://user:password@mail.example.com`, or `smtp://…`, with `?requireTLS=true` if it has to encrypt.",
    ),
  SMTP_FROM: z
    .string()
    .regex(
      /^[^\r\n]*[^\s@<>]+@[^\s@<>]+>?$/,
      "must be an e-mail address, such as Sluice <sluice@example.com>",
    )
    .optional()
    .describe("Sender of e-mails. Needed with `SMTP_URL`."),
  NOTIFY_ALLOW_HOSTS: list(z.string().regex(/^[\w.:/-]+$/, "must be names of hosts, addresses or ranges"))
    .default([])
    .describe(
      "Hosts, addresses and ranges (`10.1.0.0/16`) of private networks that notification targets may have, separated by commas. Without it they are refused.",
    ),
  TRUSTED_PROXIES: list(z.string().refine(isAddressRange, "must be addresses or ranges, such as 10.0.0.0/8"))
    .default([])
    .describe(
      "Addresses and ranges of proxies before the origin, separated by commas, whose X-Forwarded-For is believed: limits of failed sign-ins then count the address behind them.",
    ),
  CONSOLE_DIR: z
    .string()
    .optional()
    .describe("Folder of the built console. Unset: `console/dist`, which `npm run console:build` makes."),
  REVIEW_AT: WeeklyTime.prefault("Monday 08:00 UTC").describe(
    "When the weekly review is announced to notification targets: a weekday, a time and a zone. `off`: never.",
  ),
  REVIEW_CURRENCY: z
    .string()
    .regex(/^[A-Z]{3}$/, "must be a currency such as USD")
    .default("USD")
    .describe("Currency of the prices below."),
  REVIEW_PRICE_PER_MILLION_REQUESTS: price.describe(
    "What a million requests through the edge cost. Unset: 0.30 USD, the list price of Cloudflare Workers as others quoted it on 2026-08-03.",
  ),
  REVIEW_PRICE_PER_UPSTREAM_HOUR: price.describe(
    "What an hour of the upstream's working time costs, for the time by which a feature is slower. Unset: that cost is not told.",
  ),
  ROLES: z
    .string()
    .transform((text) => text.split(",").map((role) => role.trim()))
    .pipe(z.array(z.enum(ROLES, `must be some of ${ROLES.join(",")}`)))
    .default([...ROLES])
    .describe("What this process does."),
  EVALUATE_EVERY_MS: whole(50, 3_600_000, 1000).describe("Milliseconds between two rounds of evaluations."),
  RAW_SAMPLE_BPS: whole(0, 10_000, 100).describe(
    "Share of the traces that `otel_spans` keeps, in basis points. Failed and slow spans are all kept.",
  ),
  RAW_SLOW_MS: whole(1, 600_000, 1000).describe("Milliseconds from which a span is slow, for `otel_spans`."),
  RAW_KEEP_DAYS: whole(1, 3_650, 62).describe("Days that `otel_spans` keeps a month after its end."),
  CLICKHOUSE_URL: url(["http:", "https:"])
    .optional()
    .describe(
      "A ClickHouse that keeps the sample of spans instead of PostgreSQL's `otel_spans`, with the database as its path: `https://clickhouse.example:8443/sluice`. Unset: PostgreSQL keeps it.",
    ),
  CLICKHOUSE_USER: z.string().min(1).default("default").describe("User of `CLICKHOUSE_URL`."),
  CLICKHOUSE_PASSWORD: z.string().default("").describe("Its password."),
  RAW_SPOOL_MB: whole(1, 1_000_000, 1_024).describe(
    "Megabytes of the sample, packed, that may wait in PostgreSQL for a ClickHouse that is away. What comes then is left out of the sample, and counted as ever.",
  ),
  UNIT_KEEP_DAYS: whole(1, 3_650, 180).describe(
    "Days that a unit is kept after its first exposure; longer where a window of its feature asks for it. Counts and verdicts stay.",
  ),
  CAPTCHA_THRESHOLD: CaptchaThreshold,
  LOG_LEVEL: z
    .enum(["fatal", "error", "warn", "info", "debug", "trace", "silent"], {
      error: "must be one of fatal error warn info debug trace silent",
    })
    .default("info")
    .describe("Least severe level that is logged."),
});

/** Of Sluice's own making: whoever guesses one of them has what it protects. */
const OWN_TOKENS = ["ADMIN_TOKEN", "INGEST_TOKEN", "METRICS_TOKEN"] as const;

/** Whether others than programs of this machine reach the origin: at its own address, or by a proxy that people know it by. */
export const isReachable = ({
  ORIGIN_HOST,
  PUBLIC_URL,
}: {
  readonly ORIGIN_HOST: string;
  readonly PUBLIC_URL?: string | undefined;
}): boolean =>
  !isLoopbackName(ORIGIN_HOST) || (PUBLIC_URL !== undefined && !isLoopbackName(new URL(PUBLIC_URL).hostname));

const NEEDED_BY_OIDC = ["OIDC_CLIENT_ID", "OIDC_CLIENT_SECRET", "PUBLIC_URL", "SESSION_KEYS"] as const;

const Config = Variables.superRefine((config, context) => {
  if (context.issues.length > 0) return;
  const miss = (variable: string, needed: string) =>
    context.addIssue({ code: "custom", path: [variable], message: needed });
  if (config.EDGE_URLS.length > 0 && config.PUSH_KEYS === undefined)
    miss("PUSH_KEYS", "must be set when EDGE_URLS is");
  const hosts = new Set(config.EDGE_URLS.map((edge) => new URL(edge).host));
  const kids = new Set((config.PUSH_KEYS ?? []).map(({ kid }) => kid));
  for (const [host, kid] of Object.entries(config.EDGE_KEY_NAMES)) {
    if (!hosts.has(host)) miss("EDGE_KEY_NAMES", `names ${host}, which is the host of no edge in EDGE_URLS`);
    if (!kids.has(kid)) miss("EDGE_KEY_NAMES", `names the key ${kid}, which PUSH_KEYS does not have`);
  }
  for (const variable of ["SPAN_LOG_CA_FILE", "SPAN_LOG_CREDENTIALS_FILE"] as const)
    if (config.SPAN_LOG_URL === undefined && config[variable] !== undefined)
      miss("SPAN_LOG_URL", `must be set when ${variable} is`);
  if (config.MIGRATE !== "start" && config.DATABASE_URL === undefined)
    miss("DATABASE_URL", `must be set when MIGRATE is ${config.MIGRATE}`);
  if (config.SMTP_URL !== undefined && config.SMTP_FROM === undefined)
    miss("SMTP_FROM", "must be set when SMTP_URL is");
  if (config.CLICKHOUSE_URL !== undefined) {
    const { username, password, search } = new URL(config.CLICKHOUSE_URL);
    if (`${username}${password}${search}` !== "")
      miss(
        "CLICKHOUSE_URL",
        "must have neither a user nor a query: use CLICKHOUSE_USER and CLICKHOUSE_PASSWORD",
      );
  }
  if (isReachable(config))
    for (const variable of OWN_TOKENS)
      if (config[variable] !== undefined && !isRandomSecret(config[variable]))
        miss(
          variable,
          "must be at least 32 random bytes as base64 or hex where others than this machine reach the origin " +
            "(ORIGIN_HOST, PUBLIC_URL): openssl rand -base64 32 makes one",
        );
  for (const variable of NEEDED_BY_OIDC)
    if (config.OIDC_ISSUER !== undefined && config[variable] === undefined)
      miss(variable, "must be set when OIDC_ISSUER is");
  for (const variable of ["OIDC_CLIENT_ID", "OIDC_CLIENT_SECRET"] as const)
    if (config.OIDC_ISSUER === undefined && config[variable] !== undefined)
      miss("OIDC_ISSUER", `must be set when ${variable} is`);
});
export type Config = z.infer<typeof Config>;

const VERIFIED = {
  postgres:
    "let its URL end with ?sslmode=verify-full (and &sslrootcert=/path/to/ca.pem where the certificate is of an authority of your own)",
  redis:
    "write rediss:// (and ?sslrootcert=/path/to/ca.pem where the certificate is of an authority of your own)",
  edge: "write https://",
  spanLog: "write tls://, or name the authority in SPAN_LOG_CA_FILE",
};

const WORDS = {
  plain: "in plain text, which everybody on the way can read and change",
  unverified: "without verifying who answers there",
};

/** Addresses that would be spoken with in plain text or unverified, without leave: a line for each variable. */
const exposures = (config: Config, environment: Readonly<Record<string, string>>): VariableError[] => {
  const allowed = new Set(config.ALLOW_PLAINTEXT_TO.map((host) => host.toLowerCase()));
  const told = (variable: string, found: readonly (Exposure | null)[], verified: string): VariableError[] =>
    (["plain", "unverified"] as const).flatMap((kind) => {
      const names = found.flatMap((one) => (one?.how === kind && !allowed.has(one.host) ? [one.host] : []));
      const hosts = [...new Set(names)].join(",");
      const reason =
        `leads to ${hosts} ${WORDS[kind]}: ${verified}. Where the network between is yours alone, ` +
        `allow it by ALLOW_PLAINTEXT_TO=${hosts}`;
      return hosts === "" ? [] : [{ variable, reason }];
    });
  const defaults = { host: environment["PGHOST"], sslmode: environment["PGSSLMODE"] };
  const databases = (["DATABASE_URL", "DATABASE_REPLICA_URL"] as const).flatMap((variable) => {
    const given = config[variable];
    const found = given === undefined ? null : postgresExposure(new URL(given), defaults);
    return told(variable, [found], VERIFIED.postgres);
  });
  const aggregates = config.AGGREGATE_DATABASE_URLS.map((one) =>
    postgresExposure(new URL(one.url), defaults),
  );
  const found = (urls: readonly string[] = []) => urls.map((given) => urlExposure(new URL(given)));
  return [
    ...databases,
    ...told("AGGREGATE_DATABASE_URLS", aggregates, VERIFIED.postgres),
    ...told("REDIS_URL", found(config.REDIS_URL), VERIFIED.redis),
    ...(config.SPAN_LOG_CA_FILE === undefined
      ? told("SPAN_LOG_URL", found(config.SPAN_LOG_URL), VERIFIED.spanLog)
      : []),
    ...told("EDGE_URLS", found(config.EDGE_URLS), VERIFIED.edge),
    ...told("CLICKHOUSE_URL", found([config.CLICKHOUSE_URL ?? []].flat()), VERIFIED.edge),
  ];
};

/** An empty variable counts as unset. */
export const parseConfig = (
  environment: Readonly<Record<string, string | undefined>>,
): Result<Config, VariableError[]> => {
  const set = withoutEmpty(environment);
  const parsed = parseVariables(Config, set);
  if (!parsed.ok) return parsed;
  const exposed = exposures(parsed.value, set);
  return exposed.length === 0 ? parsed : err(exposed);
};

/** The address that links begin with, without a slash at its end. */
export const publicUrlOf = (config: Pick<Config, "PUBLIC_URL" | "ORIGIN_PORT">): string =>
  config.PUBLIC_URL ?? `http://127.0.0.1:${config.ORIGIN_PORT}`;

/** Where acknowledged telemetry is kept outside the database; null: nowhere. */
export const spanLogOf = (config: Config) =>
  config.SPAN_LOG_URL === undefined
    ? null
    : {
        urls: config.SPAN_LOG_URL,
        prefix: config.SPAN_LOG_PREFIX,
        replicas: config.SPAN_LOG_REPLICAS,
        caFile: config.SPAN_LOG_CA_FILE ?? null,
        credentialsFile: config.SPAN_LOG_CREDENTIALS_FILE ?? null,
      };

/** The provider that people sign in at; null: none. */
export const providerOf = (config: Config) => {
  const { OIDC_ISSUER: issuer, OIDC_CLIENT_ID: clientId, OIDC_CLIENT_SECRET: clientSecret } = config;
  if (issuer === undefined || clientId === undefined || clientSecret === undefined) return null;
  return {
    issuer,
    clientId,
    clientSecret,
    scope: config.OIDC_SCOPE,
    roleClaims: config.OIDC_ROLE_CLAIM,
    roles: config.OIDC_ROLES,
  };
};
