// Providers and strangers that lie: ID tokens and logout tokens that are not what they should be. The tokens come from a provider
// of the test's own, which signs whatever it is told to.
import { once } from "node:events";
import { createServer } from "node:http";
import { exportJWK, generateKeyPair, SignJWT, UnsecuredJWT, type JWTPayload } from "jose";
import { afterAll, describe, expect, test, vi } from "vitest";
import { makeSessionKeys } from "../../../origin/access/make-session-keys.ts";
import { startProvider } from "../../../origin/sign-in/provider.ts";
import { makeAdminApp, PUBLIC_URL } from "../../support/admin-app.ts";
import { makeBrowserClient } from "../../support/browser-client.ts";
import { makeTestDatabase } from "../../support/database.ts";

const CLIENT = { clientId: "sluice", clientSecret: "the-secret-of-the-client" };
const nowS = (): number => Math.floor(Date.now() / 1_000);
const keys = await generateKeyPair("RS256");
const otherKeys = await generateKeyPair("RS256");
const jwk = { ...(await exportJWK(keys.publicKey)), kid: "k1", alg: "RS256", use: "sig" };

let idToken = "";
const server = createServer((incoming, answer) => {
  const path = new URL(incoming.url ?? "/", "http://x").pathname;
  const bodies: Record<string, object> = {
    "/.well-known/openid-configuration": {
      issuer,
      authorization_endpoint: `${issuer}/authorize`,
      token_endpoint: `${issuer}/token`,
      jwks_uri: `${issuer}/keys`,
      response_types_supported: ["code"],
      subject_types_supported: ["public"],
      // As a provider might that means well with nobody.
      id_token_signing_alg_values_supported: ["RS256", "HS256", "none"],
    },
    "/keys": { keys: [jwk] },
    "/token": { access_token: "an-access-token", token_type: "Bearer", id_token: idToken },
  };
  const body = bodies[path];
  answer.writeHead(body === undefined ? 404 : 200, { "content-type": "application/json" });
  answer.end(JSON.stringify(body ?? {}));
});
server.listen(0, "127.0.0.1");
await once(server, "listening");
const address = server.address();
const issuer = `http://127.0.0.1:${typeof address === "object" ? address?.port : ""}`;

const database = await makeTestDatabase();
const sessionKeys = makeSessionKeys();
const provider = startProvider({
  settings: {
    issuer,
    ...CLIENT,
    scope: "openid",
    roleClaims: ["roles"],
    roles: [{ role: "admin", value: "admin" }],
  },
  nowMs: () => performance.now(),
  log: { info: () => {}, warn: () => {} },
});
await vi.waitFor(() => expect(provider.trouble()).toBe(undefined));
afterAll(async () => {
  await provider.stop();
  server.closeAllConnections();
  server.close();
  await database.drop();
});
/** One for each test: thirty failures a minute are an address's limit. */
const makeApp = () => makeAdminApp({ pool: database.servicePool, sessionKeys, provider }).app;

const good = (nonce: string): JWTPayload => ({
  iss: issuer,
  aud: CLIENT.clientId,
  sub: "ada",
  sid: "the-session",
  nonce,
  iat: nowS(),
  exp: nowS() + 300,
  roles: ["admin"],
});
const signed = (claims: JWTPayload, header: object = {}): Promise<string> =>
  new SignJWT(claims).setProtectedHeader({ alg: "RS256", kid: "k1", ...header }).sign(keys.privateKey);

const without = (claims: JWTPayload, name: string): JWTPayload =>
  Object.fromEntries(Object.entries(claims).filter(([key]) => key !== name));

const signInWith = async (makeToken: (nonce: string) => Promise<string> | string) => {
  const browser = makeBrowserClient(makeApp(), PUBLIC_URL);
  const begun = await browser.get("/auth/oidc");
  const asked = new URL(begun.headers.get("location") ?? "").searchParams;
  idToken = await makeToken(asked.get("nonce") ?? "");
  const answer = await browser.get(`/auth/callback?code=x&state=${asked.get("state") ?? ""}`);
  return { answer, browser };
};

test("the token that all others differ from signs in", async () => {
  const { answer, browser } = await signInWith((nonce) => signed(good(nonce)));
  expect(answer.status).toBe(303);
  expect((await browser.get("/admin/v1/me")).status).toBe(200);
});

test.each<[string, (nonce: string) => Promise<string> | string]>([
  ["of another issuer", (nonce) => signed({ ...good(nonce), iss: "https://evil.example" })],
  ["for another client", (nonce) => signed({ ...good(nonce), aud: "another" })],
  [
    "for several clients without saying for whom",
    (nonce) => signed({ ...good(nonce), aud: ["sluice", "another"] }),
  ],
  ["of another authorized party", (nonce) => signed({ ...good(nonce), aud: ["sluice", "b"], azp: "b" })],
  ["of another sign-in", (nonce) => signed({ ...good(nonce), nonce: "another" })],
  ["without a nonce", (nonce) => signed(without(good(nonce), "nonce"))],
  ["that has expired", (nonce) => signed({ ...good(nonce), iat: nowS() - 400, exp: nowS() - 60 })],
  ["without an end", (nonce) => signed(without(good(nonce), "exp"))],
  ["that is not valid yet", (nonce) => signed({ ...good(nonce), nbf: nowS() + 120 })],
  ["without a subject", (nonce) => signed(without(good(nonce), "sub"))],
  ["whose subject is no text", (nonce) => signed({ ...good(nonce), sub: 7 as unknown as string })],
  ["whose subject has a second line", (nonce) => signed({ ...good(nonce), sub: "a\nb" })],
  ["that is not signed", (nonce) => new UnsecuredJWT(good(nonce)).encode()],
  [
    "that is signed with the client's secret",
    (nonce) =>
      new SignJWT(good(nonce))
        .setProtectedHeader({ alg: "HS256" })
        .sign(new TextEncoder().encode(CLIENT.clientSecret)),
  ],
  [
    "that somebody else has signed",
    (nonce) =>
      new SignJWT(good(nonce)).setProtectedHeader({ alg: "RS256", kid: "k1" }).sign(otherKeys.privateKey),
  ],
  ["of an unknown key", (nonce) => signed(good(nonce), { kid: "k2" })],
  [
    "whose claims were changed",
    async (nonce) => {
      const [header = "", , mac = ""] = (await signed({ ...good(nonce), roles: [] })).split(".");
      return [header, Buffer.from(JSON.stringify(good(nonce))).toString("base64url"), mac].join(".");
    },
  ],
  ["that is no token", () => "x.y.z"],
  ["that is missing", () => ""],
])("an ID token %s signs nobody in", async (_, makeToken) => {
  const { answer, browser } = await signInWith(makeToken);
  expect(answer.status).toBe(403);
  expect(answer.headers.get("set-cookie")).not.toContain("sluice-session=v1");
  expect((await browser.get("/admin/v1/me")).status).toBe(401);
});

test.each([
  ["20 s behind", -20],
  ["20 s ahead", 20],
])("a provider whose clock is %s is understood", async (_, seconds) => {
  const { answer } = await signInWith((nonce) =>
    signed({ ...good(nonce), iat: nowS() + seconds, nbf: nowS() + seconds, exp: nowS() + seconds + 5 }),
  );
  expect(answer.status).toBe(303);
});

describe("a logout token", () => {
  const logout = (): JWTPayload => ({
    iss: issuer,
    aud: CLIENT.clientId,
    sub: "ada",
    iat: nowS(),
    exp: nowS() + 60,
    jti: "one",
    events: { "http://schemas.openid.net/event/backchannel-logout": {} },
  });
  const send = (token: string) =>
    makeApp().request("/auth/backchannel-logout", {
      method: "POST",
      headers: { "content-type": "application/x-www-form-urlencoded" },
      body: new URLSearchParams({ logout_token: token }).toString(),
    });

  test.each<[string, () => Promise<string> | string]>([
    ["of another issuer", () => signed({ ...logout(), iss: "https://evil.example" })],
    ["for another client", () => signed({ ...logout(), aud: "another" })],
    ["that is old", () => signed({ ...logout(), iat: nowS() - 400 })],
    ["that has expired", () => signed({ ...logout(), exp: nowS() - 60 })],
    ["that is an ID token", () => signed(good("a-nonce"))],
    ["with a nonce", () => signed({ ...logout(), nonce: "x" })],
    ["of another event", () => signed({ ...logout(), events: {} })],
    ["without a jti", () => signed(without(logout(), "jti"))],
    ["that names nobody", () => signed(without(logout(), "sub"))],
    ["that is not signed", () => new UnsecuredJWT(logout()).encode()],
    [
      "that is signed with the client's secret",
      () =>
        new SignJWT(logout())
          .setProtectedHeader({ alg: "HS256" })
          .sign(new TextEncoder().encode(CLIENT.clientSecret)),
    ],
    [
      "that somebody else has signed",
      () => new SignJWT(logout()).setProtectedHeader({ alg: "RS256", kid: "k1" }).sign(otherKeys.privateKey),
    ],
    ["that is no token", () => "x.y.z"],
  ])("%s ends nothing", async (_, makeToken) => {
    const { browser } = await signInWith((nonce) => signed(good(nonce)));
    expect((await send(await makeToken())).status).toBe(400);
    expect((await browser.get("/admin/v1/me")).status).toBe(200);
  });

  test("ends the sessions of the person that it names, or of the one sign-in", async () => {
    const sessionOf = async (sub: string, sid: string) =>
      (await signInWith((nonce) => signed({ ...good(nonce), sub, sid }))).browser;
    const statusOf = async (browser: Awaited<ReturnType<typeof sessionOf>>) =>
      (await browser.get("/admin/v1/me")).status;
    const [one, two, other] = [
      await sessionOf("grace", "s1"),
      await sessionOf("grace", "s2"),
      await sessionOf("alan", "s3"),
    ];
    const answer = await send(await signed({ ...without(logout(), "sub"), sid: "s1" }));
    expect(answer.status).toBe(200);
    expect(answer.headers.get("cache-control")).toBe("no-store");
    expect([await statusOf(one), await statusOf(two), await statusOf(other)]).toEqual([401, 200, 200]);
    await send(await signed({ ...logout(), sub: "grace" }));
    expect([await statusOf(two), await statusOf(other)]).toEqual([401, 200]);
  });
});
