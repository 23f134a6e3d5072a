import { describe, expect, test } from "vitest";
import { parseConfig } from "../../edge/config.ts";

const good = {
  PUSH_KEYS: "k1:a-push-secret-of-the-tests-0123456789abcdefghijklmnop",
  COOKIE_KEYS: "k1:a-cookie-secret-of-the-tests-0123456789abcdefghijklmnop",
};
const keySet = { keys: [{ kty: "EC", crv: "P-256", x: "x", y: "y" }] };

test.each([
  ["", null],
  ["https://login.test/keys", new URL("https://login.test/keys")],
  [JSON.stringify(keySet), keySet],
])("JWT_KEY_SET may be %j", (text, value) => {
  const config = parseConfig({ ...good, JWT_KEY_SET: text });
  expect(config.ok && config.value.JWT_KEY_SET).toEqual(value);
});

test.each([
  ["JWT_KEY_SET", "not a key set: s3cret"],
  ["JWT_KEY_SET", '{"keys":[]}'],
  ["JWT_KEY_SET", '{"keys":[{"kid":"s3cret"}]}'],
  ["JWT_FROM", "query:s3cret"],
  ["UPSTREAM_URL", "ftp://s3cret"],
  ["PUSH_KEYS", "s3cret"],
  ["MAX_STALE_MS", "s3cret"],
  ["CAPTCHA_PROVIDER", "s3cret"],
  ["CAPTCHA_VERIFY_URL", "s3cret"],
  ["CAPTCHA_THRESHOLD", "s3cret"],
  ["CAPTCHA_THRESHOLD", "1.5"],
  ["CAPTCHA_THRESHOLD", ""],
  ["OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318/s3cret"],
  ["OTEL_EXPORTER_OTLP_HEADERS", "authorization s3cret"],
  ["OTEL_EXPORTER_OTLP_HEADERS", "authorization=%FFs3cret"],
])("a wrong %s is refused by its name, and the value is not repeated", (name, value) => {
  const config = parseConfig({ ...good, [name]: value });
  expect(config).toMatchObject({ ok: false, error: [{ variable: name }] });
  expect(JSON.stringify(config)).not.toContain("s3cret");
});

test.each([
  ["turnstile", "https://challenges.cloudflare.com/turnstile/v0/siteverify"],
  ["recaptcha", "https://www.google.com/recaptcha/api/siteverify"],
])("%s is asked at its own address unless another is given", (provider, verifyUrl) => {
  const vars = { ...good, CAPTCHA_PROVIDER: provider, CAPTCHA_SECRET: "s" };
  const asked = (more: object) => {
    const config = parseConfig({ ...vars, ...more });
    return config.ok ? config.value.CAPTCHA : config.error;
  };
  expect(asked({})).toEqual({ provider, secret: "s", verifyUrl, threshold: 0.5 });
  const other = "https://www.recaptcha.net/recaptcha/api/siteverify";
  expect(asked({ CAPTCHA_VERIFY_URL: other, CAPTCHA_THRESHOLD: "0.3" })).toMatchObject({
    verifyUrl: other,
    threshold: 0.3,
  });
  expect(asked({ CAPTCHA_SECRET: "" })).toEqual([
    { variable: "CAPTCHA_SECRET", reason: "must be set when CAPTCHA_PROVIDER is" },
  ]);
});

test("without a provider there is no captcha", () => {
  const config = parseConfig({ ...good, CAPTCHA_SECRET: "left over" });
  expect(config.ok && config.value.CAPTCHA).toBe(null);
});

describe("keys", () => {
  const secret = (letter: string): string => `${letter}-secret-of-tests-0123456789abcdefghijklmnop`;

  test.each(["PUSH_KEYS", "COOKIE_KEYS", "PREVIEW_KEYS", "SERVER_KEYS"])(
    "%s with a secret of less than 32 bytes is refused with the command that makes one",
    (name) => {
      const config = parseConfig({ ...good, [name]: "k1:eight-ch" });
      expect(config).toEqual({
        ok: false,
        error: [{ variable: name, reason: expect.stringContaining("openssl rand -base64 32") }],
      });
    },
  );

  test.each([
    ["COOKIE_KEYS", "PUSH_KEYS"],
    ["PREVIEW_KEYS", "PUSH_KEYS"],
    ["SERVER_KEYS", "COOKIE_KEYS"],
    ["SERVER_KEYS", "PREVIEW_KEYS"],
  ])("%s must not hold a secret of %s, not even beside others", (name, owner) => {
    const keys = {
      PUSH_KEYS: `a:${secret("push")}`,
      COOKIE_KEYS: `a:${secret("cookie")}`,
      PREVIEW_KEYS: `a:${secret("preview")}`,
      SERVER_KEYS: `a:${secret("server")}`,
    };
    const shared =
      Object.entries(keys)
        .find(([each]) => each === owner)?.[1]
        .replace("a:", "b:") ?? "";
    const config = parseConfig({ ...keys, [name]: `a:${secret("own")},${shared}` });
    expect(config).toEqual({
      ok: false,
      error: [{ variable: name, reason: `must not hold a secret of ${owner}` }],
    });
  });
});
