import { join } from "node:path";
import { expect, test } from "vitest";
import { makeNewToken } from "../../origin/access/new-admin-token.ts";
import { adminTokenProblems } from "../../origin/environment/admin-token.ts";
import { parseConfig } from "../../origin/environment/parse-config.ts";
import { makeTestLog } from "../support/log.ts";
import { providerOf, publicUrlOf } from "../../origin/environment/settings.ts";

test("an empty environment is the default on one machine", () => {
  const config = parseConfig({});
  expect(config).toMatchObject({
    ok: true,
    value: {
      ORIGIN_PORT: 8080,
      DATA_DIR: join(process.cwd(), ".data"),
      EVALUATE_EVERY_MS: 1000,
      ROLES: ["ingest", "fold", "evaluate", "push", "admin"],
    },
  });
});

test.each([
  ["ORIGIN_PORT", "eighty", "whole number from 1 to 65535"],
  ["ORIGIN_PORT", "70000", "whole number from 1 to 65535"],
  ["EVALUATE_EVERY_MS", "0", "whole number from 50"],
  ["DATABASE_URL", "mysql://host/db", "postgres://"],
  ["REDIS_URL", "redis://a:1,http://b:2", "redis:// or rediss://"],
  ["EDGE_URLS", "localhost:8787", "http:// or https://"],
  ["ROLES", "ingest,cook", "ingest,fold,evaluate,push,admin"],
  ["PUSH_KEYS", "no-colon", "kid:secret"],
  ["PUSH_KEYS", "k1:eight-ch", "openssl rand -base64 32"],
  [
    "PUSH_KEYS",
    "k1:the-first-secret-of-it-0123456789abcdefghijklmnop,k1:the-second-secret-0123456789abcdefghijklmnop",
    "twice",
  ],
  ["CAPTCHA_THRESHOLD", "50", "number from 0 to 1"],
  ["PUBLIC_URL", "sluice.example.com", "without a path"],
  ["PUBLIC_URL", "https://sluice.example.com/console", "without a path"],
  ["PUBLIC_URL", "https://ada:secret@sluice.example.com", "without a path"],
  ["PUBLIC_URL", "http://sluice.example.com", "http:// only for this machine"],
  ["PUBLIC_URL", "http://127.0.0.1.example.com", "http:// only for this machine"],
  ["OIDC_ISSUER", "login.example.com", "the provider's issuer"],
  ["OIDC_ISSUER", "http://login.example.com", "http:// only for this machine"],
  ["OIDC_ISSUER", "https://login.example.com/?a=1", "without a query"],
  ["OIDC_SCOPE", "email", "openid among them"],
  ["OIDC_ROLE_CLAIM", "roles,", "names of claims"],
  ["OIDC_ROLES", "owner=platform", "viewer, editor and admin"],
  ["OIDC_ROLES", "admin=", "role=value"],
  ["OIDC_ROLES", "admin=%ZZ", "role=value"],
  ["OIDC_ROLES", "admin=*", "may be viewer only"],
  ["OIDC_ROLES", "editor=%2A", "may be viewer only"],
  ["TRUSTED_PROXIES", "10.0.0.0/33", "addresses or ranges"],
  ["TRUSTED_PROXIES", "10.0.0.0/8, proxy.internal", "addresses or ranges"],
  ["TRUSTED_PROXIES", "fd00::/8/8", "addresses or ranges"],
  ["METRICS_TOKEN", "short", "at least 8 characters"],
  ["LOG_LEVEL", "loud", "fatal error warn info debug trace silent"],
])("%s=%s is refused with its name and what is allowed", (variable, value, allowed) => {
  const config = parseConfig({ [variable]: value });
  expect(config).toMatchObject({ ok: false, error: [{ variable }] });
  expect(JSON.stringify(config)).toContain(allowed);
});

test("a refused secret is not repeated in the error", () => {
  const config = parseConfig({ ADMIN_TOKEN: "hunter2", PUSH_KEYS: "k1:hunter2" });
  expect(config.ok).toBe(false);
  expect(JSON.stringify(config)).not.toContain("hunter2");
});

const STRONG = "of-32-random-bytes-0123456789abcdefghijklmnopqr";

test.each(["ADMIN_TOKEN", "INGEST_TOKEN", "METRICS_TOKEN"])(
  "an origin that others reach refuses a %s that can be guessed",
  (variable) => {
    for (const place of [{ ORIGIN_HOST: "0.0.0.0" }, { PUBLIC_URL: "https://sluice.example.com" }]) {
      for (const guessable of [
        "hunter2-hunter2",
        "a".repeat(64),
        "correct horse battery staple and on and on",
      ]) {
        const config = parseConfig({ ...place, [variable]: guessable });
        expect(config).toMatchObject({ ok: false, error: [{ variable }] });
        expect(JSON.stringify(config)).toContain("openssl rand -base64 32");
        expect(JSON.stringify(config)).not.toContain(guessable);
      }
      for (const strong of [STRONG, "0123456789abcdef".repeat(4)])
        expect(parseConfig({ ...place, [variable]: strong })).toMatchObject({ ok: true });
    }
  },
);

test("an origin that others reach is refused without an ADMIN_TOKEN, and no log is told one that was made", () => {
  const problems = (given: Record<string, string>) => {
    const parsed = parseConfig(given);
    if (!parsed.ok) throw new Error(JSON.stringify(parsed.error));
    return adminTokenProblems(parsed.value);
  };
  for (const place of [{ ORIGIN_HOST: "0.0.0.0" }, { PUBLIC_URL: "https://sluice.example.com" }]) {
    expect(problems(place)).toEqual([
      { variable: "ADMIN_TOKEN", reason: expect.stringContaining("openssl rand -base64 32 makes one") },
    ]);
    expect(problems({ ...place, ADMIN_TOKEN: STRONG })).toEqual([]);
    expect(problems({ ...place, ROLES: "ingest" })).toEqual([]);
    expect(problems({ ...place, MIGRATE: "only", DATABASE_URL: "postgres://127.0.0.1/x" })).toEqual([]);
  }
  expect(problems({})).toEqual([]);

  const log = makeTestLog();
  const written: string[] = [];
  const write = (isTTY: boolean) => ({ isTTY, write: (text: string) => written.push(text) > 0 });
  const token = makeNewToken(log, write(false));
  expect(written).toEqual([]);
  expect(log.lines).toEqual([
    { level: "warn", facts: {}, message: expect.stringMatching(/set ADMIN_TOKEN$/) },
  ]);
  expect(JSON.stringify(log.lines)).not.toContain(token);
  const shown = makeNewToken(log, write(true));
  expect(written).toEqual([expect.stringContaining(shown)]);
});

test.each([{}, { ORIGIN_HOST: "::1" }, { PUBLIC_URL: "http://localhost:8080" }])(
  "at an origin of this machine alone a short token does: %j",
  (place) => {
    expect(parseConfig({ ...place, ADMIN_TOKEN: "eight-ch" })).toMatchObject({ ok: true });
  },
);

test("a password that breaks the URL is told how to be written", () => {
  for (const sign of ["#", "/", "?"]) {
    const refused = JSON.stringify(parseConfig({ DATABASE_URL: `postgres://u:pass${sign}word@127.0.0.1/x` }));
    expect(refused).toContain("write # / ? @ % as %23 %2F %3F %40 %25");
    expect(refused).not.toContain(`pass${sign}word`);
  }
  expect(JSON.stringify(parseConfig({ DATABASE_URL: "mysql://127.0.0.1/x" }))).toContain("postgres://");
});

test("edges to push to need keys to sign with", () => {
  expect(parseConfig({ EDGE_URLS: "http://127.0.0.1:8787" })).toMatchObject({
    ok: false,
    error: [{ variable: "PUSH_KEYS" }],
  });
});

test.each([
  ["eu.shop.example", "host=kid"],
  ["eu.shop.example=eu,eu.shop.example=us", "host=kid"],
  ["us.shop.example=eu", "us.shop.example, which is the host of no edge in EDGE_URLS"],
  ["eu.shop.example=us", "the key us, which PUSH_KEYS does not have"],
])("EDGE_KEY_NAMES=%s is refused with what is wrong", (EDGE_KEY_NAMES, wrong) => {
  const config = parseConfig({
    EDGE_URLS: "https://eu.shop.example",
    PUSH_KEYS: "eu:push-secret-0123456789abcdefghijklmnop-of-push",
    EDGE_KEY_NAMES,
  });
  expect(config).toMatchObject({ ok: false, error: [{ variable: "EDGE_KEY_NAMES" }] });
  expect(JSON.stringify(config)).toContain(wrong);
});

const KEYS = "k1:the-secret-of-pushes-0123456789abcdefghijklmnopqr";

test.each<[string, string, string, "plain" | "unverified"]>([
  ["DATABASE_URL", "postgres://u:hunter2@DB.internal/sluice", "db.internal", "plain"],
  ["DATABASE_URL", "postgres:///sluice?host=db.internal", "db.internal", "plain"],
  ["DATABASE_URL", "postgres://127.0.0.1/sluice?host=10.0.0.5", "10.0.0.5", "plain"],
  ["DATABASE_URL", "postgres://[fd00::5]/sluice", "fd00::5", "plain"],
  ["DATABASE_URL", "postgres://db/sluice?sslmode=disable", "db", "plain"],
  ["DATABASE_URL", "postgres://db/sluice?sslmode=verify-full&sslmode=disable", "db", "plain"],
  ["DATABASE_URL", "postgres://db/sluice?ssl=0", "db", "plain"],
  ["DATABASE_URL", "postgres://db/sluice?sslmode=no-verify", "db", "unverified"],
  ["DATABASE_URL", "postgres://db/sluice?ssl=no-verify", "db", "unverified"],
  ["DATABASE_URL", "postgres://db/sluice?sslmode=require&uselibpqcompat=true", "db", "unverified"],
  ["DATABASE_REPLICA_URL", "postgres://replica/sluice", "replica", "plain"],
  ["REDIS_URL", "rediss://r1,redis://r2,redis://127.0.0.1,redis://r3:1", "r2,r3", "plain"],
  ["EDGE_URLS", "https://shop.example,http://shop.example:8787", "shop.example", "plain"],
  ["SPAN_LOG_URL", "tls://n1.internal,nats://n2.internal", "n2.internal", "plain"],
  ["CLICKHOUSE_URL", "http://clickhouse.internal:8123", "clickhouse.internal", "plain"],
])("%s=%s is refused, unless its host is allowed by name", (variable, value, host, how) => {
  const given = { PUSH_KEYS: KEYS, [variable]: value };
  const refused = parseConfig(given);
  const words = { plain: "in plain text", unverified: "without verifying" }[how];
  expect(refused).toMatchObject({ ok: false, error: [{ variable }] });
  const reason = refused.ok ? "" : refused.error.map((one) => one.reason).join();
  expect(reason).toContain(`leads to ${host} ${words}`);
  expect(reason).toContain(`ALLOW_PLAINTEXT_TO=${host}`);
  expect(reason).not.toContain("hunter2");
  expect(parseConfig({ ...given, ALLOW_PLAINTEXT_TO: host.toUpperCase() })).toMatchObject({ ok: true });
  expect(parseConfig({ ...given, ALLOW_PLAINTEXT_TO: "other.internal" })).toMatchObject({ ok: false });
});

test.each([
  ["DATABASE_URL", "postgres://db/sluice?sslmode=verify-full&sslrootcert=/etc/ca.pem"],
  ["DATABASE_URL", "postgres://db/sluice?sslmode=verify-full&uselibpqcompat=true"],
  // pg verifies these, too.
  ["DATABASE_URL", "postgres://db/sluice?sslmode=require"],
  ["DATABASE_URL", "postgres://db/sluice?ssl=true"],
  ["DATABASE_URL", "postgres://db/sluice?sslnegotiation=direct"],
  ["DATABASE_URL", "postgres://localhost/sluice"],
  ["DATABASE_URL", "postgres:///sluice"],
  ["DATABASE_URL", "postgres:///sluice?host=/run/postgresql"],
  ["DATABASE_URL", "postgres://%2Frun%2Fpostgresql/sluice"],
  ["REDIS_URL", "rediss://r1,redis://[::1]:6379"],
  ["EDGE_URLS", "https://shop.example,http://127.0.0.9:8787"],
  ["SPAN_LOG_URL", "tls://nats.internal:4222"],
  ["CLICKHOUSE_URL", "https://clickhouse.internal:8443"],
])("%s=%s is encrypted and verified, or stays on this machine", (variable, value) => {
  expect(parseConfig({ PUSH_KEYS: KEYS, [variable]: value })).toMatchObject({ ok: true });
});

test("what pg takes from PGHOST and PGSSLMODE counts where the URL does not say it", () => {
  const DATABASE_URL = "postgres:///sluice";
  const allowed = (more: Record<string, string>) => parseConfig({ DATABASE_URL, ...more }).ok;
  expect(allowed({ PGHOST: "db" })).toBe(false);
  expect(allowed({ PGHOST: "db", PGSSLMODE: "disable" })).toBe(false);
  expect(allowed({ PGHOST: "db", PGSSLMODE: "no-verify" })).toBe(false);
  expect(allowed({ PGHOST: "db", PGSSLMODE: "verify-full" })).toBe(true);
});

test("an empty variable counts as unset", () => {
  expect(parseConfig({ DATABASE_URL: "", ORIGIN_PORT: "" })).toMatchObject({ ok: true });
});

test.each([
  [{}, "http://127.0.0.1:8080"],
  [{ ORIGIN_PORT: "9000" }, "http://127.0.0.1:9000"],
  [{ PUBLIC_URL: "https://Sluice.example.com/" }, "https://sluice.example.com"],
  [{ PUBLIC_URL: "http://localhost:8080" }, "http://localhost:8080"],
  [{ PUBLIC_URL: "http://[::1]:8080" }, "http://[::1]:8080"],
])("with %j links begin with %s", (environment, url) => {
  const config = parseConfig(environment);
  expect(config.ok && publicUrlOf(config.value)).toBe(url);
});

const OIDC = {
  OIDC_ISSUER: "https://login.example.com",
  OIDC_CLIENT_ID: "sluice",
  OIDC_CLIENT_SECRET: "of-the-client",
  PUBLIC_URL: "https://sluice.example.com",
  SESSION_KEYS: "s1:the-secret-of-sessions-0123456789abcdefghijklmno",
};

test("sign-in at a provider needs all that belongs to it, and nothing of it stands alone", () => {
  for (const variable of ["OIDC_CLIENT_ID", "OIDC_CLIENT_SECRET", "PUBLIC_URL", "SESSION_KEYS"])
    expect(parseConfig({ ...OIDC, [variable]: "" })).toMatchObject({
      ok: false,
      error: [{ variable, reason: "must be set when OIDC_ISSUER is" }],
    });
  expect(parseConfig({ OIDC_CLIENT_ID: "sluice" })).toMatchObject({
    ok: false,
    error: [{ variable: "OIDC_ISSUER" }],
  });
});

test("values of claims are mapped to roles, a comma in them as %2C", () => {
  const config = parseConfig({ ...OIDC, OIDC_ROLES: "admin=cn=ops%2Cou=it, editor=/product,viewer=*" });
  expect(config.ok && providerOf(config.value)?.roles).toEqual([
    { role: "admin", value: "cn=ops,ou=it" },
    { role: "editor", value: "/product" },
    { role: "viewer", value: "*" },
  ]);
});

test("a comment behind a value, which a file for systemd cannot have, is named as what makes it wrong", () => {
  const config = parseConfig({ SESSION_KEYS: "k1:…        # openssl rand -base64 32" });
  expect(config).toMatchObject({
    ok: false,
    error: [
      {
        variable: "SESSION_KEYS",
        reason: expect.stringMatching(
          /what follows # counts as its value: give a comment a line of its own\)$/,
        ),
      },
    ],
  });
});
