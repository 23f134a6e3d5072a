// Targeting in the Worker: only a targeted request is assigned, told upstream, counted and given a cookie.
import { importJWK, SignJWT } from "jose";
import { beforeAll, expect, inject, test } from "vitest";
import { cookieOf, echoed, edge, feature, headerOf, push, SERVER } from "./support/edge.ts";

const is = (attribute: string, value: string) => ({ attribute, operator: "equals", value });

let revision = 0;
const only = (targeting: unknown): Promise<Response> =>
  push({ revision: ++revision, full: true, features: [feature("feat_t", { targeting })] });

const featuresOf = async (headers: Record<string, string>, path = "/", cf = {}): Promise<string | null> =>
  headerOf(await echoed(await edge(path, { headers, cf })), "Sluice-Features");

beforeAll(() => only(is("header:x-plan", "pro")));

test("a unit that is not targeted is off: no header, no cookie, and explain says why", async () => {
  const response = await edge("/", { headers: { "X-Plan": "free" } });
  expect(response.headers.getSetCookie()).toEqual([]);
  expect(headerOf(await echoed(response), "Sluice-Features")).toBe(null);
  const explained = await (
    await edge("/.sluice/explain", { headers: SERVER })
  ).json<{
    features: object[];
  }>();
  expect(explained.features[0]).toMatchObject({ cohort: "off", open: false, why: "notTargeted" });
});

test("a unit that is no longer targeted loses the feature and keeps its cookie", async () => {
  const first = await edge("/", { headers: { "X-Plan": "pro" } });
  const Cookie = cookieOf(first);
  expect(await featuresOf({ Cookie, "X-Plan": "pro" })).toBe("feat_t=treatment");
  const after = await edge("/", { headers: { Cookie, "X-Plan": "free" } });
  expect(after.headers.getSetCookie()).toEqual([]);
  expect(headerOf(await echoed(after), "Sluice-Features")).toBe(null);
  expect(await featuresOf({ Cookie, "X-Plan": "pro" })).toBe("feat_t=treatment");
});

const IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148";
const TABLET = "Mozilla/5.0 (Linux; Android 15; SM-X910) AppleWebKit/537.36 Chrome/140.0 Safari/537.36";
const DESKTOP = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";

test.each([
  ["device", is("device", "mobile"), { "User-Agent": IPHONE }, { "User-Agent": TABLET }],
  ["device", is("device", "tablet"), { "User-Agent": TABLET }, { "User-Agent": DESKTOP }],
  ["device", is("device", "desktop"), { "User-Agent": DESKTOP }, { "User-Agent": IPHONE }],
  ["cookie", is("cookie:beta", "1"), { Cookie: "a=2; beta=1" }, { Cookie: "xbeta=1; beta=0" }],
  [
    "version",
    { attribute: "header:x-app", operator: "versionAtLeast", value: "2.10.0" },
    { "X-App": "2.11.0" },
    { "X-App": "2.9.0" },
  ],
])("a feature can target requests by %s", async (_, targeting, yes, no) => {
  await only(targeting);
  expect(await featuresOf(yes)).toBe("feat_t=treatment");
  expect(await featuresOf(no)).toBe(null);
});

test("a feature can target requests by path", async () => {
  await only({ attribute: "path", operator: "startsWith", value: "/shop/" });
  expect(await featuresOf({}, "/shop/a?b=/x")).toBe("feat_t=treatment");
  expect(await featuresOf({}, "/other?x=/shop/")).toBe(null);
});

test("a feature can target requests by country, as the platform and no header tells it", async () => {
  await only(is("country", "DE"));
  expect(await featuresOf({}, "/", { country: "DE" })).toBe("feat_t=treatment");
  expect(await featuresOf({}, "/", { country: "FR" })).toBe(null);
  expect(await featuresOf({ "CF-IPCountry": "DE" })).toBe(null);
});

const ISSUER = "https://login.shop.test";

const token = async (claims: Record<string, unknown>, { issuer = ISSUER, expires = "5m" } = {}) =>
  new SignJWT(claims)
    .setProtectedHeader({ alg: "ES256" })
    .setIssuer(issuer)
    .setExpirationTime(expires)
    .sign(await importJWK(inject("tokenKey"), "ES256"));

const bearer = (text: string) => ({ Authorization: `Bearer ${text}` });

test("a feature can target requests by claims of a verified token, which still reaches the upstream", async () => {
  await only({
    operator: "and",
    conditions: [is("claim:roles", "editor"), is("claim:account.plan", "pro")],
  });
  const good = await token({ roles: ["viewer", "editor"], account: { plan: "pro" } });
  const response = await edge("/", { headers: bearer(good) });
  const seen = await echoed(response);
  expect(headerOf(seen, "Sluice-Features")).toBe("feat_t=treatment");
  expect(headerOf(seen, "Authorization")).toBe(`Bearer ${good}`);
  expect(await featuresOf(bearer(good))).toBe("feat_t=treatment");
  expect(await featuresOf(bearer(await token({ roles: ["editor"] })))).toBe(null);
  expect(await featuresOf({})).toBe(null);
});

const encode = (value: object): string =>
  btoa(JSON.stringify(value)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");

test.each([
  [
    "altered",
    async () => (await token({ plan: "free" })).replace(/\.[^.]+\./, `.${encode({ plan: "pro" })}.`),
  ],
  ["expired", () => token({ plan: "pro" }, { expires: "-1m" })],
  ["of another issuer", () => token({ plan: "pro" }, { issuer: "https://else.test" })],
  ["unsigned", async () => `${encode({ alg: "none" })}.${encode({ plan: "pro", iss: ISSUER })}.`],
  ["no token at all", async () => "rubbish"],
])("a token that is %s has no claims, and the request goes on", async (_, make) => {
  await only(is("claim:plan", "pro"));
  const response = await edge("/", { headers: bearer(await make()) });
  expect(response.status).toBe(200);
  expect(headerOf(await echoed(response), "Sluice-Features")).toBe(null);
  expect(await featuresOf(bearer(await token({ plan: "pro" })))).toBe("feat_t=treatment");
});

test("a claim that is no well-formed text is served like any other", async () => {
  await only(is("claim:plan", "pro"));
  for (const claims of [{ plan: "\ud800" }, { plan: ["pro\udfff", "\ud83d"] }, { "\ud800": "pro" }]) {
    const response = await edge("/", { headers: bearer(await token(claims)) });
    expect(response.status).toBe(200);
    expect(headerOf(await echoed(response), "Sluice-Features")).toBe(null);
  }
  expect(await featuresOf(bearer(await token({ plan: ["\ud800", "pro"] })))).toBe("feat_t=treatment");
});
