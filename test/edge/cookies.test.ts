// The visitor's cookie among others: whatever else a request carries under its name, the one that verifies decides.
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { beforeAll, describe, expect, test } from "vitest";
import { parseConfig } from "../../edge/config.ts";
import * as hmac from "../../edge/hmac.ts";
import { makeReadClaims } from "../../edge/visitor/claims.ts";
import { makeCookies } from "../../edge/visitor/cookie.ts";
import { cookieValues } from "../../edge/visitor/cookie-header.ts";
import { UnitId } from "../../shared/ids.ts";
import { KeyRing } from "../../shared/signing/key-ring.ts";
import { cookieOf, echoed, edge, feature, headerOf, push } from "./support/edge.ts";
import { previewToken } from "./support/preview-token.ts";

let value = "";
let unit = "";
/** Of another visitor, valid too. */
let other = "";

const visit = async (Cookie: string): Promise<{ unit: string | null; set: string[] }> => {
  const response = await edge("/", { headers: { Cookie } });
  return { set: response.headers.getSetCookie(), unit: headerOf(await echoed(response), "Sluice-Unit") };
};

const newVisitor = async (): Promise<[value: string, unit: string]> => {
  const response = await edge("/");
  const cookie = cookieOf(response).replace("sluice=", "");
  return [cookie, headerOf(await echoed(response), "Sluice-Unit") ?? ""];
};

beforeAll(async () => {
  await push({
    revision: 1,
    full: true,
    features: [
      feature("feat_all"),
      feature("feat.hidden", {
        enabled: false,
        routes: [{ path: "/hidden" }],
        gate: { whenClosed: { action: "notFound" } },
      }),
    ],
  });
  [value, unit] = await newVisitor();
  [other] = await newVisitor();
});

const forged = (): string => value.replace(/.{43}$/, "A".repeat(43));
const encodedAgain = (text: string): string => encodeURIComponent(text).replaceAll("~", "%7E");

test.each([
  ["after a forged duplicate", () => `sluice=${forged()}; sluice=${value}`],
  ["before a forged duplicate", () => `sluice=${value}; sluice=${forged()}`],
  ["between duplicates that are no cookies of ours", () => `sluice=; sluice=${value}; sluice=1`],
  ["after seven forged duplicates", () => `${`sluice=${forged()}; `.repeat(7)}sluice=${value}`],
  ["before five hundred duplicates without a value", () => `sluice=${value}; ${"sluice; ".repeat(500)}`],
  ["on a second Cookie line, as workerd joins it", () => `sluice=${forged()}, sluice=${value}`],
  ["on the first of two Cookie lines", () => `sluice=${value}, theme=dark`],
  ["in quotes", () => `a=1; sluice="${value}"; b=2`],
  ["after a tab", () => `a=1;\tsluice=${value}`],
  ["with blanks around its name and value", () => `a=1 ;  sluice =\t ${value} \t; b=2`],
  ["without blanks", () => `a=1;sluice=${value};b=2`],
  ["beside the same name in other case", () => `Sluice=${forged()}; SLUICE=x; sluice=${value}`],
  ["beside names that contain its own", () => `xsluice=1; sluice=${value}; sluice-preview=1; sluice2=x`],
  ["percent-encoded once more", () => `sluice=${encodedAgain(value)}`],
])("a cookie %s is its visitor's, and no new one is made", async (_, header) => {
  expect(await visit(header())).toEqual({ unit, set: [] });
});

describe("of two cookies that are both valid", () => {
  test("the last counts, which the browser sends to every page", async () => {
    expect((await visit(`sluice=${other}; sluice=${value}`)).unit).toBe(unit);
    expect((await visit(`sluice=${value}`)).unit).toBe(unit);
  });

  test("one that begins inside another cookie's value never counts", async () => {
    expect((await visit(`sluice=${value}; search=a, sluice=${other}`)).unit).toBe(unit);
    expect((await visit(`search=a,sluice=${other}`)).unit).not.toBe(unit);
  });
});

test("a cookie of the name in other case is another cookie: a subdomain could have set it", async () => {
  for (const name of ["Sluice", "SLUICE"]) {
    const visited = await visit(`${name}=${value}`);
    expect(visited.unit).not.toBe(unit);
    expect(visited.set).toHaveLength(1);
  }
});

test("at most eight cookies of a request are verified", async () => {
  let verified = 0;
  const cookies = makeCookies(KeyRing.parse("c2:cookie-secret-of-the-tests-0123456789abcdefghijklmnop"), {
    sign: hmac.sign,
    verify: async (...signed) => {
      verified++;
      return hmac.verify(...signed);
    },
  });
  const identity = await cookies.verifyAny(cookieValues(`sluice=${forged()};`.repeat(1_000), "sluice"));
  expect([identity, verified]).toEqual([null, 8]);
});

test("a forged duplicate does not end a preview", async () => {
  const token = await previewToken("feat.hidden");
  const bad = token.replace(/.{43}$/, "A".repeat(43));
  for (const header of [
    `sluice-preview=${bad}; sluice-preview=${token}`,
    `sluice-preview=${token}; sluice-preview=${bad}`,
    `sluice-preview=${bad}, sluice-preview="${token}"`,
    `sluice-preview=${encodedAgain(token)}`,
  ])
    expect((await edge("/hidden", { headers: { Cookie: header } })).status).toBe(200);
  expect((await edge("/hidden", { headers: { Cookie: `sluice-preview=${bad}` } })).status).toBe(404);
});

describe("the site's own token", () => {
  const setUp = async (from: string) => {
    const { publicKey, privateKey } = await generateKeyPair("ES256");
    const config = parseConfig({
      PUSH_KEYS: "k:push-secret-of-the-tests-0123456789abcdefghijklmnop",
      COOKIE_KEYS: "k:cookie-secret-of-the-tests-0123456789abcdefghijklmnop",
      JWT_KEY_SET: JSON.stringify({ keys: [await exportJWK(publicKey)] }),
      JWT_FROM: from,
    });
    if (!config.ok) throw new Error("the configuration is wrong");
    const token = await new SignJWT({ sub: "user-7" })
      .setProtectedHeader({ alg: "ES256" })
      .setExpirationTime("1h")
      .sign(privateKey);
    const readClaims = makeReadClaims(config.value, Date.now);
    const subjectOf = async (headers: Record<string, string>) =>
      (await readClaims(new Request("http://shop.test/", { headers })))?.sub ?? null;
    return { token, subjectOf };
  };

  test("in a cookie is found beside expired and forged ones", async () => {
    const { token, subjectOf } = await setUp("cookie:session");
    const bad = token.replace(/.{43}$/, "A".repeat(43));
    for (const Cookie of [
      `session=${bad}; session=${token}`,
      `session=${token}; session=${bad}; session=x`,
      `session=${bad}, session="${token}"`,
      `a=1;\tsession = ${token}`,
    ])
      expect(await subjectOf({ Cookie })).toBe("user-7");
    expect(await subjectOf({ Cookie: `session=${bad}` })).toBe(null);
  });

  test("in a header may name its scheme in any case", async () => {
    const { token, subjectOf } = await setUp("header:authorization");
    for (const scheme of ["Bearer ", "bearer ", "BEARER  ", ""])
      expect(await subjectOf({ Authorization: scheme + token })).toBe("user-7");
    expect(await subjectOf({ Authorization: `Basic ${token}` })).toBe(null);
  });
});

test("a visitor's id of any text survives being encoded on the way", async () => {
  const cookies = makeCookies(
    KeyRing.parse("c2:cookie-secret-of-the-tests-0123456789abcdefghijklmnop"),
    hmac,
  );
  const visitorId = UnitId.parse("ä %41~.;=, \u{1f600}");
  const line = await cookies.write("http://shop.test/", { visitorId, captchaScore: 0.5 }, 20_000);
  const written = line.slice("sluice=".length, line.indexOf(";"));
  for (const text of [written, encodedAgain(written)])
    expect(await cookies.verify(text)).toMatchObject({ visitorId, captchaScore: 0.5 });
  expect(await cookies.verify(encodedAgain(encodedAgain(written)))).toBe(null);
});
