// Identities by consent, sign-in and cookie.
import { describe, expect, test } from "vitest";
import * as hmac from "../../edge/hmac.ts";
import { parseConfig } from "../../edge/config.ts";
import { makeCookies } from "../../edge/visitor/cookie.ts";
import type { Identity } from "../../edge/visitor/identity.ts";
import { addressOf, makeReadAddress, readIncoming } from "../../edge/incoming-request.ts";
import { makeIdentify } from "../../edge/visitor/identify.ts";
import { UnitId } from "../../shared/ids.ts";
import { KeyRing } from "../../shared/signing/key-ring.ts";
import { variableErrorText } from "../../shared/variables.ts";
import { echoed, edge, feature, headerOf, push } from "./support/edge.ts";

const KEYS =
  "new:cookie-secret-of-the-tests-0123456789abcdefghijklmnop,old:older-cookie-secret-of-tests-0123456789abcdefghijklmnop";

const setUp = (vars: Record<string, string>) => {
  const config = parseConfig({
    PUSH_KEYS: "k:push-secret-of-the-tests-0123456789abcdefghijklmnop",
    COOKIE_KEYS: KEYS,
    ...vars,
  });
  if (!config.ok) throw new Error(config.error.map(variableErrorText).join("; "));
  const cookies = makeCookies(config.value.COOKIE_KEYS, hmac);
  // Claims are JSON, in which a subject may be a number, too.
  const readClaims = async (request: Request) => {
    const sub = request.headers.get("X-Verified");
    return sub === null ? null : { sub: /^[\d.]+$|^"/.test(sub) ? JSON.parse(sub) : sub };
  };
  const warnings: string[] = [];
  const identify = makeIdentify({
    config: config.value,
    cookies,
    readClaims,
    warn: (text) => void warnings.push(text),
  });
  const visit = async (headers: Record<string, string> = {}): Promise<Identity> =>
    identify(readIncoming(new Request("http://shop.test/", { headers })));
  const cookieOf = async ({
    visitorId,
    captchaScore = null,
  }: Pick<Identity, "visitorId"> & Partial<Identity>): Promise<string> => {
    if (visitorId === null) throw new Error("nobody has no cookie");
    const written = await cookies.write("http://shop.test/", { visitorId, captchaScore }, 20_000);
    return written.split(";")[0] ?? "";
  };
  return { visit, cookieOf, cookies, warnings };
};

describe("a user's id", () => {
  test.each([["7"], ["9007199254740991"], ["0.5"]])("may be the number %s", async (sub) => {
    const { visit, warnings } = setUp({ UNIT_FROM: "claim:sub" });
    expect((await visit({ "X-Verified": sub })).userId).toBe(sub);
    expect(warnings).toEqual([]);
  });

  test.each([
    ["9007199254740992", /expected string/],
    ["9007199254740993", /expected string/],
    ["123456789012345678901234567890", /expected string/],
    ['"\\ud800"', /well-formed/],
    [JSON.stringify("a".repeat(257)), /256 bytes/],
  ])("is none when it is %s, which is said", async (sub, reason) => {
    const { visit, warnings } = setUp({ UNIT_FROM: "claim:sub" });
    expect((await visit({ "X-Verified": sub })).userId).toBe(null);
    expect(warnings).toEqual([expect.stringMatching(reason)]);
  });
});

describe("sign-in", () => {
  test("leaves the visitor who they were, with their captcha score, and adds the user", async () => {
    const { visit, cookieOf } = setUp({ UNIT_FROM: "header:X-User" });
    const { visitorId } = await visit();
    const cookie = await cookieOf({ visitorId, captchaScore: 0.7 });
    const before = await visit({ Cookie: cookie });
    const signedIn = await visit({ Cookie: cookie, "X-User": "user-1" });
    expect(signedIn).toEqual({ ...before, userId: "user-1" });
    expect(signedIn).toMatchObject({ visitorId, captchaScore: 0.7, signed: { kid: "new" } });
    expect(await visit({ Cookie: cookie, "X-User": "user-2" })).toEqual({ ...before, userId: "user-2" });
    expect(await visit({ Cookie: cookie })).toBe(before);
  });

  test("of the same user is the same identity again, so that what is remembered of it serves", async () => {
    const { visit, cookieOf } = setUp({ UNIT_FROM: "header:X-User" });
    const { visitorId } = await visit();
    const headers = { Cookie: await cookieOf({ visitorId }), "X-User": "user-1" };
    await visit(headers);
    expect(await visit(headers)).toBe(await visit(headers));
  });

  test("an older cookie, which held the signed-in user as its unit, keeps this id for its visitor", async () => {
    const { visit, cookieOf } = setUp({ UNIT_FROM: "header:X-User" });
    const cookie = await cookieOf({ visitorId: UnitId.parse("user-1") });
    expect(await visit({ Cookie: cookie })).toMatchObject({ visitorId: "user-1", userId: null });
  });

  test("counts by a claim of a verified token, and not by a header that is not configured", async () => {
    const { visit } = setUp({ UNIT_FROM: "claim:sub" });
    expect((await visit({ "X-Verified": "user-1" })).userId).toBe("user-1");
    expect((await visit({ "X-User": "user-1" })).userId).toBe(null);
  });
});

describe("consent", () => {
  test("without it, by configuration or by the request, an identity lives for one request", async () => {
    const { visit, cookieOf } = setUp({});
    const known = await visit();
    const cookie = await cookieOf(known);
    const passing = await visit({ Cookie: cookie, "Sluice-Consent": "none" });
    expect(passing).toMatchObject({ isEphemeral: true, signed: null });
    expect(passing.visitorId).not.toBe(known.visitorId);
    expect((await setUp({ CONSENT: "none" }).visit({ Cookie: cookie })).isEphemeral).toBe(true);
  });

  test("may depend on the site's own consent cookie", async () => {
    const { visit } = setUp({ CONSENT: "cookie:consent=yes" });
    expect((await visit()).isEphemeral).toBe(true);
    expect((await visit({ Cookie: "consent=no" })).isEphemeral).toBe(true);
    expect((await visit({ Cookie: "a=b; consent=yes" })).isEphemeral).toBe(false);
  });

  test("is not needed for the gate, but for a cookie", async () => {
    await push({ revision: 1, full: true, features: [feature("feat_all")] });
    const response = await edge("/", { headers: { "Sluice-Consent": "none" } });
    expect(headerOf(await echoed(response), "Sluice-Features")).toBe("feat_all=treatment");
    expect(response.headers.getSetCookie()).toEqual([]);
  });
});

describe("keys", () => {
  test("a cookie of an old key is valid and due for renewal, a cookie of the first key is due after 30 days", async () => {
    const [first, old] = KeyRing.parse(KEYS);
    const identity = { visitorId: UnitId.parse("visitor-7"), captchaScore: null };
    const byOld = makeCookies([old ?? first], hmac);
    const { cookies } = setUp({});
    const value = (line: string): string => line.split(";")[0]?.split("=").slice(1).join("=") ?? "";
    const verified = await cookies.verify(value(await byOld.write("http://shop.test/", identity, 20_000)));
    expect(verified?.visitorId).toBe(identity.visitorId);
    expect(verified && cookies.isDue(verified, 20_000)).toBe(true);
    const fresh = await cookies.verify(value(await cookies.write("http://shop.test/", identity, 20_000)));
    expect(fresh && cookies.isDue(fresh, 20_029)).toBe(false);
    expect(fresh && cookies.isDue(fresh, 20_030)).toBe(true);
  });
});

const HOST = "https://shop.test:8443";

test.each([
  ["", "/", "/"],
  ["/a", "/a", "/a"],
  ["/%61//b/../c?x=/?y", "/a//c", "/a//c?x=/?y"],
  ["/a?", "/a", "/a?"],
])("the URL of %j leads to the path %s, and with its query to %s", (sent, path, target) => {
  const address = addressOf(HOST + sent);
  expect(address).toMatchObject({ origin: HOST, scheme: "https", host: "shop.test:8443", path, target });
  expect(address.page).toBe(HOST + target);
});

test("a URL that was seen before is the same address again, and the memory of them is bounded", () => {
  const read = makeReadAddress();
  const url = `${HOST}/a/%62`;
  const first = read(url);
  expect(first).toEqual(addressOf(url));
  expect(read(`${HOST}/a/%62`)).toBe(first);
  for (let n = 0; n < 1_500; n++) read(`${HOST}/${n}`);
  expect(read(url)).toBe(first);
  for (let n = 0; n < 3_000; n++) read(`${HOST}/${n}`);
  expect(read(url)).not.toBe(first);
  expect(read(url)).toEqual(first);
});

test("neither a URL with a query nor a long one takes a place in that memory", () => {
  const read = makeReadAddress();
  for (const url of [`${HOST}/a?x=1`, `${HOST}/${"a".repeat(500)}`]) expect(read(url)).not.toBe(read(url));
});
