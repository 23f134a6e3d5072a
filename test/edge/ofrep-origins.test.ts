// OpenFeature clients on pages of other origins: those of CORS_ORIGINS may ask and read, with cookies, and no others.
import { beforeAll, describe, expect, test } from "vitest";
import { parseConfig } from "../../edge/config.ts";
import { cookieOf, echoed, edge, feature, headerOf, push, recorded } from "./support/edge.ts";

const BULK = "/.sluice/ofrep/v1/evaluate/flags";
const LISTED = "https://app.shop.test";
const SAME_SITE = { Origin: LISTED, "Sec-Fetch-Site": "same-site" };
const CROSS_SITE = { Origin: "https://partner.test:8443", "Sec-Fetch-Site": "cross-site" };

beforeAll(() =>
  push({
    revision: 1,
    full: true,
    features: [feature("feat_all"), feature("feat_control", { rolloutBps: 0, holdoutBps: 10_000 })],
  }),
);

const post = (headers: Record<string, string>, path = BULK, body = "{}"): Promise<Response> =>
  edge(path, { method: "POST", headers: { "Content-Type": "application/json", ...headers }, body });

const preflight = (Origin: string, path = BULK): Promise<Response> =>
  edge(path, {
    method: "OPTIONS",
    headers: {
      Origin,
      "Access-Control-Request-Method": "POST",
      "Access-Control-Request-Headers": "content-type, if-none-match",
    },
  });

const cors = ({ headers }: Response): (string | null)[] =>
  ["Allow-Origin", "Allow-Credentials"].map((name) => headers.get(`Access-Control-${name}`));

const variantsOf = async (response: Response): Promise<Record<string, string>> => {
  const { flags } = await response.json<{ flags: { key: string; variant: string }[] }>();
  return Object.fromEntries(flags.map(({ key, variant }) => [key, variant]));
};

test.each([BULK, `${BULK}/feat_all`, "/.sluice/ofrep/stream", "/.sluice/events"])(
  "a preflight of a listed origin is answered with that origin, never with *: %s",
  async (path) => {
    const response = await preflight(LISTED, path);
    expect(response.status).toBe(204);
    expect(cors(response)).toEqual([LISTED, "true"]);
    expect(response.headers.get("Access-Control-Allow-Methods")).toBe("GET, POST");
    expect(response.headers.get("Access-Control-Allow-Headers")?.toLowerCase()).toMatch(
      /content-type.*if-none-match/,
    );
    expect(response.headers.get("Vary")).toMatch(/\bOrigin\b/);
  },
);

test.each([
  "https://evil.test",
  "http://app.shop.test",
  "https://app.shop.test:8443",
  "https://app.shop.test.evil.test",
  "https://evil.app.shop.test",
  "https://partner.test",
  "null",
])("the origin %s is refused, by preflight and by POST, and nothing is evaluated", async (Origin) => {
  for (const response of [await preflight(Origin), await post({ Origin })]) {
    expect(response.status).toBe(403);
    expect(cors(response)).toEqual([null, null]);
    expect(response.headers.get("Vary")).toMatch(/\bOrigin\b/);
    expect(response.headers.getSetCookie()).toEqual([]);
  }
});

test("answers, errors, 304s and streams can be read by a listed origin's page, with their tag", async () => {
  const bulk = await post(SAME_SITE);
  expect([bulk.status, ...cors(bulk)]).toEqual([200, LISTED, "true"]);
  expect(bulk.headers.get("Access-Control-Expose-Headers")).toContain("ETag");
  expect(bulk.headers.get("Vary")).toMatch(/\bOrigin\b/);
  const etag = bulk.headers.get("ETag") ?? "";
  const same = await post({ ...SAME_SITE, "If-None-Match": etag });
  expect([same.status, ...cors(same)]).toEqual([304, LISTED, "true"]);
  const wrong = await post(SAME_SITE, BULK, "{nope");
  expect([wrong.status, ...cors(wrong)]).toEqual([400, LISTED, "true"]);
  const missing = await post(SAME_SITE, `${BULK}/feat_nowhere`);
  expect([missing.status, ...cors(missing)]).toEqual([404, LISTED, "true"]);
  const stream = await edge("/.sluice/ofrep/stream", { headers: SAME_SITE });
  expect([stream.status, ...cors(stream)]).toEqual([200, LISTED, "true"]);
  await stream.body?.cancel();
});

test("the site's own pages need no CORS, also where a proxy before the edge changes host and scheme", async () => {
  for (const headers of [
    { Origin: "http://shop.test" },
    { Origin: "https://www.shop.test", "Sec-Fetch-Site": "same-origin" },
  ]) {
    const response = await post(headers);
    expect([response.status, ...cors(response)]).toEqual([200, null, null]);
    expect(response.headers.get("Vary")).toMatch(/\bOrigin\b/);
  }
});

describe("on a page of another origin a browser without a cookie", () => {
  test("is nobody until its cookie comes back, and then the same visitor as on the site", async () => {
    const first = await post(SAME_SITE);
    expect(await variantsOf(first.clone())).toEqual({ feat_all: "treatment", feat_control: "off" });
    const Cookie = cookieOf(first);
    const again = await post({ ...SAME_SITE, Cookie });
    expect(again.headers.getSetCookie()).toEqual([]);
    expect(await variantsOf(again)).toEqual({ feat_all: "treatment", feat_control: "holdout" });
    const page = await edge("/", { headers: { Cookie } });
    const unit = headerOf(await echoed(page), "Sluice-Unit") ?? "";
    expect(Cookie).toContain(unit);
    await expect
      .poll(async () => (await recorded(unit)).some(({ url }) => url === "/v1/traces"), { timeout: 10_000 })
      .toBe(true);
  });

  test("that calls without credentials makes no unit, however often it asks", async () => {
    const units = new Set<string>();
    for (let i = 0; i < 5; i++)
      units.add(/v1\.c2\.([^~]+)~/.exec(cookieOf(await post(SAME_SITE)))?.[1] ?? "");
    await edge("/", { headers: { traceparent: `00-${"a".repeat(32)}-${"b".repeat(16)}-01` } });
    await expect
      .poll(async () => (await recorded("a".repeat(32))).length, { timeout: 10_000 })
      .toBeGreaterThan(0);
    for (const unit of units) expect(await recorded(unit)).toEqual([]);
  });

  test("of another site gets no cookie, which it could not keep", async () => {
    const response = await post(CROSS_SITE);
    expect([response.status, response.headers.getSetCookie()]).toEqual([200, []]);
    expect(await variantsOf(response)).toEqual({ feat_all: "treatment", feat_control: "off" });
  });
});

test("page events are taken from listed origins and refused from others", async () => {
  const event = JSON.stringify({ type: "activation" });
  expect((await post(SAME_SITE, "/.sluice/events", event)).status).toBe(204);
  expect((await post({ Origin: "https://evil.test" }, "/.sluice/events", event)).status).toBe(403);
});

test.each([
  ["*", false],
  ["https://*.shop.test", false],
  ["https://app.shop.test/", false],
  ["https://app.shop.test/x", false],
  ["https://APP.shop.test", false],
  ["https://app.shop.test:443", false],
  ["app.shop.test", false],
  ["null", false],
  ["ftp://app.shop.test", false],
  ["https://user@app.shop.test", false],
  ["https://app.shop.test  http://localhost:3000", true],
  ["", true],
])("CORS_ORIGINS=%j is valid: %s", (CORS_ORIGINS, valid) => {
  const config = parseConfig({
    PUSH_KEYS: "k:push-secret-of-the-tests-0123456789abcdefghijklmnop",
    COOKIE_KEYS: "k:cookie-secret-of-the-tests-0123456789abcdefghijklmnop",
    CORS_ORIGINS,
  });
  expect(config.ok).toBe(valid);
  if (!config.ok) expect(config.error.map(({ variable }) => variable)).toEqual(["CORS_ORIGINS"]);
});
