import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { Variables as EdgeVariables } from "../../edge/config.ts";
import { Variables as OriginVariables } from "../../origin/environment/variables.ts";
import { parseStackEnvironment } from "../../scripts/local-stack/environment.ts";

const parsed = (environment: Record<string, string>) => {
  const result = parseStackEnvironment(environment);
  if (!result.ok) throw new Error(result.error.join("; "));
  return result.value;
};

/** A value other than the default for every variable of the two processes. */
const someValue: Record<string, string> = {
  ORIGIN_PORT: "18080",
  ORIGIN_HOST: "0.0.0.0",
  DRAIN_MS: "5000",
  PUBLIC_URL: "https://sluice.example.com",
  METRICS_TOKEN: "metrics-token-0123456789abcdefghijklmnop-of-metrics",
  CONSOLE_DIR: "/usr/share/sluice/console",
  SLACK_WEBHOOK_URL: "https://hooks.slack.com/services/a/b/c",
  SMTP_URL: "smtp://mail.example.com:587",
  SMTP_FROM: "sluice@example.com",
  NOTIFY_ALLOW_HOSTS: "mail.internal",
  TRUSTED_PROXIES: "10.0.0.0/8",
  REVIEW_AT: "Friday 08:00 UTC",
  REVIEW_CURRENCY: "EUR",
  REVIEW_PRICE_PER_MILLION_REQUESTS: "0.5",
  REVIEW_PRICE_PER_UPSTREAM_HOUR: "0.1",
  OIDC_ISSUER: "https://login.example.com/realms/ours",
  OIDC_CLIENT_ID: "sluice",
  OIDC_CLIENT_SECRET: "client-secret",
  OIDC_SCOPE: "openid groups",
  OIDC_ROLE_CLAIM: "groups",
  OIDC_ROLES: "viewer=*",
  SESSION_KEYS: "s1:session-secret-0123456789abcdefghijklmnop-of-people",
  PSEUDONYM_KEYS: "u1:pseudonym-secret-0123456789abcdefghijklmnop-of-units",
  ENCRYPTION_KEYS: "e1:encryption-secret-0123456789abcdefghijklmnop-of-rows",
  UNIT_IDS: "raw",
  DATA_DIR: "/var/lib/sluice",
  DATABASE_URL: "postgres://db/sluice",
  MIGRATE: "wait",
  DATABASE_REPLICA_URL: "postgres://standby/sluice",
  SPAN_LOG_URL: "nats://n1:4222,nats://n2:4222",
  SPAN_LOG_PARTITIONS: "16",
  SPAN_LOG_PREFIX: "ours",
  SPAN_LOG_REPLICAS: "1",
  SPAN_LOG_CA_FILE: "/etc/sluice/ca.pem",
  SPAN_LOG_CREDENTIALS_FILE: "/etc/sluice/origin.creds",
  AGGREGATE_DATABASE_URLS: "a=postgres://aggregates/sluice",
  REDIS_URL: "redis://r1:6379,redis://r2:6379",
  EDGE_URLS: "https://edge.example",
  ALLOW_PLAINTEXT_TO: "db,standby,aggregates,r1,r2",
  PUSH_AUDIENCE: "shop.example",
  PUSH_KEYS: "k1:push-secret-0123456789abcdefghijklmnop-of-push",
  EDGE_KEY_NAMES: "edge.example=k1",
  ADMIN_TOKEN: "admin-token-0123456789abcdefghijklmnop-of-admins",
  INGEST_TOKEN: "ingest-token-0123456789abcdefghijklmnop-of-spans",
  ROLES: "ingest,admin",
  EVALUATE_EVERY_MS: "500",
  RAW_SAMPLE_BPS: "10000",
  RAW_SLOW_MS: "200",
  RAW_KEEP_DAYS: "7",
  CLICKHOUSE_URL: "https://clickhouse.example:8443/sluice",
  CLICKHOUSE_USER: "sluice",
  CLICKHOUSE_PASSWORD: "clickhouse-password",
  RAW_SPOOL_MB: "100",
  UNIT_KEEP_DAYS: "90",
  CAPTCHA_THRESHOLD: "0.3",
  LOG_LEVEL: "debug",
  UPSTREAM_URL: "http://127.0.0.1:3000",
  ORIGIN_URL: "http://127.0.0.1:4318",
  COOKIE_KEYS: "c1:cookie-secret-0123456789abcdefghijklmnop-of-cookie",
  PREVIEW_KEYS: "p1:preview-secret-0123456789abcdefghijklmnop-of-previews",
  SERVER_KEYS: "s1:server-secret-0123456789abcdefghijklmnop-of-server",
  CORS_ORIGINS: "https://app.shop.example",
  KEEP_PAGES: "off",
  WATCH_MS: "500",
  MAX_STALE_MS: "3000",
  NEW_UNITS_A_MINUTE: "100",
  UNFINISHED_AFTER_MS: "2000",
  REPLICA_SHARDS: "4",
  CLOSED_WITHOUT_STATE: "/beta /secret/*",
  JWT_KEY_SET: "https://login.example/keys",
  JWT_FROM: "cookie:session",
  JWT_ISSUER: "https://login.example",
  JWT_AUDIENCE: "shop",
  UNIT_FROM: "claim:sub",
  CONSENT: "none",
  CAPTCHA_PROVIDER: "turnstile",
  CAPTCHA_SECRET: "captcha-secret",
  CAPTCHA_VERIFY_URL: "https://verify.example",
  DEBUG_HEADERS: "on-request",
  OTEL_EXPORTER_OTLP_ENDPOINT: "http://collector:4318",
  OTEL_EXPORTER_OTLP_HEADERS: "authorization=Bearer%20token",
};

test.each(Object.keys(OriginVariables.shape))("the origin is handed %s", (name) => {
  expect(parsed(someValue).originEnv[name]).toBe(someValue[name] ?? "a value is missing in this test");
});

test.each(Object.keys(EdgeVariables.shape))("the edge is handed %s", (name) => {
  expect(parsed(someValue).edgeVars[name]).toBe(someValue[name] ?? "a value is missing in this test");
});

describe("what the origin or the edge would refuse is refused before anything starts", () => {
  test.each([
    ["WATCH_MS", "30", "must be a whole number from 50 to 20000"],
    ["MAX_STALE_MS", "soon", "must be a whole number from 50 to 20000"],
    ["UNIT_FROM", "bogus", "must be empty, header:NAME or claim:NAME"],
    ["CONSENT", "maybe", "must be assumed, none or cookie:NAME=VALUE"],
    ["REPLICA_SHARDS", "0", "must be a whole number from 1 to 64"],
    ["DEBUG_HEADERS", "yes", "must be on-request or always"],
    [
      "CLOSED_WITHOUT_STATE",
      "beta",
      "must be empty or paths such as /beta/* or /products/:id, separated by spaces",
    ],
    ["UPSTREAM_URL", "localhost:3000", "must be empty or an http(s) URL without query"],
    ["JWT_KEY_SET", "{}", "must be empty, an http(s) URL or a JSON Web Key Set"],
    ["CAPTCHA_PROVIDER", "turnstile", "CAPTCHA_SECRET must be set when CAPTCHA_PROVIDER is"],
    ["RAW_SAMPLE_BPS", "10001", "must be a whole number from 0 to 10000"],
    ["ROLES", "cook", "must be some of ingest,fold,evaluate,push,admin"],
    ["ORIGIN_PORT", "0", "must be a whole number from 1 to 65535"],
    ["SHOP_PORT", "0", "must be a whole number from 1 to 65535"],
  ])("%s=%s", (name, value, reason) => {
    const result = parseStackEnvironment({ [name]: value });
    expect(result).toEqual({ ok: false, error: [expect.stringContaining(reason)] });
  });
});

test("a variable that both read is refused once", () => {
  expect(parseStackEnvironment({ PUSH_KEYS: "hunter2" })).toEqual({
    ok: false,
    error: [expect.stringMatching(/^PUSH_KEYS must be kid:secret/)],
  });
});

test("a relative DATA_DIR is below the working directory, and so is the default", () => {
  expect(parsed({}).dataDir).toBe(join(process.cwd(), ".data"));
  expect(parsed({ DATA_DIR: "some/where" }).dataDir).toBe(join(process.cwd(), "some/where"));
  expect(parsed({ DATA_DIR: "/var/lib/sluice" }).dataDir).toBe("/var/lib/sluice");
});

test("an empty variable counts as unset", () => {
  expect(parsed({ UPSTREAM_URL: "", CAPTCHA_THRESHOLD: "", EDGE_PORT: "" })).toEqual(parsed({}));
});
