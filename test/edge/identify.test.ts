// Identities by consent, sign-in and cookie.
import { describe, expect, test } from "vitest";
import * as hmac from "../../edge/hmac.ts";
import { parseConfig } from "../../edge/config.ts";
import { makeCookies } from "../../edge/visitor/cookie.ts";
import type { Identity } from "../../edge/visitor/identity.ts";
import { readIncoming } from "../../edge/incoming-request.ts";
import { makeIdentify } from "../../edge/visitor/identify.ts";
import { KeyRing } from "../../shared/signing/key-ring.ts";
import { variableErrorText } from "../../shared/variables.ts";
import { echoed, edge, feature, headerOf, push } from "./support/edge.ts";

const KEYS = "new:cookie-secret-of-the-tests,old:older-cookie-secret-of-tests";

const setUp = (vars: Record<string, string>) => {
  const config = parseConfig({ PUSH_KEYS: "k:0123456789abcdef", COOKIE_KEYS: KEYS, ...vars });
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
  const cookieOf = async (
    identity: Pick<Identity, "unitId" | "sticky"> & Partial<Identity>,
  ): Promise<string> =>
    (await cookies.write("http://shop.test/", { captchaScore: null, ...identity }, 20_000)).split(";")[0] ??
    "";
  return { visit, cookieOf, cookies, warnings };
};

const sticky = new Map([[7, "treatment"] as const]);

describe("a user's id", () => {
  test.each([["7"], ["9007199254740991"], ["0.5"]])("may be the number %s", async (sub) => {
    const { visit, warnings } = setUp({ UNIT_FROM: "claim:sub" });
    expect((await visit({ "X-Verified": sub })).unitId).toBe(sub);
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
    expect((await visit({ "X-Verified": sub })).unitId).toMatch(/^anon-/);
    expect(warnings).toEqual([expect.stringMatching(reason)]);
  });
});

describe("sign-in", () => {
  test("the signed-in user is the unit, with cohorts and captcha score of the visitor they were before", async () => {
    const { visit, cookieOf } = setUp({ UNIT_FROM: "header:X-User" });
    const { unitId } = await visit();
    const cookie = await cookieOf({ unitId, sticky, captchaScore: 0.7 });
    const identity = await visit({ Cookie: cookie, "X-User": "user-1" });
    expect(identity.unitId).toBe("user-1");
    expect(identity.sticky).toEqual(sticky);
    expect(identity.captchaScore).toBe(0.7);
    expect(identity.signed).toBe(null); // so that the cookie is written anew
  });

  test("another user of the same browser inherits neither cohorts nor score", async () => {
    const { visit, cookieOf } = setUp({ UNIT_FROM: "header:X-User" });
    const one = await visit({ "X-User": "user-1" });
    const cookie = await cookieOf({ unitId: one.unitId, sticky, captchaScore: 0.7 });
    const other = await visit({ Cookie: cookie, "X-User": "user-2" });
    expect(other.unitId).toBe("user-2");
    expect(other.sticky.size).toBe(0);
    expect(other.captchaScore).toBe(null);
  });

  test("a user who signs out stays the same unit", async () => {
    const { visit, cookieOf } = setUp({ UNIT_FROM: "header:X-User" });
    const one = await visit({ "X-User": "user-1" });
    const after = await visit({ Cookie: await cookieOf({ unitId: one.unitId, sticky }) });
    expect(after.unitId).toBe("user-1");
    expect(after.sticky).toEqual(sticky);
  });

  test("a sign-in counts by a claim of a verified token, and not by a header that is not configured", async () => {
    const { visit } = setUp({ UNIT_FROM: "claim:sub" });
    expect((await visit({ "X-Verified": "user-1" })).unitId).toBe("user-1");
    expect((await visit({ "X-User": "user-1" })).unitId).toMatch(/^anon-/);
  });
});

describe("consent", () => {
  test("without it, by configuration or by the request, an identity lives for one request", async () => {
    const { visit, cookieOf } = setUp({});
    const known = await visit();
    const cookie = await cookieOf({ unitId: known.unitId, sticky });
    const passing = await visit({ Cookie: cookie, "Sluice-Consent": "none" });
    expect(passing).toMatchObject({ isEphemeral: true, signed: null });
    expect(passing.unitId).not.toBe(known.unitId);
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
    const identity = { unitId: (await setUp({}).visit()).unitId, sticky, captchaScore: null };
    const byOld = makeCookies([old ?? first], hmac);
    const { cookies } = setUp({});
    const value = (line: string): string => line.split(";")[0]?.split("=").slice(1).join("=") ?? "";
    const verified = await cookies.verify(value(await byOld.write("http://shop.test/", identity, 20_000)));
    expect(verified?.unitId).toBe(identity.unitId);
    expect(verified && cookies.isDue(verified, 20_000)).toBe(true);
    const fresh = await cookies.verify(value(await cookies.write("http://shop.test/", identity, 20_000)));
    expect(fresh && cookies.isDue(fresh, 20_029)).toBe(false);
    expect(fresh && cookies.isDue(fresh, 20_030)).toBe(true);
  });
});
