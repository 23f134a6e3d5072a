import { expect, test } from "vitest";
import { parseConfig } from "../../edge/env.ts";

const good = { PUSH_KEYS: "k1:a-push-secret", COOKIE_KEYS: "k1:a-cookie-secret" };
const keySet = { keys: [{ kty: "EC", crv: "P-256", x: "x", y: "y" }] };

test.each([
  ["", null],
  ["https://login.test/keys", new URL("https://login.test/keys")],
  [JSON.stringify(keySet), keySet],
])("JWT_KEY_SET %j is taken", (text, value) => {
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
])("a wrong %s is refused by its name, and the value is not repeated", (name, value) => {
  const config = parseConfig({ ...good, [name]: value });
  expect(config).toMatchObject({ ok: false, error: expect.stringContaining(`${name}:`) });
  expect(JSON.stringify(config)).not.toContain("s3cret");
});
