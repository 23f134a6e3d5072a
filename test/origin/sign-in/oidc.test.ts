// Signing in at a real OpenID Connect provider, through its own forms.
import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import { getRequestListener } from "@hono/node-server";
import { afterAll, describe, expect, test, vi } from "vitest";
import { z } from "zod";
import { makeSessionKeys } from "../../../origin/access/make-session-keys.ts";
import { freePort } from "../../../origin/db/free-port.ts";
import { startProvider } from "../../../origin/sign-in/provider.ts";
import { makeAdminApp } from "../../support/admin-app.ts";
import { makeBrowserClient, type BrowserClient } from "../../support/browser-client.ts";
import { makeTestDatabase } from "../../support/database.ts";
import { CLIENT, startOidcServer } from "../../support/oidc-server.ts";
import { walkProvider, type ProviderJar } from "../../support/oidc-walk.ts";

const silent = { info: () => {}, warn: () => {} };
const database = await makeTestDatabase();
const port = await freePort();
const publicUrl = `http://127.0.0.1:${port}`;
const people = new Map<string, Record<string, unknown>>();
const server = await startOidcServer({
  publicUrl,
  people,
  backChannelUri: `${publicUrl}/auth/backchannel-logout`,
});
const provider = startProvider({
  settings: {
    issuer: server.issuer,
    ...CLIENT,
    scope: "openid email profile",
    roleClaims: ["roles", "groups"],
    roles: [
      { role: "admin", value: "platform" },
      { role: "editor", value: "product" },
      { role: "viewer", value: "viewer" },
    ],
  },
  nowMs: () => performance.now(),
  log: silent,
});
const sessionKeys = makeSessionKeys();
const origin = makeAdminApp({ pool: database.servicePool, sessionKeys, publicUrl, provider });
const second = makeAdminApp({ pool: database.servicePool, sessionKeys, publicUrl, provider });
const { app, request } = origin;
// The provider calls the origin by itself when a person signs out there.
const listening = createServer((incoming, answer) => void getRequestListener(app.fetch)(incoming, answer));
listening.listen(port, "127.0.0.1");
await once(listening, "listening");
await vi.waitFor(() => expect(provider.trouble()).toBe(undefined));
afterAll(async () => {
  await provider.stop();
  await server.stop();
  listening.closeAllConnections();
  listening.close();
  await database.drop();
});

const pathOf = (url: string): string => url.slice(publicUrl.length);

/** As far as the provider's answer, which the person's browser then brings. */
const comeBack = async (
  browser: BrowserClient,
  login: string,
  { jar = new Map(), next = "/docs/" }: { jar?: ProviderJar; next?: string } = {},
): Promise<string> => {
  const begun = await browser.get(`/auth/oidc?next=${encodeURIComponent(next)}`);
  expect(begun.status).toBe(302);
  const back = await walkProvider(begun.headers.get("location") ?? "", {
    login,
    until: `${publicUrl}/auth/callback`,
    jar,
  });
  return pathOf(back);
};
const signInAs = async (login: string, jar: ProviderJar = new Map()) => {
  const browser = makeBrowserClient(app, publicUrl);
  const answer = await browser.get(await comeBack(browser, login, { jar }), {
    "sec-fetch-site": "cross-site",
  });
  return { browser, answer };
};
const Me = z.looseObject({
  actor: z.string(),
  scope: z.string(),
  tags: z.null(),
  session: z.looseObject({ method: z.string(), csrfToken: z.string() }),
});
const me = async (browser: BrowserClient) => Me.parse(await (await browser.get("/admin/v1/me")).json());

describe("a person with a role", () => {
  test("is signed in with it, under the verified address, and led on", async () => {
    people.set("ada", { email: "Ada@Example.com", email_verified: true, roles: ["product", "else"] });
    const browser = makeBrowserClient(app, publicUrl);
    const answer = await browser.get(await comeBack(browser, "ada", { next: "/docs/?x=1" }));
    expect(answer.status).toBe(303);
    expect(answer.headers.get("location")).toBe("/docs/?x=1");
    const { actor, scope, session, tags } = await me(browser);
    expect({ actor, scope, tags, method: session.method }).toEqual({
      actor: "user:ada@example.com",
      scope: "editor",
      tags: null,
      method: "oidc",
    });
    const made = await browser.send("/admin/v1/features", {
      method: "POST",
      body: JSON.stringify({ featureId: "feat_of_ada" }),
      headers: { "x-sluice-csrf": session.csrfToken },
    });
    expect(made.status).toBe(201);
    expect(await (await request("/audit?featureId=feat_of_ada")).json()).toMatchObject({
      entries: [{ actor: "user:ada@example.com" }],
    });
    expect(await (await request("/sessions")).text()).toContain("user:ada@example.com");
  });

  test.each([
    [{ roles: ["viewer"], groups: ["platform"] }, "admin"],
    [{ groups: "product" }, "editor"],
    [{ roles: "viewer" }, "viewer"],
  ])("by %j is %s: the greatest one counts", async (claims, scope) => {
    people.set("grace", claims);
    const { browser } = await signInAs("grace");
    expect(await me(browser)).toMatchObject({ actor: "user:grace", scope });
  });

  test("whose role was lowered loses what the greater one has made with the next sign-in", async () => {
    people.set("mallory", { roles: ["platform"] });
    const { browser: before } = await signInAs("mallory");
    expect(await me(before)).toMatchObject({ scope: "admin" });
    people.set("mallory", { roles: ["viewer"] });
    const { browser: after } = await signInAs("mallory");
    expect(await me(after)).toMatchObject({ scope: "viewer" });
    expect((await before.get("/admin/v1/me")).status).toBe(401);
    people.set("mallory", { roles: [] });
    const { answer } = await signInAs("mallory");
    expect(answer.status).toBe(403);
    expect((await after.get("/admin/v1/me")).status).toBe(401);
  });
});

test("a command line's token of a person ends with the role that it was made with, at the next sign-in", async () => {
  const tokenOf = async (browser: BrowserClient): Promise<string> => {
    const { session } = await me(browser);
    const verifier = "v".repeat(43);
    const agreed = await browser.submit("/auth/cli", {
      port: "40000",
      challenge: createHash("sha256").update(verifier).digest("base64url"),
      state: "s".repeat(43),
      machine: "a laptop",
      csrf: session.csrfToken,
    });
    const code = new URL(agreed.headers.get("location") ?? "").searchParams.get("code") ?? "";
    const got = await browser.submit("/auth/cli/token", { code, verifier });
    return z.object({ token: z.string() }).parse(await got.json()).token;
  };
  const callerOf = async (token: string) => {
    const answer = await request("/me", { headers: { authorization: `Bearer ${token}` } });
    return answer.status === 200 ? Caller.parse(await answer.json()) : answer.status;
  };
  const Caller = z.object({ actor: z.string(), scope: z.string() });
  people.set("joan", { email: "joan@example.com", email_verified: true, roles: ["platform"] });
  const asAdmin = await tokenOf((await signInAs("joan")).browser);
  expect(await callerOf(asAdmin)).toEqual({ actor: "user:joan@example.com", scope: "admin" });

  people.set("joan", { email: "joan@example.com", email_verified: true, roles: ["viewer"] });
  const { browser } = await signInAs("joan");
  expect(await callerOf(asAdmin)).toBe(401);
  const asViewer = await tokenOf(browser);
  await signInAs("joan");
  expect(await callerOf(asViewer)).toEqual({ actor: "user:joan@example.com", scope: "viewer" });

  people.set("joan", { roles: [] });
  await signInAs("joan");
  expect(await callerOf(asViewer)).toBe(401);
});

test.each([
  ["nobody", {}, "says nothing"],
  ["stranger", { roles: ["sales", "<b>"], email: "s@example.com", email_verified: true }, "sales, &lt;b&gt;"],
])("%s without a role is refused by a page that says why", async (login, claims, why) => {
  people.set(login, claims);
  const { browser, answer } = await signInAs(login);
  expect(answer.status).toBe(403);
  expect(answer.headers.get("set-cookie")).not.toContain("sluice-session");
  const text = await answer.text();
  for (const part of ["You have no role here", "OIDC_ROLE_CLAIM", why]) expect(text).toContain(part);
  expect((await browser.get("/admin/v1/me")).status).toBe(401);
});

test.each([
  ["a second line", "ada@example.com\nSet-Cookie: a=b"],
  ["a carriage return", "ada@example.com\r\nx: y"],
  ["half of a surrogate pair", "ada\ud800@example.com"],
  ["the character NUL", "ada\u0000@example.com"],
  ["a reversed direction", "ada@example.com\u202emoc.live"],
  ["no sign of an address", "admin"],
  ["three hundred letters", `${"a".repeat(300)}@example.com`],
])("an address with %s signs nobody in", async (_, email) => {
  people.set("eve", { email, email_verified: true, roles: ["platform"] });
  const { answer, browser } = await signInAs("eve");
  expect(answer.status).toBe(403);
  expect((await browser.get("/admin/v1/me")).status).toBe(401);
});

test("an address that the provider has not verified names nobody", async () => {
  people.set("trudy", { email: "ada@example.com", email_verified: false, roles: ["viewer"] });
  const { browser } = await signInAs("trudy");
  expect(await me(browser)).toMatchObject({ actor: "user:trudy" });
});

describe("the provider's answer", () => {
  test("works once, in the browser that asked for it", async () => {
    people.set("ada", { roles: ["viewer"] });
    const browser = makeBrowserClient(app, publicUrl);
    const back = await comeBack(browser, "ada");
    const thief = makeBrowserClient(app, publicUrl);
    expect((await thief.get(back)).status).toBe(403);
    const cookie = browser.cookieHeader();
    expect((await browser.get(back)).status).toBe(303);
    expect((await browser.get(back)).status).toBe(403);
    // With the cookie of before as well: the provider has given the code out once.
    const replayed = await app.request(back, { headers: { cookie } });
    expect(replayed.status).toBe(403);
    expect(replayed.headers.get("set-cookie")).not.toContain("sluice-session");
  });

  test.each([
    ["another state", (url: URL) => url.searchParams.set("state", "x")],
    ["no state", (url: URL) => url.searchParams.delete("state")],
    ["another code", (url: URL) => url.searchParams.set("code", "x")],
    ["another issuer", (url: URL) => url.searchParams.set("iss", "https://evil.example")],
    ["no issuer, which this provider always names", (url: URL) => url.searchParams.delete("iss")],
    ["two codes", (url: URL) => url.searchParams.append("code", "x")],
    ["an error beside it", (url: URL) => url.searchParams.set("error", "access_denied")],
  ])("with %s signs nobody in", async (_, change) => {
    people.set("ada", { roles: ["viewer"] });
    // An origin of its own: thirty failures a minute are an address's limit.
    const { app: own } = makeAdminApp({ pool: database.servicePool, sessionKeys, publicUrl, provider });
    const browser = makeBrowserClient(own, publicUrl);
    const back = new URL(await comeBack(browser, "ada"), publicUrl);
    change(back);
    const answer = await browser.get(`${back.pathname}${back.search}`);
    expect(answer.status).toBe(403);
    expect((await browser.get("/admin/v1/me")).status).toBe(401);
  });

  test("to a cookie that was changed or is ten minutes old signs nobody in", async () => {
    people.set("ada", { roles: ["viewer"] });
    const { app: own } = makeAdminApp({ pool: database.servicePool, sessionKeys, publicUrl, provider });
    const browser = makeBrowserClient(own, publicUrl);
    const back = await comeBack(browser, "ada");
    const cookie = browser.cookieHeader();
    const changed = cookie.replace(/v1\.run\.(.)/, (_, first) => `v1.run.${first === "x" ? "y" : "x"}`);
    expect((await own.request(back, { headers: { cookie: changed } })).status).toBe(403);
    vi.useFakeTimers({ now: Date.now() + 601_000, toFake: ["Date"] });
    try {
      expect((await own.request(back, { headers: { cookie } })).status).toBe(403);
    } finally {
      vi.useRealTimers();
    }
    expect((await own.request(back, { headers: { cookie } })).status).toBe(303);
  });

  test("without a sign-in that was begun here is refused, and keeps nobody else out", async () => {
    people.set("ada", { roles: ["viewer"] });
    const { app: own } = makeAdminApp({ pool: database.servicePool, sessionKeys, publicUrl, provider });
    for (let i = 0; i < 40; i += 1) {
      const answer = await own.request(`/auth/callback?code=x&state=${i}`);
      expect(answer.status).toBe(403);
    }
    const browser = makeBrowserClient(own, publicUrl);
    expect((await browser.get(await comeBack(browser, "ada"))).status).toBe(303);
  });

  test("that cannot be used counts as a failed sign-in, thirty a minute", async () => {
    const { app: own } = makeAdminApp({ pool: database.servicePool, sessionKeys, publicUrl, provider });
    const fail = async () => {
      const browser = makeBrowserClient(own, publicUrl);
      await browser.get("/auth/oidc");
      return browser.get("/auth/callback?error=access_denied&state=x");
    };
    for (let i = 0; i < 30; i += 1) expect((await fail()).status).toBe(403);
    const answer = await fail();
    expect(answer.status).toBe(429);
    expect(Number(answer.headers.get("retry-after"))).toBeGreaterThan(0);
  });

  test("that the person did not agree says so", async () => {
    const browser = makeBrowserClient(app, publicUrl);
    const begun = await browser.get("/auth/oidc");
    const state = new URL(begun.headers.get("location") ?? "").searchParams.get("state") ?? "";
    const query = new URLSearchParams({ error: "access_denied", state, iss: server.issuer }).toString();
    const answer = await browser.get(`/auth/callback?${query}`);
    expect(answer.status).toBe(403);
    expect(await answer.text()).toContain("cannot be used");
  });
});

test("the request to the provider has state, nonce and PKCE, each new", async () => {
  const browser = makeBrowserClient(app, publicUrl);
  const asked = await Promise.all([browser.get("/auth/oidc"), browser.get("/auth/oidc")]);
  const [one, two] = asked.map((answer) => new URL(answer.headers.get("location") ?? "").searchParams);
  expect(one?.get("code_challenge_method")).toBe("S256");
  for (const name of ["state", "nonce", "code_challenge"]) {
    expect(one?.get(name)?.length).toBeGreaterThan(40);
    expect(one?.get(name)).not.toBe(two?.get(name));
  }
});

describe("a person who signs out", () => {
  test("is signed out at every origin and at the provider", async () => {
    people.set("ada", { roles: ["viewer"] });
    const jar: ProviderJar = new Map();
    const { browser } = await signInAs("ada", jar);
    const page = await browser.get("/auth/sign-in");
    expect(page.headers.get("content-security-policy")).toContain(`form-action 'self' ${server.issuer}`);
    const { session } = await me(browser);
    const cookie = browser.cookieHeader();
    const answer = await browser.submit("/auth/sign-out", { csrf: session.csrfToken });
    const elsewhere = answer.headers.get("location") ?? "";
    expect(elsewhere).toContain(server.issuer);
    expect((await second.app.request("/admin/v1/me", { headers: { cookie } })).status).toBe(401);
    expect(await walkProvider(elsewhere, { login: "ada", until: `${publicUrl}/auth/sign-in`, jar })).toBe(
      `${publicUrl}/auth/sign-in`,
    );
    // The provider asks who it is again: its own session has ended too.
    people.set("grace", { roles: ["viewer"] });
    const { browser: other } = await signInAs("grace", jar);
    expect(await me(other)).toMatchObject({ actor: "user:grace" });
  });

  test("at the provider is signed out here, in each browser of that sign-in alone", async () => {
    people.set("ada", { roles: ["viewer"] });
    const jar: ProviderJar = new Map();
    const { browser } = await signInAs("ada", jar);
    const { browser: elsewhere } = await signInAs("ada");
    const { rows } = await database.pool.query(
      "select id_token from sessions where ended_at is null order by created_at desc limit 2",
    );
    const query = new URLSearchParams({
      id_token_hint: rows[1].id_token,
      post_logout_redirect_uri: `${publicUrl}/auth/sign-in`,
    }).toString();
    await walkProvider(`${server.issuer}/session/end?${query}`, {
      login: "ada",
      until: `${publicUrl}/auth/sign-in`,
      jar,
    });
    await vi.waitFor(async () => expect((await browser.get("/admin/v1/me")).status).toBe(401));
    expect((await elsewhere.get("/admin/v1/me")).status).toBe(200);
  });
});

describe("a provider that cannot be reached", () => {
  test("stops nothing, says so on the sign-in page, and is asked until it answers", async () => {
    const later = await freePort();
    const warnings: unknown[] = [];
    const unreached = startProvider({
      settings: { ...provider.settings, issuer: `http://127.0.0.1:${later}` },
      retryEveryMs: 50,
      nowMs: () => performance.now(),
      log: { info: () => {}, warn: (facts: unknown) => void warnings.push(facts) },
    });
    const { app: own } = makeAdminApp({
      pool: database.servicePool,
      sessionKeys,
      publicUrl,
      provider: unreached,
    });
    try {
      await vi.waitFor(() => expect(unreached.trouble()).toContain("ECONNREFUSED"));
      const page = await (await own.request("/auth/sign-in")).text();
      expect(page).toContain("cannot be used for signing in now");
      expect(page).toContain("ECONNREFUSED");
      expect((await own.request("/auth/oidc")).status).toBe(503);
      expect((await own.request("/auth/callback?code=x")).status).toBe(503);
      expect((await own.request("/livez")).status).toBe(200);
      const started = await startOidcServer({ publicUrl, people, port: later });
      try {
        await vi.waitFor(() => expect(unreached.trouble()).toBe(undefined), 5_000);
        expect((await own.request("/auth/oidc")).status).toBe(302);
        expect(warnings).toHaveLength(1);
      } finally {
        await started.stop();
      }
    } finally {
      await unreached.stop();
    }
  });
});
