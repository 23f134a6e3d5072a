// Captcha tokens: which of them give a visitor a score, that the score stays with this visitor only, and that the visitor
// gets the same site whatever the score is.
import { beforeAll, describe, expect, inject, test, vi } from "vitest";
import { toBase64Url } from "../../edge/bytes.ts";
import { sign } from "../../edge/hmac.ts";
import { makeVerifyCaptcha } from "../../edge/visitor/captcha.ts";
import { err, ok } from "../../shared/result.ts";
import { signedPart } from "../../shared/signing/cookie.ts";
import { CAPTCHA_SECRET, makeToken, type TokenFields } from "./support/captcha-token.ts";
import { cookieOf, echoed, edge, feature, headerOf, push, recorded } from "./support/edge.ts";

const BROWSER = { "User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0" };
const HOST = "shop.test";

beforeAll(async () => {
  await push({ revision: 1, full: true, features: [feature("feat_a"), feature("feat_b")] });
});

const visit = async (cookie: string | null) => {
  const headers = cookie === null ? BROWSER : { ...BROWSER, Cookie: cookie };
  const response = await edge("/", { headers });
  const seen = await echoed(response);
  const unit = headerOf(seen, "Sluice-Unit") ?? "";
  return { response, unit, features: headerOf(seen, "Sluice-Features") };
};

const newVisitor = async () => {
  const { response, unit, features } = await visit(null);
  return { cookie: cookieOf(response), unit, features };
};

const send = (body: string, headers: Record<string, string> = {}): Promise<Response> =>
  edge("/.sluice/captcha", {
    method: "POST",
    body,
    headers: { ...BROWSER, Origin: `http://${HOST}`, ...headers },
  });

const sendToken = (cookie: string, fields: Partial<TokenFields>): Promise<Response> =>
  send(JSON.stringify({ token: makeToken({ hostname: HOST, ...fields }) }), { Cookie: cookie });

const statsOf = async () =>
  (await (await edge("/.sluice/health")).json<{ captcha: Record<string, number> }>()).captcha;

const asked = async (containing: string) =>
  (await recorded(encodeURIComponent(containing))).filter(({ url }) => url === "/siteverify");

type Attribute = { key: string; value: Record<string, unknown> };

/** Of the unit's exposures, in the order in which they came: the score, and whether it is a bot's. */
const spansOf = async (unit: string) =>
  (await recorded(`"${unit}"`))
    .filter(({ url }) => url === "/v1/traces")
    .flatMap(
      ({ body }): { attributes: Attribute[] }[] => JSON.parse(body).resourceSpans[0].scopeSpans[0].spans,
    )
    .map(({ attributes }) =>
      Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]])),
    )
    .filter((named) => named["feature_flag.context.id"] === unit && named["sluice.request"] === undefined)
    .map((named) => ({
      feature: named["feature_flag.key"],
      score: named["captcha_score"],
      isBot: named["is_bot"] === true,
    }));

const waitForSpans = (unit: string, count: number) =>
  vi.waitUntil(async () => {
    const spans = await spansOf(unit);
    return spans.length >= count ? spans : null;
  }, 10_000);

describe("siteverify's answer", () => {
  const config = {
    secret: CAPTCHA_SECRET,
    verifyUrl: `${inject("outsideUrl")}/siteverify`,
    threshold: 0.5,
  };
  const from = { hostname: HOST, address: null };
  const token = (fields: Partial<TokenFields> = {}) => makeToken({ hostname: HOST, ...fields });

  test.each(["turnstile", "recaptcha"] as const)(
    "%s: a valid token has a score, and only once",
    async (provider) => {
      const verify = makeVerifyCaptcha({ ...config, provider });
      const good = provider === "turnstile" ? token() : token({ score: 0.7 });
      expect(await verify(good, from)).toEqual(ok(provider === "turnstile" ? 1 : 0.7));
      expect(await verify(good, from)).toEqual(err({ reason: "spent" }));
    },
  );

  test.each(["turnstile", "recaptcha"] as const)(
    "%s: an invalid token is a bot's, and an answer about anything else gives no score",
    async (provider) => {
      const verify = makeVerifyCaptcha({ ...config, provider });
      expect(await verify("made up", from)).toEqual(ok(0));
      const undecided: [string, object, string][] = [
        ["elsewhere", { hostname: "evil.test" }, "another host"],
        ["elsewhere", { action: "login" }, "another action"],
        ["elsewhere", { action: "" }, "no action"],
        ["unanswered", { trouble: "500" }, "an error page"],
        ["unanswered", { trouble: "internal-error" }, "an error of its own"],
      ];
      for (const [reason, fields, name] of undecided)
        expect(await verify(token({ score: 0.9, ...fields }), from), name).toEqual(err({ reason }));
      const wrongSecret = makeVerifyCaptcha({ ...config, provider, secret: "another" });
      expect(await wrongSecret(token({ score: 0.9 }), from)).toEqual(err({ reason: "misconfigured" }));
    },
  );

  test("a provider that hangs gives no score after three seconds", async () => {
    const verify = makeVerifyCaptcha({ ...config, provider: "turnstile" });
    expect(await verify(token({ trouble: "hang" }), from)).toEqual(err({ reason: "unanswered" }));
  });

  test("a key of reCAPTCHA v2 gives no scores", async () => {
    const verify = makeVerifyCaptcha({ ...config, provider: "recaptcha" });
    expect(await verify(token(), from)).toEqual(err({ reason: "misconfigured" }));
  });

  test("the provider gets the visitor's address", async () => {
    const verify = makeVerifyCaptcha({ ...config, provider: "turnstile" });
    const sent = token();
    await verify(sent, { hostname: HOST, address: "2001:db8::1" });
    const [request] = await asked(sent);
    expect(new URLSearchParams(request?.body).get("remoteip")).toBe("2001:db8::1");
  });
});

test("a visitor's score is in their signed cookie, beside unit and cohorts, and in every span from then on", async () => {
  const { cookie, unit, features } = await newVisitor();
  const response = await sendToken(cookie, { score: 0.9 });
  expect(response.status).toBe(204);
  expect(await response.text()).toBe("");
  const scored = cookieOf(response);
  const again = await visit(scored);
  expect(again).toMatchObject({ unit, features });
  expect(again.response.headers.getSetCookie()).toEqual([]);
  const spans = await waitForSpans(unit, 4);
  expect(spans.slice(0, 2)).toEqual([
    { feature: "feat_a", score: undefined, isBot: false },
    { feature: "feat_b", score: undefined, isBot: false },
  ]);
  expect(spans.slice(2)).toEqual([
    { feature: "feat_a", score: 0.9, isBot: false },
    { feature: "feat_b", score: 0.9, isBot: false },
  ]);
});

test("a bot is reported at once, marked in every span, and served like anyone", async () => {
  const { cookie, unit, features } = await newVisitor();
  const response = await sendToken(cookie, { score: 0.1 });
  expect(response.status).toBe(204);
  const marked = { score: 0.1, isBot: true };
  expect((await waitForSpans(unit, 4)).slice(2)).toEqual([
    { feature: "feat_a", ...marked },
    { feature: "feat_b", ...marked },
  ]);
  expect(await visit(cookieOf(response))).toMatchObject({ unit, features });
  expect((await waitForSpans(unit, 6)).slice(4)).toEqual([
    { feature: "feat_a", ...marked },
    { feature: "feat_b", ...marked },
  ]);
});

test("a visitor is verified once", async () => {
  const scored = cookieOf(await sendToken((await newVisitor()).cookie, { score: 0.1 }));
  const token = makeToken({ hostname: HOST, score: 0.9 });
  const response = await send(JSON.stringify({ token }), { Cookie: scored });
  expect(response.status).toBe(204);
  expect(response.headers.getSetCookie()).toEqual([]);
  expect(await asked(token)).toEqual([]);
});

test.each([
  [
    "that was used before",
    422,
    "spent",
    async (cookie: string) => {
      const body = JSON.stringify({ token: makeToken({ hostname: HOST, score: 0.9 }) });
      expect((await send(body, { Cookie: (await newVisitor()).cookie })).status).toBe(204);
      return send(body, { Cookie: cookie });
    },
  ],
  [
    "of another host",
    422,
    "elsewhere",
    (cookie: string) => sendToken(cookie, { score: 0.9, hostname: "evil.test" }),
  ],
  [
    "for another action",
    422,
    "elsewhere",
    (cookie: string) => sendToken(cookie, { score: 0.9, action: "login" }),
  ],
  ["while siteverify is down", 503, "unanswered", (cookie: string) => sendToken(cookie, { trouble: "500" })],
  ["while siteverify hangs", 503, "unanswered", (cookie: string) => sendToken(cookie, { trouble: "hang" })],
] as const)("a token %s gives no score and is counted", async (_, status, why, sendOne) => {
  const { cookie, unit } = await newVisitor();
  const before = (await statsOf())[why] ?? 0;
  const response = await sendOne(cookie);
  expect(response.status).toBe(status);
  expect(response.headers.getSetCookie()).toEqual([]);
  expect((await statsOf())[why]).toBe(before + 1);
  await visit(cookie);
  expect((await waitForSpans(unit, 4)).map(({ score, isBot }) => [score, isBot])).toEqual(
    Array.from({ length: 4 }, () => [undefined, false]),
  );
});

test("scores of humans and bots are counted", async () => {
  const before = await statsOf();
  await sendToken((await newVisitor()).cookie, { score: 0.5 });
  await sendToken((await newVisitor()).cookie, { score: 0.49 });
  await send('{"token":"made up"}', { Cookie: (await newVisitor()).cookie });
  const { human = 0, bot = 0 } = before;
  expect(await statsOf()).toEqual({ ...before, human: human + 1, bot: bot + 2 });
});

test("a visitor can neither forge a score nor take another visitor's", async () => {
  const bot = cookieOf(await sendToken((await newVisitor()).cookie, { score: 0.1 }));
  const human = cookieOf(await sendToken((await newVisitor()).cookie, { score: 0.9 }));
  const [, , humanPayload = ""] = human.split(".");
  expect(humanPayload).toMatch(/~90$/);
  const { unit } = await visit(bot);
  for (const forge of [
    (cookie: string) => cookie.replace("~10.", "~90."),
    (cookie: string) => cookie.replace("~10.", "."),
    (cookie: string) => cookie.replace(/^(sluice=v1\.c2\.)[^.]+/, `$1${humanPayload}`),
  ]) {
    const forged = forge(bot);
    expect(forged).not.toBe(bot);
    const seen = await visit(forged);
    expect(seen.unit).not.toBe(unit);
    expect(seen.unit).not.toBe((await visit(human)).unit);
    expect(cookieOf(seen.response)).not.toMatch(/~\d+\./);
  }
});

test("a renewed cookie keeps the score", async () => {
  const scored = cookieOf(await sendToken((await newVisitor()).cookie, { score: 0.3 }));
  const [, , payload = ""] = scored.split(".");
  const old = signedPart("c1", payload);
  const mac = toBase64Url(await sign("older-cookie-secret-of-tests-0123456789abcdefghijklmnop", old));
  const { response } = await visit(`sluice=${old}.${mac}`);
  expect(cookieOf(response)).toMatch(/^sluice=v1\.c2\..*~30\./);
});

test("a visitor without a valid cookie or without consent gets 409 and no score", async () => {
  const token = JSON.stringify({ token: makeToken({ hostname: HOST, score: 0.9 }) });
  const { cookie } = await newVisitor();
  for (const response of [
    await send(token),
    await send(token, { Cookie: "sluice=v1.c2.somebody~abc~." }),
    await send(token, { Cookie: cookie, "Sluice-Consent": "none" }),
  ]) {
    expect(response.status).toBe(409);
    expect(response.headers.getSetCookie()).toEqual([]);
  }
  expect(await asked(token)).toEqual([]);
});

test("a token of another site's page, and a body without a token, are refused", async () => {
  const { cookie } = await newVisitor();
  const good = JSON.stringify({ token: makeToken({ hostname: HOST, score: 0.9 }) });
  expect((await send(good, { Cookie: cookie, Origin: "https://evil.test" })).status).toBe(403);
  for (const body of ["", "x", "{}", '{"token":""}', '{"token":7}'])
    expect((await send(body, { Cookie: cookie })).status, body).toBe(400);
  expect((await send("x".repeat(10_000), { Cookie: cookie })).status).toBe(413);
});

test("a visitor who sends too many tokens gets 429", async () => {
  const { cookie } = await newVisitor();
  const statuses: number[] = [];
  for (let i = 0; i < 25; i++) statuses.push((await sendToken(cookie, { trouble: "500" })).status);
  expect(statuses[0]).toBe(503);
  expect(statuses).toContain(429);
});
