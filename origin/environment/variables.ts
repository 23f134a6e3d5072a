// The variables of the environment, each by its own: what it may be, its default and its meaning.
import { resolve } from "node:path";
import { z } from "zod";
import { KeyRing } from "../../shared/signing/key-ring.ts";
import { CaptchaThreshold } from "../../shared/telemetry/captcha-threshold.ts";
import { PARTITION_COUNTS } from "../../shared/telemetry/partition-numbers.ts";
import { listeningPort, whole } from "../../shared/variables.ts";
import { WeeklyTime } from "../../shared/weekly-time.ts";
import {
  AggregateDatabaseUrls,
  EdgeKeyNames,
  isAddressRange,
  IssuerUrl,
  list,
  price,
  PublicUrl,
  RoleRules,
  token,
  url,
} from "./forms.ts";

const ROLES = ["ingest", "fold", "evaluate", "push", "admin"] as const;
export type Role = (typeof ROLES)[number];

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
      "Bearer token of the admin API; 32 random bytes where `ORIGIN_HOST` or `PUBLIC_URL` is not of this machine alone. Needed there with the role `admin`. Unset elsewhere: one is made at each start, and shown on a terminal alone.",
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
  OIDC_ROLES: RoleRules.prefault("viewer=viewer,editor=editor,admin=admin").describe(
    "Which values of the claims are which role, `admin=platform,editor=product,viewer=*`. `*` is everybody whom the provider signs in. Unset: the values are the roles' own names. Whoever has no role is refused.",
  ),
  INGEST_TOKEN: token
    .optional()
    .describe(
      "Bearer token of telemetry, beside API tokens with the scope `ingest`; as strong as `ADMIN_TOKEN`. Unset: telemetry needs none where `ORIGIN_HOST` is this machine alone and the request did not come through a proxy.",
    ),
  PSEUDONYM_KEYS: KeyRing.optional().describe(
    "Keys by which units get the pseudonyms that they are stored under. The first is for epochs that begin from now on; keep the others. Unset: the database keeps a key of its own, beside what it protects.",
  ),
  ENCRYPTION_KEYS: KeyRing.optional().describe(
    "Keys that encrypt what the database keeps of secrets: addresses and signing secrets of notification targets, signing secrets of hooks. The first encrypts; keep the others until `sluice doctor` says that nothing is encrypted with them. Unset: these secrets are stored in plain text.",
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
    "Megabytes of the sample, packed, that may wait in each PostgreSQL database for a ClickHouse that is away. What comes then is left out of the sample, and counted as ever.",
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
export type Config = z.infer<typeof Variables>;
