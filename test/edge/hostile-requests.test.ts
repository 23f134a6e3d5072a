// A walk over every route of the edge's own, as an attacker takes it who has no key.
import * as fc from "fast-check";
import { beforeAll, expect, test } from "vitest";
import { edge, feature, push, PUSH_KEY, recorded, SERVER } from "./support/edge.ts";

const ROUTES = [
  "/.sluice/health",
  "/.sluice/explain",
  "/.sluice/overlay",
  "/.sluice/preview",
  "/.sluice/preview/end",
  "/.sluice/push",
  "/.sluice/events",
  "/.sluice/captcha",
  "/.sluice/elements",
  "/.sluice/elements.js",
  "/.sluice/ofrep/v1/evaluate/flags",
  "/.sluice/ofrep/v1/evaluate/flags/feat_secret",
  "/.sluice/ofrep/v1/evaluate/flags/__proto__",
  "/.sluice/nothing-of-this-name",
];
const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

const TAILS = [
  "",
  "/",
  "/..",
  "/%2e%2e/x",
  "//x",
  "%00",
  "?",
  "?a=%00",
  "?%ff",
  `?t=${"x".repeat(8_000)}`,
  "#f",
];

const odd = fc.constantFrom(
  "",
  "\u0000",
  "\ud800",
  "__proto__",
  "constructor",
  "..",
  "1e400",
  "null",
  "[]",
  '{"context":{"targetingKey":{}}}',
  '{"context":null}',
  '{"type":"activation","featureId":"__proto__"}',
  '{"token":{}}',
  '{"revision":1e400,"full":true,"features":[]}',
  "[".repeat(5_000),
  "x".repeat(70_000),
);
/** What a header may hold: visible ASCII. */
const headerText = fc.stringMatching(/^[!-~]{0,64}$/);
const header = fc.oneof(
  fc.tuple(
    fc.constant("Cookie"),
    headerText.map((text) => `sluice=${text}; sluice-preview=${text}`),
  ),
  fc.tuple(
    fc.constant("Sluice-Signature"),
    fc.oneof(headerText, fc.constant(`t=1,kid=${PUSH_KEY.kid},v1=${"0".repeat(64)}`)),
  ),
  fc.tuple(fc.constant("Sluice-Sender"), headerText),
  fc.tuple(fc.constant("X-API-Key"), headerText),
  fc.tuple(
    fc.constant("Authorization"),
    headerText.map((text) => `Bearer ${text}`),
  ),
  fc.tuple(
    fc.constant("Origin"),
    fc.constantFrom("null", "https://evil.test", "http://shop.test.evil.test", "%"),
  ),
  fc.tuple(fc.constant("Content-Type"), fc.constantFrom("text/html", "application/json", "x")),
  fc.tuple(fc.constant("If-None-Match"), headerText),
  fc.tuple(fc.constant("Accept"), headerText),
);
const request = fc.record({
  route: fc.constantFrom(...ROUTES),
  tail: fc.constantFrom(...TAILS),
  method: fc.constantFrom(...METHODS),
  headers: fc.array(header, { maxLength: 4 }),
  body: fc.oneof(odd, fc.json(), fc.string()),
});

const SECRETS = [PUSH_KEY.secret, SERVER["X-API-Key"], "feat_secret_name"];

beforeAll(async () => {
  const secret = feature("feat_secret_name", { private: true });
  await push({ revision: 1, full: true, features: [secret, feature("feat_plain")] });
});

test("no request of a stranger makes a route fail, tells a secret or changes the state", async () => {
  const health = async () => (await edge("/.sluice/health")).json<{ revision: number; features: number }>();
  const { revision, features } = await health();
  await fc.assert(
    fc.asyncProperty(request, async ({ route, tail, method, headers, body }) => {
      const response = await edge(`${route}${tail}`, {
        method,
        headers,
        ...(method === "GET" || method === "HEAD" ? {} : { body }),
      });
      const text = await response.text();
      expect(response.status).toBeLessThan(500);
      for (const secret of SECRETS) expect(text).not.toContain(secret);
      if (response.headers.get("Content-Type")?.startsWith("text/html") === true)
        expect(response.headers.get("Content-Security-Policy")).not.toBe(null);
      const allowed = response.headers.get("Access-Control-Allow-Origin");
      expect(allowed === null || allowed === "http://shop.test").toBe(true);
    }),
    { numRuns: 1_500 },
  );
  expect(await health()).toMatchObject({ revision, features });
});

test("nothing that is asked below /.sluice reaches the site", async () => {
  for (const route of ROUTES)
    for (const tail of TAILS) await (await edge(`${route}/walk-of-a-stranger${tail}`)).text();
  expect(await recorded("walk-of-a-stranger")).toEqual([]);
});
